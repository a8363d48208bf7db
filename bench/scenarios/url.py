"""Function URLs beside Invoke, and how long a streamed byte is on its way."""

import json
import select
import socket
import statistics
import time

from bench import load, packages, processes
from bench.load import Outcome
from bench.results import Arrival, Results, UrlCost
from bench.run import Run

_CLIENTS = (1, 8)
_BUSY_SECONDS = 0.3
"""For which every client's environment is kept busy once, so that none is missing later."""
_WARM_UP_SECONDS = 1.0
_TURN_SECONDS = 0.5
"""Short turns, so that what else the machine does meets both."""
_STREAMS = 200
_SILENCE_SECONDS = 30


def url(run: Run, results: Results) -> None:
    """The same function with the same payload, by Invoke and by its URL in turns; then the first bytes of streams."""
    functions = run.functions
    functions.create("by-url", packages.python(run.options.python, "url"))
    host = functions.create_url("by-url")
    port = run.lambent.target.port
    load.run_once(port, functions.requests("by-url", max(_CLIENTS), seconds=_BUSY_SECONDS))
    load.run(port, functions.requests("by-url", 100), clients=max(_CLIENTS), seconds=_WARM_UP_SECONDS)
    load.run(port, _requests(host, 100), clients=max(_CLIENTS), seconds=_WARM_UP_SECONDS)
    results.urls = tuple(_beside_invoke(run, "by-url", host, clients) for clients in _CLIENTS)
    if run.options.node:
        functions.create("streamed", packages.streaming_node(run.options.node))
        results.first_byte = _first_bytes(run, functions.create_url("streamed", "RESPONSE_STREAM"))


def _beside_invoke(run: Run, name: str, host: str, clients: int) -> UrlCost:
    """The medians of the turns' ratios: a turn that somebody else disturbed has no weight."""
    port, pid = run.lambent.target.port, run.lambent.pid
    turns = max(3, round(run.options.rounds * run.options.seconds / _TURN_SECONDS / 2))
    by_invoke: list[Outcome] = []
    by_url: list[Outcome] = []
    cpu_ratios = []
    for _ in range(turns):
        costs = []
        for requests, outcomes in ((run.functions.requests(name, 1000), by_invoke), (_requests(host, 1000), by_url)):
            cpu = processes.cpu_seconds(pid)
            outcome = load.run(port, requests, clients=clients, seconds=_TURN_SECONDS)
            costs.append((processes.cpu_seconds(pid) - cpu) / len(outcome.durations_ms))
            outcomes.append(outcome)
        cpu_ratios.append(costs[1] / costs[0])
    return UrlCost(
        clients=clients,
        rate=_median_rate(by_url),
        invoke_rate=_median_rate(by_invoke),
        p50_ms=_median_p50_ms(by_url),
        invoke_p50_ms=_median_p50_ms(by_invoke),
        rate_ratio=statistics.median(one.rate / two.rate for one, two in zip(by_invoke, by_url, strict=True)),
        p50_ratio=statistics.median(
            two.percentile_ms(50) / one.percentile_ms(50) for one, two in zip(by_invoke, by_url, strict=True)
        ),
        server_cpu_ratio=statistics.median(cpu_ratios),
    )


def _median_rate(outcomes: list[Outcome]) -> float:
    return statistics.median(outcome.rate for outcome in outcomes)


def _median_p50_ms(outcomes: list[Outcome]) -> float:
    return statistics.median(outcome.percentile_ms(50) for outcome in outcomes)


def _requests(host: str, count: int) -> list[bytes]:
    """As a program's HTTP client sends them; their bodies are the payloads of `Functions.requests`."""
    return [_request(host, json.dumps({"number": f"{number:08d}"}).encode()) for number in range(count)]


def _request(host: str, body: bytes) -> bytes:
    head = (
        f"POST /orders?page=1 HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n"
        f"Accept-Encoding: gzip, deflate\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _first_bytes(run: Run, host: str) -> Arrival:
    """From before a function's write, by the clock that all processes of the machine share, to its caller's read."""
    request = _request(host, b"{}")
    arrivals = []
    with run.yardstick() as hello, socket.create_connection(("127.0.0.1", run.lambent.target.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(_STREAMS):
            connection.sendall(request)
            arrivals.append(_first_byte_ms(connection))
    percentiles = statistics.quantiles(arrivals[_STREAMS // 10 :], n=100, method="inclusive")
    return Arrival(len(arrivals), percentiles[49], percentiles[94], hello.p50_ms)


def _first_byte_ms(connection: socket.socket) -> float:
    """The first chunk says when it was written; the stream goes on until its last one, which is empty."""
    answer, arrived = b"", 0
    while not answer.endswith(b"0\r\n\r\n"):
        ready, _, _ = select.select([connection], [], [], _SILENCE_SECONDS)
        more = connection.recv(65536) if ready else b""
        moment = time.monotonic_ns()
        if not more:
            raise load.WrongAnswer("the stream broke off")
        answer += more
        if not arrived and b"written " in answer:
            arrived = moment
    written = int(answer.partition(b"written ")[2].partition(b"\n")[0])
    return (arrived - written) / 1e6
