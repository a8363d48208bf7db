"""What one function's flood does to another."""

import multiprocessing
import os
import statistics
import time
from multiprocessing.connection import Connection

from bench import load, packages
from bench.deployment import SMALL_MEMORY_MB
from bench.results import Flood, Results
from bench.run import Run, hello_p50_ms

_CLIENTS = 32
_SECONDS = 2.0
_WARM_UP_SECONDS = 1.0


def flood(run: Run, results: Results) -> None:
    """One function's warm p50 at one client, alone and flooded in turns.

    The flood comes from a process of its own, which makes room for everything else: it isn't what is measured.
    """
    functions, port = run.functions, run.lambent.target.port
    functions.create("flooded", packages.python(run.options.python, "flooded"))
    functions.create("flood", packages.python(run.options.python, "flood"), memory_mb=SMALL_MEMORY_MB)
    load.run(port, functions.requests("flooded", 100), clients=1, seconds=_WARM_UP_SECONDS)
    load.run(port, functions.requests("flood", 100), clients=_CLIENTS, seconds=_WARM_UP_SECONDS)
    time.sleep(_WARM_UP_SECONDS)
    quiet, hello_quiet, flooded, hello_flooded, rates = [], [], [], [], []
    for _ in range(run.options.rounds):
        requests = functions.requests("flooded", 2000)
        hello_quiet.append(hello_p50_ms(run.hello_port))
        quiet.append(load.run(port, requests, clients=1, seconds=_SECONDS / 2).percentile_ms(50))
        reader, writer = multiprocessing.Pipe(duplex=False)
        flooder = multiprocessing.get_context("fork").Process(
            target=_flood, args=(writer, port, functions.requests("flood", 2000))
        )
        flooder.start()
        time.sleep(_SECONDS / 4)
        flooded.append(load.run(port, requests, clients=1, seconds=_SECONDS / 2).percentile_ms(50))
        hello_flooded.append(hello_p50_ms(run.hello_port))
        rates.append(reader.recv())
        flooder.join()
    results.flood = Flood(
        flood_clients=_CLIENTS,
        flood_rate=statistics.median(rates),
        quiet_p50_ms=statistics.median(quiet),
        flooded_p50_ms=statistics.median(flooded),
        hello_quiet_p50_ms=statistics.median(hello_quiet),
        hello_flooded_p50_ms=statistics.median(hello_flooded),
    )


def _flood(writer: Connection, port: int, requests: list[bytes]) -> None:
    os.nice(10)
    writer.send(load.run(port, requests, clients=_CLIENTS, seconds=_SECONDS).rate)
