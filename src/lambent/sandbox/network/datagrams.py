"""UDP flows of one environment: a pair of sockets for each pair of addresses, until it has been idle for a while.

The first datagram comes by way of the rules, whole. Later ones go straight to the flow's inside socket, which is bound
to the destination's address, so that answers come from there.

Known difference: an ICMP error of the destination ends the flow but isn't passed on to the function.
"""

import asyncio
import contextlib
import logging
import socket
from dataclasses import dataclass

from lambent.sandbox.network.inside import InsideSockets
from lambent.sandbox.network.limits import BridgeLimits, DescriptorAccount
from lambent.sandbox.network.packets import Endpoint, Packet
from lambent.sandbox.network.policy import EgressPolicy
from lambent.sandbox.network.turns import Turns

_logger = logging.getLogger(__name__)

_DATAGRAMS_PER_TURN = 8
_LARGEST_DATAGRAM = 65535
_DESCRIPTORS = 2


@dataclass(slots=True, eq=False)
class _Flow:
    source: Endpoint
    destination: Endpoint
    inside: socket.socket
    outside: socket.socket
    last_used: float
    timer: asyncio.TimerHandle | None = None


class DatagramFlows:
    """All UDP flows of one environment that leave it, but for DNS."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inside: InsideSockets,
        policy: EgressPolicy,
        budget: DescriptorAccount,
        limits: BridgeLimits,
        turns: Turns,
    ) -> None:
        self._loop = loop
        self._inside = inside
        self._policy = policy
        self._budget = budget
        self._limits = limits
        self._turns = turns
        self._flows: dict[tuple[Endpoint, Endpoint], _Flow] = {}

    def __len__(self) -> int:
        return len(self._flows)

    def begin(self, packet: Packet) -> None:
        """A datagram of no known flow has come: make the flow and send it on; what isn't allowed is dropped."""
        flow = self._flows.get((packet.source, packet.destination)) or self._open(packet)
        if flow is not None:
            _send(flow.outside, packet.datagram)

    def close(self) -> None:
        """End every flow."""
        for flow in list(self._flows.values()):
            self._end(flow)

    def _open(self, packet: Packet) -> _Flow | None:
        target = self._policy.target(packet.destination)
        if target is None:
            return None
        if len(self._flows) >= self._limits.datagram_flows:
            self._end(min(self._flows.values(), key=lambda flow: flow.last_used))
        if not self._budget.take(_DESCRIPTORS):
            return None
        try:
            inside, outside = self._sockets(packet, target)
        except OSError as error:
            self._budget.give_back(_DESCRIPTORS)
            _logger.warning("a function's datagram is dropped: %s", error, extra={"action": "bridge"})
            return None
        flow = _Flow(packet.source, packet.destination, inside, outside, self._loop.time())
        self._flows[packet.source, packet.destination] = flow
        self._loop.add_reader(inside, self._relay, flow, inside, outside)
        self._loop.add_reader(outside, self._relay, flow, outside, inside)
        flow.timer = self._loop.call_later(self._limits.datagram_idle_seconds, self._end_if_idle, flow)
        return flow

    def _sockets(self, packet: Packet, target: Endpoint) -> tuple[socket.socket, socket.socket]:
        family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
        outside = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            outside.connect(target)
            return self._inside.datagram(packet.destination, packet.source), outside
        except BaseException:
            outside.close()
            raise

    def _relay(self, flow: _Flow, source: socket.socket, target: socket.socket) -> None:
        flow.last_used = self._loop.time()
        if self._turns.over:
            self._loop.remove_reader(source)
            self._turns.wait(source, lambda: self._loop.add_reader(source, self._relay, flow, source, target))
            return
        for _ in range(_DATAGRAMS_PER_TURN):
            try:
                data, sender = source.recvfrom(_LARGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:  # nobody listens there, or no longer
                self._end(flow)
                return
            self._turns.spend(1, len(data))
            # Between its birth and its connect the inside socket may have caught a datagram of another flow.
            if source is flow.outside or sender[:2] == flow.source:
                _send(target, data)

    def _end_if_idle(self, flow: _Flow) -> None:
        left = flow.last_used + self._limits.datagram_idle_seconds - self._loop.time()
        if left <= 0:
            self._end(flow)
        else:
            flow.timer = self._loop.call_later(left, self._end_if_idle, flow)

    def _end(self, flow: _Flow) -> None:
        del self._flows[flow.source, flow.destination]
        if flow.timer is not None:
            flow.timer.cancel()
        for side in (flow.inside, flow.outside):
            self._turns.leave(side)
            self._loop.remove_reader(side)
            side.close()
        self._budget.give_back(_DESCRIPTORS)


def _send(target: socket.socket, data: bytes) -> None:
    """UDP may lose what can't be sent now; an error of the other side is seen by its reader."""
    with contextlib.suppress(OSError):
        target.send(data)
