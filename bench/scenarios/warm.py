"""Warm invocations: rate, latency and processor time at several numbers of clients."""

import time

from bench import load, packages, processes
from bench.load import Outcome
from bench.packages import Package
from bench.results import AWSLAMBDARIC, NODE, PROVIDED, PYTHON, Results, Warm
from bench.run import Run

_CLIENTS = (1, 8, 32)
_OTHERS_ROUNDS = 2
_OTHERS_SECONDS = 2.0
_BUSY_SECONDS = 0.3
"""For which every client's environment is kept busy once, so that none is missing later."""
_WARM_UP_SECONDS = 1.0


def python(run: Run, results: Results) -> None:
    """Python with Lambent's client, at full length."""
    package = packages.python(run.options.python, "warm")
    results.warm[PYTHON] = _measure(run, "warm", package, run.options.rounds, run.options.seconds)


def awslambdaric(run: Run, results: Results) -> None:
    """Python with AWS's client."""
    _other(run, results, AWSLAMBDARIC, packages.awslambdaric(run.options.python, "warm"))


def node(run: Run, results: Results) -> None:
    """Node with Lambent's client."""
    _other(run, results, NODE, packages.node(run.options.node, "warm"))


def provided(run: Run, results: Results) -> None:
    """A bootstrap in C."""
    _other(run, results, PROVIDED, packages.provided(packages.compiled_bootstrap(), "warm"))


def _other(run: Run, results: Results, client: str, package: Package) -> None:
    rounds, seconds = min(_OTHERS_ROUNDS, run.options.rounds), min(_OTHERS_SECONDS, run.options.seconds)
    results.warm[client] = _measure(run, f"warm-{client}", package, rounds, seconds)


def _measure(run: Run, name: str, package: Package, rounds: int, seconds: float) -> tuple[Warm, ...]:
    run.functions.create(name, package)
    return tuple(at(run, name, clients=clients, rounds=rounds, seconds=seconds) for clients in _CLIENTS)


def at(run: Run, name: str, *, clients: int, rounds: int, seconds: float) -> Warm:
    """One number of clients, in the round with the best rate.

    Raw hello and Lambent take turns, so that what else the machine does meets both; it only ever slows them down.
    """
    port, pid = run.lambent.target.port, run.lambent.pid
    load.run_once(port, run.functions.requests(name, clients, seconds=_BUSY_SECONDS))
    load.run(port, run.functions.requests(name, 100), clients=clients, seconds=_WARM_UP_SECONDS)
    measured = []
    for _ in range(rounds):
        requests = run.functions.requests(name, 2000)
        hello = load.run(run.hello_port, requests, clients=clients, seconds=seconds / 2)
        server_cpu, runtimes = processes.cpu_seconds(pid), _runtimes_cpu_seconds(pid)
        outcome = load.run(port, requests, clients=clients, seconds=seconds)
        server_cpu = processes.cpu_seconds(pid) - server_cpu
        runtime_cpu = processes.cpu_seconds_between(runtimes, _runtimes_cpu_seconds(pid))
        measured.append(_warm(clients, outcome, hello, server_cpu, runtime_cpu))
        time.sleep(0.05)
    return max(measured, key=lambda one: one.rate)


def _runtimes_cpu_seconds(pid: int) -> dict[int, float]:
    """Of every process in an environment."""
    inits, others = processes.environment_processes(pid)
    return processes.cpu_seconds_of([*inits, *others])


def _warm(clients: int, outcome: Outcome, hello: Outcome, server_cpu: float, runtime_cpu: float) -> Warm:
    count = len(outcome.durations_ms)
    return Warm(
        clients=clients,
        rate=outcome.rate,
        p50_ms=outcome.percentile_ms(50),
        p99_ms=outcome.percentile_ms(99),
        server_cpu_us=server_cpu / count * 1e6,
        runtime_cpu_us=runtime_cpu / count * 1e6,
        client_cpu_us=outcome.client_cpu_seconds / count * 1e6,
        hello_rate=hello.rate,
        hello_p50_ms=hello.percentile_ms(50),
    )
