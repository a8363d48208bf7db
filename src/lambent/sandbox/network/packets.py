"""The packets that the rules hand over, and those sent in reply; pure functions on bytes.

Source: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 9293 (TCP; a refusal is its section 3.10.7.1), RFC 768 (UDP).
"""

import socket
import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

Endpoint = tuple[str, int]
"""Numeric address and port."""

_RST_ACK = 0x14
_TCP_HEADER_BYTES, _UDP_HEADER_BYTES = 20, 8
_IPV6_HEADER_BYTES = 40
_TCP_CHECKSUM_OFFSET = 16
_HOP_LIMIT = 64


class Packet(NamedTuple):
    """One IP packet that starts a flow."""

    family: socket.AddressFamily
    protocol: int
    """IPPROTO_TCP or IPPROTO_UDP."""
    source: Endpoint
    destination: Endpoint
    transport_offset: int
    data: bytes
    """The whole packet, from the IP header on."""

    @property
    def datagram(self) -> bytes:
        """What a UDP packet carries."""
        return self.data[self.transport_offset + _UDP_HEADER_BYTES :]


def parse(data: bytes) -> Packet | None:
    """Read an IPv4 or IPv6 packet; None if it is neither TCP nor UDP, a fragment, or cut short."""
    if len(data) >= 20 and data[0] >> 4 == 4:
        if struct.unpack_from(">H", data, 6)[0] & 0x3FFF:  # more fragments follow, or this isn't the first
            return None
        family, protocol, offset = socket.AF_INET, data[9], (data[0] & 15) * 4
        addresses = (str(IPv4Address(data[12:16])), str(IPv4Address(data[16:20])))
    elif len(data) >= _IPV6_HEADER_BYTES and data[0] >> 4 == 6:
        family, protocol, offset = socket.AF_INET6, data[6], _IPV6_HEADER_BYTES
        addresses = (str(IPv6Address(data[8:24])), str(IPv6Address(data[24:40])))
    else:
        return None
    needed = {socket.IPPROTO_TCP: _TCP_HEADER_BYTES, socket.IPPROTO_UDP: _UDP_HEADER_BYTES}.get(protocol)
    if needed is None or len(data) < offset + needed:
        return None
    source_port, destination_port = struct.unpack_from(">HH", data, offset)
    source, destination = (addresses[0], source_port), (addresses[1], destination_port)
    return Packet(family, protocol, source, destination, offset, data)


def same_again(packet: Packet) -> bytes:
    """The TCP packet as it can be sent again: on the loopback device its checksum had been left to the hardware."""
    segment = bytearray(packet.data[packet.transport_offset :])
    segment[_TCP_CHECKSUM_OFFSET : _TCP_CHECKSUM_OFFSET + 2] = bytes(2)
    header = packet.data[: packet.transport_offset]
    return header + _with_checksum(segment, _pseudo_header(packet, len(segment)))


def refusal(packet: Packet) -> bytes:
    """The packet by which a host says that nobody listens at the destination of a TCP SYN."""
    sequence = struct.unpack_from(">I", packet.data, packet.transport_offset + 4)[0]
    acknowledged = (sequence + 1) & 0xFFFFFFFF
    ports = (packet.destination[1], packet.source[1])
    segment = bytearray(struct.pack(">HHIIBBHHH", *ports, 0, acknowledged, 5 << 4, _RST_ACK, 0, 0, 0))
    payload = _with_checksum(segment, _pseudo_header(packet, len(segment)))
    source, destination = _packed(packet.destination[0]), _packed(packet.source[0])
    if packet.family == socket.AF_INET:  # the kernel fills in length and checksum
        return struct.pack(">BBHHHBBH", 0x45, 0, 0, 0, 0x4000, _HOP_LIMIT, packet.protocol, 0) + (
            source + destination + payload
        )
    header = struct.pack(">IHBB", 6 << 28, len(payload), packet.protocol, _HOP_LIMIT)
    return header + source + destination + payload


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def _pseudo_header(packet: Packet, length: int) -> bytes:
    # Good for both directions: the order of the two addresses doesn't change the sum.
    return _packed(packet.source[0]) + _packed(packet.destination[0]) + struct.pack(">II", length, packet.protocol)


def _with_checksum(segment: bytearray, pseudo_header: bytes) -> bytes:
    data = pseudo_header + segment + bytes(len(segment) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into(">H", segment, _TCP_CHECKSUM_OFFSET, ~total & 0xFFFF)
    return bytes(segment)
