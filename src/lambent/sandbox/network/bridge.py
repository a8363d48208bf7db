"""The host's side of all environments' networks: one Bridge per server, one Attachment per namespace.

An attachment is one netlink socket, on which the rules hand over the packets that begin a flow. Everything else is
made when the first such packet comes. All of it runs on the event loop; nothing here waits.
"""

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Callable, Sequence

from lambent.sandbox.network.connections import Connections
from lambent.sandbox.network.datagrams import DatagramFlows
from lambent.sandbox.network.dns import DnsForwarder
from lambent.sandbox.network.inside import Entrance, InsideSockets, by_this_thread, open_packet_log
from lambent.sandbox.network.limits import BridgeLimits, DescriptorBudget
from lambent.sandbox.network.netlink import (
    ACK,
    ERROR,
    attribute,
    find_attribute,
    message,
    messages,
    netfilter_header,
    number,
)
from lambent.sandbox.network.packets import Endpoint, Packet, parse
from lambent.sandbox.network.plan import DNS_ADDRESS, DNS_PORT, NetworkMode
from lambent.sandbox.network.policy import EgressPolicy
from lambent.sandbox.network.rules import LOG_GROUP
from lambent.sandbox.network.turns import Turns

_logger = logging.getLogger(__name__)

# What one turn of the loop copies at most for one connection: about 20 µs, so that invocations don't wait for bulk.
_BUFFER_BYTES = 64 * 1024
_PACKETS_PER_TURN = 16
_PACKET_CALLS = 4  # what the beginning of a flow costs, in calls of one
_LOG_RECEIVE_BYTES = 128 * 1024
# A ceiling, not an allocation: room for about 2,000 SYNs at once. What doesn't fit is lost as on a full network.
_LOG_QUEUE_BYTES = 4 * 1024 * 1024
_SO_RCVBUFFORCE = 33  # past the limit for ordinary users (asm-generic/socket.h)
_SUBSYSTEM_LOG = 4
_PACKET, _CONFIGURE = _SUBSYSTEM_LOG << 8, _SUBSYSTEM_LOG << 8 | 1
_CONFIG_COMMAND, _CONFIG_MODE, _CONFIG_BUFFER = 1, 2, 3
_BIND, _COPY_PACKET = b"\x01", 2
_PAYLOAD = 9
_DNS_SERVER: Endpoint = (str(DNS_ADDRESS), DNS_PORT)


class Bridge:
    """Connects environments with what they may reach.

    Args:
        resolvers: gives the host's name servers as they are now, in order of preference.
        enter: how sockets are made inside.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        mode: NetworkMode,
        resolvers: Callable[[], Sequence[Endpoint]],
        limits: BridgeLimits | None = None,
        enter: Entrance = by_this_thread,
    ) -> None:
        self._loop = loop
        self._enter = enter
        self._mode = mode
        self._resolvers = resolvers
        self._limits = limits or BridgeLimits()
        self._policy = EgressPolicy(mode, resolvers)
        self._budget = DescriptorBudget(self._limits.descriptors)
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))

    @property
    def descriptors_left(self) -> int:
        """Descriptors that flows of all environments may still take."""
        return self._budget.left

    def attach(self, netns_fd: int) -> "Attachment":
        """Serve a namespace to which `network_steps` of this mode have been applied; the descriptor isn't kept.

        Raises:
            OSError: the namespace can't be entered, or the kernel has no nfnetlink_log.
        """
        if self._mode is NetworkMode.ISOLATED:
            return Attachment(self._loop, None, (), Turns(self._loop))
        log = open_packet_log(netns_fd, self._enter)
        try:
            _receive_packets(log)
        except BaseException:
            log.close()
            raise
        inside = InsideSockets(log, self._enter)
        turns = Turns(self._loop)
        flows, queries = self._budget.account(), self._budget.account()
        connections = Connections(self._loop, inside, self._policy, flows, self._limits, self._buffer, turns)
        datagrams = DatagramFlows(self._loop, inside, self._policy, flows, self._limits, turns)
        dns = DnsForwarder(self._loop, inside, self._resolvers, queries, self._limits, turns)
        return Attachment(self._loop, log, (connections, datagrams, dns), turns)


class Attachment:
    """One namespace's connection to the bridge; lives until `close`.

    Args:
        log: where the rules hand packets over; None for a namespace that reaches nothing.
        parts: who begins a TCP connection, a UDP flow and a DNS query; none without a log.
        turns: of the parts.
    """

    __slots__ = ("_log", "_loop", "_parts", "_turns")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        log: socket.socket | None,
        parts: tuple[Connections, DatagramFlows, DnsForwarder] | tuple[()],
        turns: Turns,
    ) -> None:
        self._loop = loop
        self._log = log
        self._parts = parts
        self._turns = turns
        if log is not None:
            loop.add_reader(log, self._readable, log)

    def close(self) -> None:
        """Reset all connections and let go of the namespace; closing again does nothing."""
        if self._log is None:
            return
        self._loop.remove_reader(self._log)
        for part in self._parts:
            part.close()
        self._turns.close()
        self._log.close()
        self._log = None

    def _readable(self, log: socket.socket) -> None:
        if self._turns.over:
            self._loop.remove_reader(log)
            self._turns.wait(log, lambda: self._loop.add_reader(log, self._readable, log))
            return
        for _ in range(_PACKETS_PER_TURN):
            try:
                data = log.recv(_LOG_RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # more came than fits: some are lost and will be sent again
                    raise
                continue
            for kind, body in messages(data):
                payload = find_attribute(body[4:], _PAYLOAD) if kind == _PACKET else None
                packet = parse(bytes(payload)) if payload is not None else None
                self._turns.spend(_PACKET_CALLS)
                if packet is not None:
                    self._begin(packet)

    def _begin(self, packet: Packet) -> None:
        if not self._parts:
            return
        connections, datagrams, dns = self._parts
        if packet.protocol == socket.IPPROTO_TCP:
            connections.begin(packet)
        elif packet.destination == _DNS_SERVER:
            dns.begin(packet)
        else:
            datagrams.begin(packet)


def _receive_packets(log: socket.socket) -> None:
    """Make the log's group deliver whole packets to this socket."""
    try:
        log.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _LOG_QUEUE_BYTES)
    except PermissionError:  # without rights on the host, as much as anybody may have
        log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _LOG_QUEUE_BYTES)
    log.send(_subscription())
    for kind, body in messages(log.recv(_LOG_RECEIVE_BYTES)):
        failure = -struct.unpack_from("=i", body)[0] if kind == ERROR else errno.EIO
        if failure:
            raise OSError(failure, "the kernel refuses to hand packets over (nfnetlink_log)")


def _subscription() -> bytes:
    attributes = (
        attribute(_CONFIG_COMMAND, _BIND)
        + attribute(_CONFIG_MODE, struct.pack(">IBx", 0xFFFF, _COPY_PACKET))
        # The least there is: a message then takes as much of the queue as its packet, not a page.
        + number(_CONFIG_BUFFER, 1)
    )
    return message(_CONFIGURE, ACK, netfilter_header(socket.AF_UNSPEC, LOG_GROUP) + attributes)
