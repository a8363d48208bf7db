"""The measurements, one function each: from servers that run to values with units."""

import base64
import io
import json
import statistics
import time
import zipfile
from dataclasses import dataclass

from bench import load, processes
from bench.load import Outcome, Target
from bench.processes import Lambent
from lambent.clock import Clock
from lambent.commands.client import LambdaClient

RATE_MEMORY_MB = 1769
"""One virtual CPU: what an environment may use doesn't limit the rates."""
_SMALL_MEMORY_MB = 128
_SOURCE = """\
import time

def handler(event, context):
    if event.get("seconds"):
        time.sleep(event["seconds"])
    return {"hello": "world"}

# %s
"""
_START_FUNCTION = "start"
_BURST_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
"""After which blanks have been made again, and nothing else runs."""


@dataclass(frozen=True, slots=True)
class Warm:
    """Warm invocations by one number of clients, beside the raw hello's."""

    clients: int
    rate: float
    p50_ms: float
    p99_ms: float
    server_cpu_us: float
    runtime_cpu_us: float
    client_cpu_us: float
    hello_rate: float
    hello_p50_ms: float

    @property
    def ratio(self) -> float:
        """The share of the raw hello's rate that is left."""
        return self.rate / self.hello_rate


@dataclass(frozen=True, slots=True)
class Cold:
    """Invocations that had to wait for a new environment, request to answer."""

    samples: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Start:
    """From the start of the server's process to its first HTTP answer, and to the first answer of a function."""

    listening_seconds: float
    first_answer_seconds: float


@dataclass(frozen=True, slots=True)
class Burst:
    """Concurrent invocations of one function that had no environment."""

    concurrency: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What the server takes when idle, and what one idle execution environment takes."""

    server_rss_mb: float
    environment_pss_mb: float


class Functions:
    """Deploys the functions that are measured, each with code of its own."""

    def __init__(self, target: Target, runtime: str) -> None:
        self._runtime = runtime
        self._target = target
        self._client = LambdaClient(
            f"http://127.0.0.1:{target.port}", region=target.region, credentials=target.credentials, clock=Clock()
        )

    def create(self, name: str, *, memory_mb: int) -> None:
        """Create a function and wait until it is active."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(_readable("app.py"), _SOURCE % name)
        self._client.call(
            "POST",
            "",
            {
                "FunctionName": name,
                "Runtime": self._runtime,
                "Handler": "app.handler",
                "Role": "arn:aws:iam::000000000000:role/bench",
                "MemorySize": memory_mb,
                "Timeout": 60,
                "Code": {"ZipFile": base64.b64encode(buffer.getvalue()).decode()},
            },
        )
        self._wait(name, "State", "Active")

    def update(self, name: str, description: str) -> None:
        """Change a function's configuration, which retires its environments, and wait until that is done."""
        self._client.call("PUT", f"/{name}/configuration", {"Description": description})
        self._wait(name, "LastUpdateStatus", "Successful")

    def _wait(self, name: str, member: str, value: str) -> None:
        while self._client.call("GET", f"/{name}/configuration").get(member) != value:
            time.sleep(0.01)

    def requests(self, name: str, count: int, **event: object) -> list[bytes]:
        """Signed requests, no two with the same event."""
        return [
            load.signed_invoke(self._target, name, json.dumps({"number": f"{number:08d}", **event}).encode())
            for number in range(count)
        ]


def _readable(name: str) -> zipfile.ZipInfo:
    """An entry that everybody may read, as AWS asks for; zipfile's own default is 0600."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    return entry


def warm(lambent: Lambent, functions: Functions, hello_port: int, *, clients: int, seconds: float, rounds: int) -> Warm:
    """Rate, latency and processor time at a number of clients, in the round with the best rate.

    Raw hello and Lambent take turns, so that what else the machine does meets both; it only ever slows them down.
    """
    name = f"warm-{clients}"
    functions.create(name, memory_mb=RATE_MEMORY_MB)
    load.run(lambent.target.port, functions.requests(name, 100), clients=clients, seconds=1)
    measured = []
    for _ in range(rounds):
        requests = functions.requests(name, 2000)
        hello = load.run(hello_port, requests, clients=clients, seconds=seconds / 2)
        server_cpu, runtime_cpu = processes.cpu_seconds(lambent.pid), processes.descendants_cpu_seconds(lambent.pid)
        outcome = load.run(lambent.target.port, requests, clients=clients, seconds=seconds)
        server_cpu = processes.cpu_seconds(lambent.pid) - server_cpu
        runtime_cpu = processes.descendants_cpu_seconds(lambent.pid) - runtime_cpu
        measured.append(_warm(clients, outcome, hello, server_cpu, runtime_cpu))
    return max(measured, key=lambda one: one.rate)


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


def cold_new(lambent: Lambent, functions: Functions, *, samples: int) -> Cold:
    """The first invocation of that many new functions, one after the other on an otherwise idle server."""
    durations: list[float] = []
    for number in range(samples):
        name = f"cold-{number}"
        functions.create(name, memory_mb=RATE_MEMORY_MB)
        durations.append(_after_a_pause(lambent, functions, name))
    return _cold(durations)


def cold_again(lambent: Lambent, functions: Functions, *, samples: int) -> Cold:
    """Invocations of one function whose only environment was retired each time before."""
    functions.create("again", memory_mb=RATE_MEMORY_MB)
    durations: list[float] = []
    for number in range(samples):
        functions.update("again", f"change {number}")
        durations.append(_after_a_pause(lambent, functions, "again"))
    return _cold(durations)


def _after_a_pause(lambent: Lambent, functions: Functions, name: str) -> float:
    time.sleep(_PAUSE_SECONDS)
    return load.run_once(lambent.target.port, functions.requests(name, 1)).durations_ms[0]


def _cold(durations: list[float]) -> Cold:
    p95_ms = statistics.quantiles(durations, n=20, method="inclusive")[18]
    return Cold(len(durations), statistics.median(durations), p95_ms)


def burst(lambent: Lambent, functions: Functions, *, concurrency: int) -> Burst:
    """How fast one function gets that many environments: all invocations at once, each keeps its environment busy."""
    name = f"burst-{concurrency}"
    functions.create(name, memory_mb=_SMALL_MEMORY_MB)
    requests = functions.requests(name, concurrency, seconds=_BURST_SECONDS)
    outcome = load.run_once(lambent.target.port, requests)
    return Burst(concurrency, concurrency / max(outcome.elapsed_seconds - _BURST_SECONDS, 0.001))


def memory(lambent: Lambent, functions: Functions, *, environments: int) -> Memory:
    """To be measured first: the idle server, then how much more memory there is with some idle environments."""
    time.sleep(1)  # the pool of blank environments is full
    server_rss_mb = processes.resident_mb(lambent.pid)
    before = processes.descendants_pss_mb(lambent.pid)
    functions.create("idle", memory_mb=_SMALL_MEMORY_MB)
    load.run_once(lambent.target.port, functions.requests("idle", environments, seconds=_BURST_SECONDS))
    time.sleep(1)
    return Memory(server_rss_mb, (processes.descendants_pss_mb(lambent.pid) - before) / environments)


def prepare_start(functions: Functions) -> None:
    """The function that `start` invokes."""
    functions.create(_START_FUNCTION, memory_mb=RATE_MEMORY_MB)


def start(lambent: Lambent, functions: Functions) -> Start:
    """To be measured right after the server's start, on the data directory of a server that had `prepare_start`."""
    load.run_once(lambent.target.port, functions.requests(_START_FUNCTION, 1))
    return Start(lambent.listening_seconds, time.perf_counter() - lambent.started)
