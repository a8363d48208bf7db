"""The plan is data; packets and policy are functions of data."""

import base64
import json
import socket
import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest

from lambent.sandbox.network.netlink import messages
from lambent.sandbox.network.packets import Packet, parse, refusal, same_again
from lambent.sandbox.network.plan import NetworkMode, network_steps
from lambent.sandbox.network.policy import EgressPolicy

SYN = struct.pack(">HHIIBBHHH", 40000, 5432, 1000, 0, 5 << 4, 2, 64240, 0xABCD, 0)


def packet4(transport: bytes, protocol: int = socket.IPPROTO_TCP, fragment: int = 0) -> bytes:
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(transport), 7, fragment, 64, protocol, 0)
    return header + IPv4Address("127.0.0.1").packed + IPv4Address("192.0.2.7").packed + transport


def packet6(transport: bytes, protocol: int = socket.IPPROTO_TCP) -> bytes:
    header = struct.pack(">IHBB", 6 << 28, len(transport), protocol, 64)
    return header + IPv6Address("::1").packed + IPv6Address("2001:db8::7").packed + transport


def read(data: bytes) -> Packet:
    packet = parse(data)
    assert packet is not None
    return packet


def checksum(packet: Packet) -> int:
    """0 for a segment whose checksum is right (RFC 9293, 3.1)."""
    segment = packet.data[packet.transport_offset :]
    addresses = packet.data[12:20] if packet.family == socket.AF_INET else packet.data[8:40]
    data = addresses + struct.pack(">II", len(segment), packet.protocol) + segment
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@pytest.mark.parametrize("mode", list(NetworkMode))
def test_steps_are_json_and_the_same_each_time(mode: NetworkMode) -> None:
    steps = network_steps(mode)
    assert json.loads(json.dumps(steps)) == [list(step) for step in network_steps(mode)]


def test_steps_are_whole_netlink_messages_and_each_change_is_acknowledged() -> None:
    for step in network_steps(NetworkMode.EGRESS):
        data = base64.b64decode(step.messages)
        assert sum(16 + len(body) for _, body in messages(data)) == len(data), step.name


def test_an_isolated_environment_gets_its_loopback_and_nothing_else() -> None:
    assert [step.name for step in network_steps(NetworkMode.ISOLATED)] == ["loopback up"]


@pytest.mark.parametrize(
    ("make", "source", "destination"),
    [(packet4, "127.0.0.1", "192.0.2.7"), (packet6, "::1", "2001:db8::7")],
)
def test_a_syn_is_read_sent_again_and_refused(make: Callable[[bytes], bytes], source: str, destination: str) -> None:
    packet = read(make(SYN))
    assert (packet.source, packet.destination) == ((source, 40000), (destination, 5432))
    again = read(same_again(packet))
    assert again._replace(data=b"") == packet._replace(data=b"")
    assert checksum(again) == 0
    reset = read(refusal(packet))
    assert (reset.source, reset.destination) == (packet.destination, packet.source)
    assert checksum(reset) == 0
    _, _, sequence, acknowledged, _, flags = struct.unpack_from(">HHIIBB", reset.data, reset.transport_offset)
    assert (sequence, acknowledged, flags) == (0, 1001, 0x14)


def test_a_datagram_is_what_follows_the_udp_header() -> None:
    packet = read(packet4(struct.pack(">HHHH", 1, 2, 11, 0) + b"abc", socket.IPPROTO_UDP))
    assert packet.datagram == b"abc"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x45" * 19,
        packet4(SYN[:19]),
        packet4(SYN, socket.IPPROTO_ICMP),
        packet4(SYN, fragment=0x2000),
        packet4(SYN, fragment=5),
        packet6(SYN[:19]),
        packet6(SYN, socket.IPPROTO_ICMPV6),
        b"\x75" + packet4(SYN)[1:],
    ],
)
def test_what_is_no_whole_tcp_or_udp_packet_is_not_read(data: bytes) -> None:
    assert parse(data) is None


def policy(mode: NetworkMode) -> EgressPolicy:
    return EgressPolicy(mode, lambda: [("127.0.0.53", 53)])


@pytest.mark.parametrize("mode", [NetworkMode.EGRESS, NetworkMode.EGRESS_AND_HOST_LOOPBACK])
@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.78.1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "fe80::1",
        "ff02::1",
        "fd4c:616d:6265:6e74::2",
    ],
)
def test_never_forwarded(mode: NetworkMode, address: str) -> None:
    """Credentials of the machine, neighbours on its links, and other names for itself."""
    assert policy(mode).target((address, 80)) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53", "127.255.255.254", "::1"])
def test_the_hosts_loopback_is_reached_in_its_mode_only(address: str) -> None:
    assert policy(NetworkMode.EGRESS_AND_HOST_LOOPBACK).target((address, 80)) == (address, 80)
    assert policy(NetworkMode.EGRESS).target((address, 80)) is None
    assert policy(NetworkMode.ISOLATED).target((address, 80)) is None


def test_the_name_server_inside_stands_for_the_hosts_first_one() -> None:
    assert policy(NetworkMode.EGRESS).target(("169.254.78.1", 53)) == ("127.0.0.53", 53)
    assert EgressPolicy(NetworkMode.EGRESS, list).target(("169.254.78.1", 53)) is None


def test_port_zero_is_nowhere() -> None:
    assert policy(NetworkMode.EGRESS_AND_HOST_LOOPBACK).target(("127.0.0.1", 0)) is None
