"""Cold starts: an invocation that waits for a new environment, request to answer, on an otherwise idle server."""

import statistics
import time
from collections.abc import Callable

from bench import load, packages
from bench.packages import Package
from bench.results import (
    COLD_AGAIN,
    COLD_BOTO3,
    COLD_NEW,
    COLD_NODE_EXEC,
    COLD_NODE_STEM,
    COLD_PROVIDED,
    COLD_REQUESTS,
    Cold,
    Results,
)
from bench.run import Run

_PAUSE_SECONDS = 0.05
"""After which blanks have been made again, and nothing else runs."""
_STEM_PAUSE_SECONDS = 0.4
"""The same where a blank has an interpreter started in it."""
_OTHERS_SAMPLES = 20
_LIBRARIES_SAMPLES = 10
_INIT_SAMPLES = 5


def python(run: Run, results: Results) -> None:
    """Python: new functions, and one whose configuration is changed again and again."""
    package = packages.python
    runtime = run.options.python

    def create(number: int) -> str:
        run.functions.create(f"cold-{number}", package(runtime, f"cold {number}"))
        return f"cold-{number}"

    results.cold[COLD_NEW] = _measure(run, create, run.options.samples, _PAUSE_SECONDS)
    results.cold[COLD_AGAIN] = _again(run, "cold-again", package(runtime, "again"), run.options.samples)


def provided(run: Run, results: Results) -> None:
    """A bootstrap in C."""
    results.cold[COLD_PROVIDED] = _again(run, "cold-provided", packages.provided(packages.compiled_bootstrap(), "cold"))


def node(run: Run, results: Results) -> None:
    """Node that has been started before, and Node that has to be started with the function's variables."""
    runtime = run.options.node
    stem, executed = packages.node(runtime, "stem"), packages.node(runtime, "executed", executed=True)
    results.cold[COLD_NODE_STEM] = _again(run, "cold-node-stem", stem, pause_seconds=_STEM_PAUSE_SECONDS)
    results.cold[COLD_NODE_EXEC] = _again(run, "cold-node-exec", executed, pause_seconds=_STEM_PAUSE_SECONDS)


def libraries(run: Run, results: Results) -> None:
    """Python whose Init is mostly the import of libraries."""
    results.cold[COLD_REQUESTS] = _again(
        run, "cold-requests", packages.with_requests(run.options.python), _LIBRARIES_SAMPLES
    )
    results.cold[COLD_BOTO3] = _again(run, "cold-boto3", packages.with_boto3(run.options.python), _LIBRARIES_SAMPLES)


def _again(
    run: Run, name: str, package: Package, samples: int = _OTHERS_SAMPLES, *, pause_seconds: float = _PAUSE_SECONDS
) -> Cold:
    """One function, whose only environment is retired each time before by a change of its configuration."""
    run.functions.create(name, package)

    def change(number: int) -> str:
        run.functions.reconfigure(name, f"change {number}")
        return name

    return _measure(run, change, min(samples, run.options.samples), pause_seconds)


def _measure(run: Run, prepare: Callable[[int], str], samples: int, pause_seconds: float) -> Cold:
    """Have something prepared that an invocation then has to be started for, again and again."""
    durations: list[float] = []
    with run.yardstick() as hello:
        for number in range(samples):
            name = prepare(number)
            time.sleep(pause_seconds)
            durations.append(once(run, name))
    inits: list[float] = []
    for number in range(samples, samples + _INIT_SAMPLES):
        name = prepare(number)
        time.sleep(pause_seconds)
        init_ms = run.functions.invoke(name, {}, log_tail=True).init_ms
        if init_ms is None:
            raise load.WrongAnswer(f"{name} was not started for the invocation")
        inits.append(init_ms)
    p95_ms = statistics.quantiles(durations, n=20, method="inclusive")[18]
    return Cold(len(durations), statistics.median(durations), p95_ms, statistics.median(inits), hello.p50_ms)


def once(run: Run, name: str) -> float:
    """One invocation, in milliseconds."""
    return load.run_once(run.lambent.target.port, run.functions.requests(name, 1)).durations_ms[0]
