"""Many environments: how fast they come, what they take, and that they rest."""

import time

from bench import load, packages, processes
from bench.deployment import SMALL_MEMORY_MB
from bench.results import Burst, Idle, Memory, Results
from bench.run import Run

_BURSTS = (200, 1000)
_BURST_SECONDS = 1.0
_MEMORY_ENVIRONMENTS = 100
_FROZEN_SECONDS = 1.0
_IDLE_SECONDS = 3.0


def memory(run: Run, results: Results) -> None:
    """To be measured first: the idle server, then how much more memory there is with some idle environments."""
    pid = run.lambent.pid
    processes.settle(pid)  # the pool of blank environments is full
    server_rss_mb = processes.resident_mb(pid)
    _busy(run, "memory", 1)
    processes.settle(pid)
    begun, before = len(processes.environment_processes(pid)[0]), processes.descendants_pss_mb(pid)
    _busy_again(run, "memory", _MEMORY_ENVIRONMENTS + 1)
    processes.settle(pid)
    after = processes.descendants_pss_mb(pid)
    inits, runtimes = processes.environment_processes(pid)
    more = len(inits) - begun  # a burst can leave some blanks beyond the stock, too
    results.memory = Memory(
        server_rss_mb=server_rss_mb,
        environments=more,
        environment_pss_mb=(after - before) / more,
        init_pss_mb=processes.pss_mb(inits) / len(inits),
        runtime_pss_mb=processes.pss_mb(runtimes) / len(runtimes),
    )


def bursts(run: Run, results: Results) -> None:
    """How fast one function gets many environments: all invocations at once, each keeps its environment busy.

    The environments of the largest burst are then left alone.
    """
    for concurrency in _BURSTS:
        name = f"burst-{concurrency}"
        with run.yardstick() as hello:
            elapsed_seconds = _busy(run, name, concurrency)
        per_second = concurrency / max(elapsed_seconds - _BURST_SECONDS, 0.001)
        results.bursts[concurrency] = Burst(concurrency, per_second, hello.p50_ms)
        if concurrency == max(_BURSTS):
            results.idle = _idle(run, concurrency)
        run.functions.delete(name)


def _idle(run: Run, environments: int) -> Idle:
    pid = run.lambent.pid
    processes.settle(pid)
    time.sleep(_FROZEN_SECONDS)
    server, others = processes.cpu_seconds(pid), processes.cpu_seconds_of(processes.descendants(pid))
    time.sleep(_IDLE_SECONDS)
    server = processes.cpu_seconds(pid) - server
    now = processes.cpu_seconds_of(processes.descendants(pid))
    return Idle(environments, _IDLE_SECONDS, server, processes.cpu_seconds_between(others, now))


def _busy(run: Run, name: str, environments: int) -> float:
    """A new function with that many environments; how long that took, in seconds."""
    run.functions.create(name, packages.python(run.options.python, name), memory_mb=SMALL_MEMORY_MB)
    return _busy_again(run, name, environments)


def _busy_again(run: Run, name: str, environments: int) -> float:
    requests = run.functions.requests(name, environments, seconds=_BURST_SECONDS)
    return load.run_once(run.lambent.target.port, requests).elapsed_seconds
