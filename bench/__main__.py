"""`make bench`: measure, show, write the figures, and fail when a bar is missed."""

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from bench import scenarios
from bench.bars import BARS
from bench.processes import hello_server, lambent_server
from bench.report import as_json, as_markdown, with_tables
from bench.results import Results
from lambent.commands.signature import Credentials
from lambent.version import VERSION

_CLIENTS = (1, 8, 32)
_BURSTS = (50, 200)


def main() -> int:
    """Run all measurements; 0 when all bars hold."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="of load for each number of clients and round")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best one counts")
    parser.add_argument("--samples", type=int, default=60, help="cold starts")
    parser.add_argument("--runtime", default=f"python3.{sys.version_info.minor}", help="of the functions")
    parser.add_argument("--output", type=Path, default=Path("bench/results.json"), help="where the figures go")
    parser.add_argument("--page", type=Path, help="a page whose part between the bench markers becomes the tables")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lambent-bench-") as folder:
        log = Path(folder, "log")
        try:
            results = _measure(options, Path(folder, "data"), log)
        except Exception:
            sys.stderr.write(log.read_text(errors="replace")[-4000:] if log.exists() else "")
            raise
    print(as_markdown(results))
    options.output.write_text(as_json(results))
    if options.page:
        options.page.write_text(with_tables(options.page.read_text(encoding="utf-8"), results), encoding="utf-8")
    return 0 if all(bar.holds(results) for bar in BARS) else 1


def _measure(options: argparse.Namespace, data_directory: Path, log: Path) -> Results:
    with hello_server() as hello:
        with lambent_server(data_directory, log) as lambent:
            functions = scenarios.Functions(lambent.target, options.runtime)
            _say("memory")
            memory = scenarios.memory(lambent, functions, environments=20)
            _say("cold starts")
            cold_new = scenarios.cold_new(lambent, functions, samples=options.samples)
            cold_again = scenarios.cold_again(lambent, functions, samples=options.samples)
            warm = []
            for clients in _CLIENTS:
                _say(f"warm, {clients} clients")
                warm.append(
                    scenarios.warm(
                        lambent, functions, hello.port, clients=clients, seconds=options.seconds, rounds=options.rounds
                    )
                )
            bursts = []
            for concurrency in _BURSTS:
                _say(f"burst of {concurrency}")
                bursts.append(scenarios.burst(lambent, functions, concurrency=concurrency))
            scenarios.prepare_start(functions)
        start, hello_start_seconds = _start(options, data_directory, log, lambent.target.credentials)
        return Results(
            version=VERSION,
            machine=f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}",
            runtime=options.runtime,
            start=start,
            hello_start_seconds=hello_start_seconds,
            memory=memory,
            warm=tuple(warm),
            cold_new=cold_new,
            cold_again=cold_again,
            bursts=tuple(bursts),
        )


def _start(
    options: argparse.Namespace, data_directory: Path, log: Path, credentials: Credentials
) -> tuple[scenarios.Start, float]:
    """The best of several starts on the data directory of the server that was measured, and of raw hello's between."""
    starts, hello_seconds = [], []
    for _ in range(options.rounds):
        _say("start")
        with hello_server() as hello:
            hello_seconds.append(hello.listening_seconds)
        with lambent_server(data_directory, log, credentials) as lambent:
            starts.append(scenarios.start(lambent, scenarios.Functions(lambent.target, options.runtime)))
    return min(starts, key=lambda start: start.first_answer_seconds), min(hello_seconds)


def _say(what: str) -> None:
    sys.stderr.write(f"bench: {what}\n")


if __name__ == "__main__":
    sys.exit(main())
