"""Whether a server with many functions is as fast as one with one."""

import json
import statistics
import time
from pathlib import Path

from bench import load, packages, processes
from bench.deployment import RATE_MEMORY_MB, Functions, creation
from bench.processes import lambent_server
from bench.results import Flat, Pair, Results
from bench.run import Options, Run
from bench.scenarios import cold, start

_CREATORS = 8
_CLIENTS = 8
_COLD_SAMPLES = 20
_PAUSE_SECONDS = 0.05
_READS = 100
_UPDATES = 20
_PAGES = 10
_PATH = "/2015-03-31/functions"


def flat(folder: Path, options: Options, hello_port: int, results: Results) -> None:
    """Two servers that take turns: one with as many functions as asked for, through the API, and one with one."""
    many_directory, log = folder / "many", folder / "many.log"
    with lambent_server(many_directory, log) as many, lambent_server(folder / "one", folder / "one.log") as one:
        runs = [Run(lambent, Functions(lambent.target), hello_port, options) for lambent in (many, one)]
        for run in runs:
            run.functions.create(start.FUNCTION, packages.python(options.python, "flat"))
        created_per_second = _create(runs[0])
        server_rss_mb = processes.resident_mb(many.pid)
        rates, colds = _rates(runs, options), _cold_starts(runs)
        operations = _operations(runs)
        credentials = many.target.credentials
    with lambent_server(many_directory, log, credentials) as lambent:
        start_seconds = start.first_answer_seconds(lambent)
    results.flat = Flat(
        functions=options.functions,
        created_per_second=created_per_second,
        server_rss_mb=server_rss_mb,
        start_seconds=start_seconds,
        rate=rates[0],
        rate_with_one=rates[1],
        cold_p50_ms=colds[0],
        cold_p50_with_one_ms=colds[1],
        operations=operations,
    )


def _create(run: Run) -> float:
    """Create the functions, which share a package, until all are active; how many in a second."""
    package = packages.python(run.options.python, "flat")
    target, count = run.lambent.target, run.options.functions
    begun = time.perf_counter()
    bodies = (creation(f"flat-{number}", package, memory_mb=RATE_MEMORY_MB) for number in range(count))
    requests = [load.signed_request(target, "POST", _PATH, json.dumps(body).encode()) for body in bodies]
    load.run_all(target.port, requests, clients=_CREATORS)
    for number in (0, count // 2, count - 1):
        run.functions.wait(f"flat-{number}")
    return count / (time.perf_counter() - begun)


def _rates(runs: list[Run], options: Options) -> list[float]:
    measured: list[list[float]] = [[] for _ in runs]
    for round_number in range(options.rounds + 1):
        for rates, run in zip(measured, runs, strict=True):
            requests = run.functions.requests(start.FUNCTION, 2000)
            rate = load.run(run.lambent.target.port, requests, clients=_CLIENTS, seconds=options.seconds / 2).rate
            if round_number:  # the first one warms up
                rates.append(rate)
    return [max(rates) for rates in measured]


def _cold_starts(runs: list[Run]) -> list[float]:
    measured: list[list[float]] = [[] for _ in runs]
    for number in range(_COLD_SAMPLES):
        for durations, run in zip(measured, runs, strict=True):
            run.functions.reconfigure(start.FUNCTION, f"change {number}")
            time.sleep(_PAUSE_SECONDS)
            durations.append(cold.once(run, start.FUNCTION))
    return [statistics.median(durations) for durations in measured]


def _operations(runs: list[Run]) -> dict[str, Pair]:
    """Medians at one client: the server with one function first."""
    of_one = {"GetFunction": f"{_PATH}/{start.FUNCTION}", "ListFunctions, pages of one": f"{_PATH}?MaxItems=1"}
    measured = {}
    for operation, path in of_one.items():
        many, one = (statistics.median(rounds) for rounds in _reads(runs, path))
        measured[operation] = Pair(one, many)
    many, one = (_update_ms(run) for run in runs)
    measured["UpdateFunctionConfiguration, until it is done"] = Pair(one, many)
    measured["ListFunctions, from the first to the last pages of 50"] = _pages(runs[0])
    return measured


def _reads(runs: list[Run], path: str) -> list[list[float]]:
    """The servers take turns."""
    measured: list[list[float]] = [[] for _ in runs]
    for _ in range(_READS):
        for durations, run in zip(measured, runs, strict=True):
            target = run.lambent.target
            request = load.signed_request(target, "GET", path, b"")
            durations.extend(load.run_all(target.port, [request], clients=1).durations_ms)
    return measured


def _update_ms(run: Run) -> float:
    durations = []
    for number in range(_UPDATES):
        begun = time.perf_counter()
        run.functions.reconfigure(start.FUNCTION, f"update {number}")
        durations.append((time.perf_counter() - begun) * 1000)
    return statistics.median(durations)


def _pages(run: Run) -> Pair:
    """Through the whole list: the median of the first pages and that of the last full ones."""
    durations = [seconds * 1000 for seconds in run.functions.page_seconds()]
    full = durations[:-1] or durations
    return Pair(statistics.median(full[:_PAGES]), statistics.median(full[-_PAGES:]))
