"""A closed-loop client: as many connections as clients, each with one request in flight.

It is one process in a tight loop over epoll, and its requests are rendered and signed before the clock starts, because
it shares the machine's few cores with what it measures. No request is older than the run it belongs to.
"""

import select
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

from lambent.commands.signature import Credentials, signed_headers

_SILENCE_SECONDS = 60


class Target(NamedTuple):
    """A server and who one is to it."""

    port: int
    credentials: Credentials
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of the client saw: durations in milliseconds, in the order of completion."""

    durations_ms: Sequence[float]
    elapsed_seconds: float
    client_cpu_seconds: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.durations_ms) / self.elapsed_seconds

    def percentile_ms(self, percent: int) -> float:
        """The duration that this many percent of the requests didn't exceed."""
        if len(self.durations_ms) < 2:
            return self.durations_ms[0]
        return statistics.quantiles(self.durations_ms, n=100, method="inclusive")[percent - 1]


class WrongAnswer(Exception):
    """A measurement is worth nothing when an answer isn't the one that was asked for."""


def signed_invoke(target: Target, function: str, payload: bytes) -> bytes:
    """An Invoke request as it goes over the wire."""
    return signed_request(target, "POST", f"/2015-03-31/functions/{quote(function, safe='')}/invocations", payload)


def signed_event(target: Target, function: str, payload: bytes) -> bytes:
    """An Invoke request for an asynchronous invocation."""
    path = f"/2015-03-31/functions/{quote(function, safe='')}/invocations"
    return signed_request(target, "POST", path, payload, {"X-Amz-Invocation-Type": "Event"})


def signed_request(
    target: Target, method: str, path_and_query: str, payload: bytes, headers: dict[str, str] | None = None
) -> bytes:
    """A request as it goes over the wire."""
    path, _, query = path_and_query.partition("?")
    signed = signed_headers(
        target.credentials,
        method=method,
        host=f"127.0.0.1:{target.port}",
        path=path,
        query=query,
        headers=headers or {},
        body=payload,
        region=target.region,
        at=datetime.now(UTC),
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    return f"{method} {path_and_query} HTTP/1.1\r\n{lines}content-length: {len(payload)}\r\n\r\n".encode() + payload


def run(port: int, requests: Sequence[bytes], *, clients: int, seconds: float) -> Outcome:
    """Send the requests round and round for a time.

    Raises:
        WrongAnswer: an answer other than 2xx without a function error.
    """
    connections = [_connect(port) for _ in range(clients)]
    try:
        return _run(connections, requests, seconds)
    finally:
        for connection in connections:
            connection.close()


def run_once(port: int, requests: Sequence[bytes]) -> Outcome:
    """Send all requests at the same time, each on its own connection, and wait for all answers."""
    connections = [_connect(port) for _ in requests]
    try:
        return _run(connections, requests, 0)
    finally:
        for connection in connections:
            connection.close()


def run_all(port: int, requests: Sequence[bytes], *, clients: int) -> Outcome:
    """Send every request once, each client its next one when it has the answer."""
    connections = [_connect(port) for _ in range(clients)]
    try:
        return _run(connections, requests, 0, at_least=len(requests))
    finally:
        for connection in connections:
            connection.close()


def _run(connections: list[socket.socket], requests: Sequence[bytes], seconds: float, *, at_least: int = 0) -> Outcome:
    poll = select.epoll()
    receive = {connection.fileno(): connection.recv for connection in connections}
    send = {connection.fileno(): connection.send for connection in connections}
    partial: dict[int, bytes] = {}
    sent_at: dict[int, int] = {}
    durations: list[int] = []
    now = time.perf_counter_ns
    cpu_begun = time.process_time()
    begun = now()
    end = begun + int(seconds * 1e9)
    for index, connection in enumerate(connections):
        poll.register(connection, select.EPOLLIN)
        sent_at[connection.fileno()] = now()
        connection.sendall(requests[index % len(requests)])
    position = len(connections)
    in_flight = len(connections)
    while in_flight:
        ready = poll.poll(_SILENCE_SECONDS)
        if not ready:
            raise WrongAnswer(f"no answer for {_SILENCE_SECONDS} seconds; {in_flight} are missing")
        for descriptor, _ in ready:
            answer = receive[descriptor](65536)
            if descriptor in partial:
                answer = partial.pop(descriptor) + answer
            elif not answer:
                raise WrongAnswer("the server closed the connection")
            if not _is_complete(answer):
                partial[descriptor] = answer
                continue
            moment = now()
            durations.append(moment - sent_at[descriptor])
            if moment < end or position < at_least:
                sent_at[descriptor] = now()
                send[descriptor](requests[position % len(requests)])
                position += 1
            else:
                in_flight -= 1
    elapsed = (now() - begun) / 1e9
    poll.close()
    return Outcome([duration / 1e6 for duration in durations], elapsed, time.process_time() - cpu_begun)


def _is_complete(answer: bytes) -> bool:
    if not answer.startswith(b"HTTP/1.1 2"[: len(answer)]):
        raise WrongAnswer(answer[:600].decode("utf-8", "replace"))
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = answer[:end].lower()
    if b"x-amz-function-error" in head:
        raise WrongAnswer(answer[:600].decode("utf-8", "replace"))
    start = head.find(b"content-length:") + 15
    stop = head.find(b"\r\n", start)
    return len(answer) - end - 4 >= int(head[start : stop if stop > 0 else end])


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
