"""Asynchronous invocations: how fast they are accepted, each on disk before its answer, and how fast they run then."""

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench import load, packages, processes
from bench.deployment import Functions
from bench.processes import Lambent, lambent_server
from bench.results import Events, Results
from bench.run import Options

_CLIENTS = 64
_PAYLOAD_BYTES = 1_024
_DRAIN_CONCURRENCY = 32
_DRAIN_SECONDS = 30.0
_SYNC_SECONDS = 0.5
_HELD_SECONDS = 55


@dataclass(frozen=True, slots=True)
class _Accepted:
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    syncs_per_second: float
    hello_rate: float


def events(folder: Path, options: Options, hello_port: int, results: Results) -> None:
    """First only accepted: an event that takes long holds the function's one place. Then a server that runs them.

    The round with the best rate counts; hello and the disk are measured right before each.
    """
    data_directory, log = folder / "events", folder / "events.log"
    with lambent_server(data_directory, log, flags=["--event-concurrency", "1"]) as lambent:
        target = lambent.target
        functions = Functions(target)
        functions.create("event", packages.python(options.python, "event"))
        version = functions.publish_version("event")
        held = load.signed_event(target, f"event:{version}", b'{"seconds": %d}' % _HELD_SECONDS)
        load.run_all(target.port, [held], clients=1)
        accepted = max(
            (_accepted(lambent, hello_port, options.seconds) for _ in range(options.rounds)), key=lambda one: one.rate
        )
        functions.delete_version("event", version)  # and with it the event that is held
    flags = ["--event-concurrency", str(_DRAIN_CONCURRENCY)]
    with lambent_server(data_directory, log, target.credentials, flags=flags) as lambent:
        drain_rate, drain_cpu_us = _drained(lambent)
    results.events = Events(
        clients=_CLIENTS,
        accepted_rate=accepted.rate,
        p50_ms=accepted.p50_ms,
        p99_ms=accepted.p99_ms,
        accept_cpu_us=accepted.cpu_us,
        syncs_per_second=accepted.syncs_per_second,
        hello_rate=accepted.hello_rate,
        drain_concurrency=_DRAIN_CONCURRENCY,
        drain_rate=drain_rate,
        drain_cpu_us=drain_cpu_us,
    )


def _accepted(lambent: Lambent, hello_port: int, seconds: float) -> _Accepted:
    requests = [load.signed_event(lambent.target, "event", _payload(number)) for number in range(2000)]
    syncs_per_second = _syncs_per_second(lambent.data_directory)
    hello = load.run(hello_port, requests, clients=_CLIENTS, seconds=seconds / 2)
    cpu = processes.cpu_seconds(lambent.pid)
    outcome = load.run(lambent.target.port, requests, clients=_CLIENTS, seconds=seconds)
    cpu = processes.cpu_seconds(lambent.pid) - cpu
    return _Accepted(
        rate=outcome.rate,
        p50_ms=outcome.percentile_ms(50),
        p99_ms=outcome.percentile_ms(99),
        cpu_us=cpu / len(outcome.durations_ms) * 1e6,
        syncs_per_second=syncs_per_second,
        hello_rate=hello.rate,
    )


def _payload(number: int) -> bytes:
    head = b'{"number": "%08d", "padding": "' % number
    return head + b"x" * (_PAYLOAD_BYTES - len(head) - 2) + b'"}'


def _syncs_per_second(directory: Path) -> float:
    """What the disk does by itself, one writer."""
    path = directory / "sync-probe"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    count, begun = 0, time.perf_counter()
    try:
        while time.perf_counter() - begun < _SYNC_SECONDS:
            os.write(descriptor, bytes(4096))
            os.fdatasync(descriptor)
            count += 1
        return count / (time.perf_counter() - begun)
    finally:
        os.close(descriptor)
        path.unlink()


def _drained(lambent: Lambent) -> tuple[float, float]:
    """Events per second and the server's processor time for each, once the first ones have run."""
    with closing(sqlite3.connect(f"file:{lambent.data_directory / 'queue.db'}?mode=ro", uri=True)) as database:

        def waiting() -> int:
            [count] = database.execute("SELECT count(*) FROM events").fetchone()
            return int(count)

        before = waiting()
        while (now := waiting()) > before - 2 * _DRAIN_CONCURRENCY and now:
            time.sleep(0.01)
        begun, first, cpu = time.perf_counter(), now, processes.cpu_seconds(lambent.pid)
        while now and time.perf_counter() - begun < _DRAIN_SECONDS:
            time.sleep(0.05)
            now = waiting()
        elapsed = time.perf_counter() - begun
        run = max(first - now, 1)
        return run / elapsed, (processes.cpu_seconds(lambent.pid) - cpu) / run * 1e6
