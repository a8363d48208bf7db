"""Names: queries of a function go to the host's resolvers, one after the other until one answers.

Messages are passed on as they are, so that every record type and extension works. Large answers come as on any
network: truncated, then asked for again by TCP, which is an ordinary connection (`policy.py` knows the target).
Source: RFC 1035; resolv.conf(5).
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lambent.sandbox.network.inside import InsideSockets
from lambent.sandbox.network.limits import BridgeLimits, DescriptorAccount
from lambent.sandbox.network.packets import Endpoint, Packet
from lambent.sandbox.network.plan import DNS_ADDRESS, DNS_PORT
from lambent.sandbox.network.turns import Turns

_logger = logging.getLogger(__name__)

_QUERIES_PER_TURN = 8
_QUERY_CALLS = 6  # what asking and answering costs, in calls of a flow
_LARGEST_MESSAGE = 65535
_HEADER_BYTES = 12
_RESPONSE, _RECURSION_AVAILABLE, _SERVER_FAILURE = 0x80, 0x80, 2


class HostResolvers:
    """The host's name servers, read again whenever the file has changed (a laptop moves between networks)."""

    def __init__(self, file: Path = Path("/etc/resolv.conf")) -> None:
        self._file = file
        self._modified_ns = -1
        self._resolvers: list[Endpoint] = []

    def __call__(self) -> Sequence[Endpoint]:
        """Addresses and ports in order of preference; without a file, this host, as resolv.conf(5) says."""
        try:
            modified_ns = self._file.stat().st_mtime_ns
            if modified_ns != self._modified_ns:
                self._resolvers = _name_servers(self._file.read_text(errors="replace"))
                self._modified_ns = modified_ns
        except OSError:
            self._modified_ns, self._resolvers = -1, _name_servers("")
        return self._resolvers


def _name_servers(text: str) -> list[Endpoint]:
    lines = (line.split() for line in text.splitlines())
    found = [(words[1], DNS_PORT) for words in lines if len(words) > 1 and words[0] == "nameserver"]
    return found or [("127.0.0.1", DNS_PORT)]


@dataclass(slots=True, eq=False)
class _Query:
    message: bytes
    client: Endpoint
    untried: list[Endpoint]
    outside: socket.socket | None = None
    timer: asyncio.TimerHandle | None = field(default=None)


class DnsForwarder:
    """The name server of one environment, at `DNS_ADDRESS`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inside: InsideSockets,
        resolvers: Callable[[], Sequence[Endpoint]],
        budget: DescriptorAccount,
        limits: BridgeLimits,
        turns: Turns,
    ) -> None:
        self._loop = loop
        self._inside = inside
        self._resolvers = resolvers
        self._budget = budget
        self._limits = limits
        self._turns = turns
        self._socket: socket.socket | None = None
        self._queries: set[_Query] = set()

    def begin(self, packet: Packet) -> None:
        """The first query has come by way of the rules; the next ones come to the socket that is made now."""
        if self._socket is None:
            try:
                self._socket = self._inside.datagram((str(DNS_ADDRESS), DNS_PORT), None)
            except OSError as error:
                _logger.warning("a function's DNS query is dropped: %s", error, extra={"action": "bridge"})
                return
            self._loop.add_reader(self._socket, self._readable, self._socket)
        self._ask(packet.datagram, packet.source)

    def close(self) -> None:
        """Forget every query."""
        for query in list(self._queries):
            self._done(query)
        if self._socket is not None:
            self._turns.leave(self._socket)
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self, inside: socket.socket) -> None:
        if self._turns.over:
            self._loop.remove_reader(inside)
            self._turns.wait(inside, lambda: self._loop.add_reader(inside, self._readable, inside))
            return
        for _ in range(_QUERIES_PER_TURN):
            try:
                message, client = inside.recvfrom(_LARGEST_MESSAGE)
            except OSError:  # nothing left; or an answer came too late for its client (ICMP)
                return
            self._turns.spend(_QUERY_CALLS)
            self._ask(message, client)

    def _ask(self, message: bytes, client: Endpoint) -> None:
        if len(message) < _HEADER_BYTES or len(self._queries) >= self._limits.dns_queries:
            return
        query = _Query(message, client, list(self._resolvers()))
        self._queries.add(query)
        self._try_next(query)

    def _try_next(self, query: _Query) -> None:
        """Ask the next resolver; without one, say that the name couldn't be resolved."""
        self._close_try(query)
        while query.untried and self._budget.take(1):
            resolver = query.untried.pop(0)
            outside = None
            try:
                family = socket.AF_INET6 if ":" in resolver[0] else socket.AF_INET
                outside = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                outside.connect(resolver)
                outside.send(query.message)
            except OSError as error:
                _logger.info("resolver %s can't be asked: %s", resolver[0], error, extra={"action": "bridge"})
                self._budget.give_back(1)
                if outside is not None:
                    outside.close()
                continue
            query.outside = outside
            self._loop.add_reader(outside, self._answered, query, outside)
            query.timer = self._loop.call_later(self._limits.dns_try_seconds, self._try_next, query)
            return
        self._reply(query, _server_failure(query.message))

    def _answered(self, query: _Query, outside: socket.socket) -> None:
        try:
            answer = outside.recv(_LARGEST_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            self._try_next(query)
            return
        if answer[:2] == query.message[:2]:  # else it isn't the answer to this query's id
            self._reply(query, answer)

    def _reply(self, query: _Query, answer: bytes) -> None:
        self._done(query)
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the client asks again
                self._socket.sendto(answer, query.client)

    def _done(self, query: _Query) -> None:
        self._close_try(query)
        self._queries.discard(query)

    def _close_try(self, query: _Query) -> None:
        if query.timer is not None:
            query.timer.cancel()
            query.timer = None
        if query.outside is not None:
            self._loop.remove_reader(query.outside)
            query.outside.close()
            query.outside = None
            self._budget.give_back(1)


def _server_failure(query: bytes) -> bytes:
    header = bytearray(query)
    header[2] |= _RESPONSE
    header[3] = _RECURSION_AVAILABLE | _SERVER_FAILURE
    return bytes(header)
