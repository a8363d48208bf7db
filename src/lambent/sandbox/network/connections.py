"""TCP connections of one environment to what is outside: connected first, then answered.

A connection's first packet (SYN) comes here from the rules instead of to a socket. The bridge connects on the host:

    refused, or not allowed     the function gets what a host sends when nobody listens: "connection refused"
    no answer                   the function gets none, and sends its SYN again as it would on any network
    connected                   the SYN is sent again, marked; the rules lead it to our listener, which plays the
                                destination; what it accepts is spliced with the host's connection

So a function's connect() succeeds only if the real one has, which clients that try several addresses, and those that
wait until a server is up, depend on.
"""

import asyncio
import errno
import logging
import socket
from dataclasses import dataclass

from lambent.sandbox.network.inside import InsideSockets
from lambent.sandbox.network.limits import BridgeLimits, DescriptorAccount
from lambent.sandbox.network.packets import Endpoint, Packet, refusal, same_again
from lambent.sandbox.network.policy import EgressPolicy
from lambent.sandbox.network.splice import Splice, reset
from lambent.sandbox.network.turns import Turns

_logger = logging.getLogger(__name__)

_ACCEPTS_PER_TURN = 16
_ACCEPT_CALLS = 3  # what making a splice costs, in calls of one
_OUT_OF_DESCRIPTORS_PAUSE_SECONDS = 0.1
_DESCRIPTORS = 2
_Flow = tuple[Endpoint, Endpoint]


@dataclass(slots=True, eq=False)
class _Pending:
    """A connection that the function hasn't got yet."""

    packet: Packet
    outside: socket.socket
    connected: bool = False
    timer: asyncio.TimerHandle | None = None

    @property
    def flow(self) -> _Flow:
        return self.packet.source, self.packet.destination


class Connections:
    """All TCP connections of one environment that leave it.

    Args:
        buffer: scratch space of the loop's splices.
        turns: of the environment's flows.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inside: InsideSockets,
        policy: EgressPolicy,
        budget: DescriptorAccount,
        limits: BridgeLimits,
        buffer: memoryview,
        turns: Turns,
    ) -> None:
        self._loop = loop
        self._inside = inside
        self._policy = policy
        self._budget = budget
        self._limits = limits
        self._buffer = buffer
        self._turns = turns
        self._pending: dict[_Flow, _Pending] = {}
        self._splices: set[Splice] = set()
        self._raw: dict[socket.AddressFamily, socket.socket] = {}
        self._listeners: dict[socket.AddressFamily, socket.socket] = {}
        self._pauses: dict[socket.AddressFamily, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._pending) + len(self._splices)

    def begin(self, packet: Packet) -> None:
        """A SYN has come: connect on the host, or go on with what was begun for an earlier copy of it."""
        pending = self._pending.get((packet.source, packet.destination))
        if pending is not None:
            pending.packet = packet  # the same port may have been taken for a new attempt
            if pending.connected:
                self._let_go_on(packet)
            return
        target = self._policy.target(packet.destination)
        if target is None or len(self) >= self._limits.connections or not self._budget.take(_DESCRIPTORS):
            self._refuse(packet)
            return
        self._connect(packet, target)

    def close(self) -> None:
        """Reset everything that is open or under way."""
        for pending in list(self._pending.values()):
            self._forget(pending)
            pending.outside.close()
        for splice in self._splices:
            splice.close()
            self._budget.give_back(_DESCRIPTORS)
        self._splices.clear()
        for pause in self._pauses.values():
            pause.cancel()
        for listener in self._listeners.values():
            self._loop.remove_reader(listener)
            listener.close()
        for raw in self._raw.values():
            raw.close()
        self._listeners.clear()
        self._raw.clear()

    def _connect(self, packet: Packet, target: Endpoint) -> None:
        try:
            family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
            outside = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            self._budget.give_back(_DESCRIPTORS)
            _logger.warning("a function's connection is refused: %s", error, extra={"action": "bridge"})
            self._refuse(packet)
            return
        pending = self._pending[packet.source, packet.destination] = _Pending(packet, outside)
        failure = outside.connect_ex(target)
        if failure not in {0, errno.EINPROGRESS}:
            self._failed(pending, failure)
            return
        self._loop.add_writer(outside, self._host_answered, pending)
        pending.timer = self._loop.call_later(self._limits.connect_seconds, self._failed, pending, errno.ETIMEDOUT)

    def _host_answered(self, pending: _Pending) -> None:
        failure = pending.outside.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            self._failed(pending, failure)
            return
        self._loop.remove_writer(pending.outside)
        self._cancel_timer(pending)
        pending.connected = True
        pending.timer = self._loop.call_later(self._limits.handshake_seconds, self._failed, pending, errno.ETIMEDOUT)
        try:
            self._listen(pending.packet.family)
        except OSError as error:
            _logger.warning("a function's connection is refused: %s", error, extra={"action": "bridge"})
            self._failed(pending, errno.ECONNREFUSED)
            return
        self._let_go_on(pending.packet)

    def _failed(self, pending: _Pending, failure: int) -> None:
        self._forget(pending)
        if failure != errno.ETIMEDOUT:
            self._refuse(pending.packet)
        reset(pending.outside)

    def _forget(self, pending: _Pending) -> None:
        del self._pending[pending.flow]
        self._budget.give_back(_DESCRIPTORS)
        self._cancel_timer(pending)
        if not pending.connected:
            self._loop.remove_writer(pending.outside)

    @staticmethod
    def _cancel_timer(pending: _Pending) -> None:
        if pending.timer is not None:
            pending.timer.cancel()

    def _let_go_on(self, packet: Packet) -> None:
        self._send(packet.family, packet.destination[0], same_again(packet))

    def _refuse(self, packet: Packet) -> None:
        self._send(packet.family, packet.source[0], refusal(packet))

    def _send(self, family: socket.AddressFamily, host: str, data: bytes) -> None:
        try:
            if family not in self._raw:
                self._raw[family] = self._inside.raw(family)
            self._raw[family].sendto(data, (host, 0))
        except OSError as error:
            # As if the network had lost it: the function sends its SYN again.
            _logger.warning("a packet for a function is lost: %s", error, extra={"action": "bridge"})

    def _listen(self, family: socket.AddressFamily) -> None:
        if family not in self._listeners:
            listener = self._listeners[family] = self._inside.listener(family)
            self._loop.add_reader(listener, self._acceptable, family)

    def _acceptable(self, family: socket.AddressFamily) -> None:
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                inside, source = self._listeners[family].accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue  # the function has reset it meanwhile
            except OSError as error:
                self._pause(family, error)
                return
            self._accepted(inside, source[:2])

    def _pause(self, family: socket.AddressFamily, error: OSError) -> None:
        """The server has no descriptor left: look again in a moment, not at every turn of the loop."""
        _logger.warning("a function's connection waits: %s", error, extra={"action": "bridge"})
        self._loop.remove_reader(self._listeners[family])
        self._pauses[family] = self._loop.call_later(_OUT_OF_DESCRIPTORS_PAUSE_SECONDS, self._resume, family)

    def _resume(self, family: socket.AddressFamily) -> None:
        del self._pauses[family]
        self._loop.add_reader(self._listeners[family], self._acceptable, family)

    def _accepted(self, inside: socket.socket, source: Endpoint) -> None:
        inside.settimeout(0)
        pending = self._pending.get((source, inside.getsockname()[:2]))
        if pending is None or not pending.connected:
            reset(inside)  # it took longer than we waited for it
            return
        del self._pending[pending.flow]
        self._cancel_timer(pending)
        self._turns.spend(_ACCEPT_CALLS)
        splice = Splice(self._loop, inside, pending.outside, buffer=self._buffer, turns=self._turns, on_end=self._ended)
        self._splices.add(splice)

    def _ended(self, splice: Splice) -> None:
        self._splices.discard(splice)
        self._budget.give_back(_DESCRIPTORS)
