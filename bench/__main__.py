"""`make bench`: measure, show, write the figures, and fail when a bar is missed."""

import argparse
import contextlib
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench import processes
from bench.bars import BARS
from bench.deployment import Functions
from bench.processes import hello_server, lambent_server, newest_node
from bench.report import as_json, as_markdown, with_part
from bench.results import Results
from bench.run import Options, Run
from bench.scenarios import cold, density, events, flat, flood, isolation, reload, start, update, url, warm
from lambent.version import VERSION

SECTIONS: Mapping[str, Callable[[Run, Results], None]] = {
    "memory": density.memory,  # first: on an idle server
    "cold-python": cold.python,
    "cold-provided": cold.provided,
    "cold-node": cold.node,
    "cold-libraries": cold.libraries,
    "warm-python": warm.python,
    "warm-awslambdaric": warm.awslambdaric,
    "warm-node": warm.node,
    "warm-provided": warm.provided,
    "update": update.update,
    "flood": flood.flood,
    "url": url.url,
    "isolation": isolation.isolation,
    "burst": density.bursts,
}
"""Measured one after the other on one server."""
_RELOAD, _START, _FLAT, _EVENTS = "reload", "start", "flat", "events"
_NAMES = (*SECTIONS, _RELOAD, _START, _FLAT, _EVENTS)


def main() -> int:
    """Run what is asked for; 0 when all bars hold, or with --only those that were measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", metavar="SECTIONS", help=f"comma-separated beginnings of: {', '.join(_NAMES)}")
    parser.add_argument("--seconds", type=float, default=3, help="of load for each number of clients and round")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best one counts")
    parser.add_argument("--samples", type=int, default=60, help="cold starts")
    parser.add_argument("--functions", type=int, default=10_000, help="that are many")
    parser.add_argument("--runtime", default=f"python3.{sys.version_info.minor}", help="of Python functions")
    parser.add_argument("--node-runtime", help="of JavaScript functions; default: the newest that this machine has")
    parser.add_argument("--output", type=Path, default=Path("bench/results.json"), help="where the figures go")
    parser.add_argument("--page", type=Path, help="a page whose part between the bench markers becomes the tables")
    arguments = parser.parse_args()
    chosen = _chosen(arguments.only, parser)
    options = Options(
        seconds=arguments.seconds,
        rounds=arguments.rounds,
        samples=arguments.samples,
        python=arguments.runtime,
        node=arguments.node_runtime or newest_node(),
        functions=arguments.functions,
    )
    results, failed = _measure(options, chosen)
    print(as_markdown(results))
    arguments.output.write_text(as_json(results))
    if arguments.page:
        page = arguments.page.read_text(encoding="utf-8")
        arguments.page.write_text(with_part(page, "bench", as_markdown(results)), encoding="utf-8")
    for name in failed:
        _say(f"{name} FAILED, see above")
    verdicts = [bar.judge(results).holds for bar in BARS]
    missing = not arguments.only and None in verdicts
    return 1 if failed or missing or False in verdicts else 0


def _chosen(only: str | None, parser: argparse.ArgumentParser) -> list[str]:
    if only is None:
        return list(_NAMES)
    beginnings = tuple(only.split(","))
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in _NAMES):
            parser.error(f"no section begins with {beginning!r}; there are {', '.join(_NAMES)}")
    return [name for name in _NAMES if name.startswith(beginnings)]


def _measure(options: Options, chosen: list[str]) -> tuple[Results, list[str]]:
    """The results, and the names of the sections that failed: the others' figures are worth having."""
    results = Results(
        version=VERSION,
        machine=f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}",
        runtimes=f"{options.python} and {options.node or 'no Node.js'}",
    )
    failed: list[str] = []

    @contextlib.contextmanager
    def section(name: str, log: Path) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        except Exception:  # noqa: BLE001  # the outermost handler: the other sections go on
            failed.append(name)
            sys.stderr.write(traceback.format_exc())
            sys.stderr.write(log.read_text(errors="replace")[-4000:] if log.exists() else "")
        _say(f"{name}, {time.monotonic() - begun:.0f} s")

    with tempfile.TemporaryDirectory(prefix="lambent-bench-") as directory, hello_server() as hello:
        folder = Path(directory)
        log = folder / "log"
        shared = [name for name in SECTIONS if name in chosen]
        if shared:
            with lambent_server(folder / "data", log) as lambent:
                run = Run(lambent, Functions(lambent.target), hello.port, options)
                for name in shared:
                    with section(name, log):
                        try:
                            SECTIONS[name](run, results)
                        finally:
                            run.functions.delete_all()
                            processes.settle(lambent.pid)
        if _RELOAD in chosen:
            with section(_RELOAD, folder / "dev.log"):
                reload.reload(folder, options, hello.port, results)
        if _START in chosen:
            with section(_START, log):
                start.start(folder, options, results)
        if _FLAT in chosen:
            with section(_FLAT, folder / "many.log"):
                flat.flat(folder, options, hello.port, results)
        if _EVENTS in chosen:
            with section(_EVENTS, folder / "events.log"):
                events.events(folder, options, hello.port, results)
    return results, failed


def _say(what: str) -> None:
    sys.stderr.write(f"bench: {what}\n")


if __name__ == "__main__":
    sys.exit(main())
