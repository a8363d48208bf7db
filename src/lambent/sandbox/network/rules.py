"""The nftables rules inside a namespace, as the messages that make them.

In the notation of nft(8), for `prerouting`, which every packet passes once as it comes back from the loopback device:

    table inet lambent { chain bridge { type filter hook prerouting priority mangle; policy accept;
      meta l4proto tcp tcp flags & (fin|syn|rst|ack) != syn accept             1 known to a socket, or answered by RST
      meta mark RESUMED meta l4proto tcp ip ... tproxy to LISTENER accept      2 a handshake that the bridge lets go on
      meta mark BRIDGE accept                                                  3 what the bridge itself sends
      ip daddr 127.0.0.0/8 socket exists accept                                4 the function listens there itself
      ip daddr OWN accept                                                      5 the function's own address
      meta l4proto udp socket transparent 1 accept                             6 a UDP flow that the bridge knows
      meta l4proto tcp limit rate 1000/second burst 2000 log group GROUP drop  7 to the bridge, packet and all
      meta l4proto tcp drop
    } }

(2, 4 and 5 for IPv6, 7 for UDP as well.) Rule 7 is what makes "connect first" possible: the first packet of a
connection is handed to the server and dropped; the server connects on the host and sends the same packet again,
marked. The limit keeps a function from occupying the server; what is beyond is lost, and sent again by TCP. Marks can
only be set with CAP_NET_ADMIN or CAP_NET_RAW over the namespace, which the function doesn't have.

No connection tracking is used: its tables are shared and sized by the host.
Source: linux/netfilter/nf_tables.h; Documentation/networking/tproxy.rst.
"""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from lambent.sandbox.network.netlink import (
    ACK,
    APPEND,
    CREATE,
    attribute,
    message,
    nested,
    netfilter_header,
    number,
    text,
)

MARK_RESUMED = 0x4C01
MARK_BRIDGE = 0x4C02
LOG_GROUP = 1

_TABLE, _CHAIN = "lambent", "bridge"
_INET, _IPV4, _IPV6 = 1, 2, 10  # NFPROTO_*
_SUBSYSTEM = 10
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = 0, 3, 6
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_PREROUTING, _PRIORITY_MANGLE = 0, -150
_VERDICT_REGISTER, _REGISTER, _SECOND_REGISTER = 0, 1, 2
_DROP, _ACCEPT = 0, 1
_META_MARK, _META_NFPROTO, _META_L4PROTO = 3, 15, 16
_NETWORK, _TRANSPORT = 1, 2
_EQUAL, _NOT_EQUAL = 0, 1
_SOCKET_TRANSPARENT = 0
_FLOWS_PER_SECOND, _FLOWS_BURST = 1000, 2000
_SYN, _FIN_SYN_RST_ACK = b"\x02", b"\x17"


@dataclass(frozen=True, slots=True)
class RuleAddresses:
    """The addresses that the rules name."""

    own4: IPv4Address
    own6: IPv6Address
    listener4: IPv4Address
    listener6: IPv6Address
    listener_port: int


def rule_batch(addresses: RuleAddresses) -> bytes:
    """The one transaction that makes table, chain and rules; its messages ask for acknowledgement."""
    tcp, udp = bytes([socket.IPPROTO_TCP]), bytes([socket.IPPROTO_UDP])
    is_tcp = _meta(_META_L4PROTO) + _compare(tcp)
    is_udp = _meta(_META_L4PROTO) + _compare(udp)
    port = addresses.listener_port
    rules = [
        is_tcp + _payload(_TRANSPORT, 13, 1) + _mask(_FIN_SYN_RST_ACK) + _compare(_SYN, _NOT_EQUAL) + _accept(),
        *(
            _mark(MARK_RESUMED) + is_tcp + _is(family) + _tproxy(family, listener.packed, port) + _accept()
            for family, listener in ((_IPV4, addresses.listener4), (_IPV6, addresses.listener6))
        ),
        _mark(MARK_BRIDGE) + _accept(),
        _is(_IPV4) + _payload(_NETWORK, 16, 1) + _compare(b"\x7f") + _socket_transparent() + _accept(),
        _is(_IPV6)
        + _payload(_NETWORK, 24, 16)
        + _compare(IPv6Address("::1").packed)
        + _socket_transparent()
        + _accept(),
        _is(_IPV4) + _payload(_NETWORK, 16, 4) + _compare(addresses.own4.packed) + _accept(),
        _is(_IPV6) + _payload(_NETWORK, 24, 16) + _compare(addresses.own6.packed) + _accept(),
        is_udp + _socket_transparent() + _compare(b"\x01") + _accept(),
        *(protocol + verdict for protocol in (is_tcp, is_udp) for verdict in (_limit() + _log() + _drop(), _drop())),
    ]
    hook = nested(4, number(1, _PREROUTING), number(2, _PRIORITY_MANGLE & 0xFFFFFFFF))
    return b"".join(
        [
            message(_BATCH_BEGIN, 0, netfilter_header(0, _SUBSYSTEM)),
            _change(_NEW_TABLE, CREATE, text(1, _TABLE)),
            _change(
                _NEW_CHAIN, CREATE, text(1, _TABLE) + text(3, _CHAIN) + hook + number(5, _ACCEPT) + text(7, "filter")
            ),
            *(
                _change(_NEW_RULE, CREATE | APPEND, text(1, _TABLE) + text(2, _CHAIN) + nested(4, rule))
                for rule in rules
            ),
            message(_BATCH_END, 0, netfilter_header(0, _SUBSYSTEM)),
        ]
    )


def _change(kind: int, flags: int, attributes: bytes) -> bytes:
    return message(_SUBSYSTEM << 8 | kind, flags | ACK, netfilter_header(_INET) + attributes)


def _expression(name: str, *attributes: bytes) -> bytes:
    return nested(1, text(1, name), nested(2, *attributes))


def _value(kind: int, data: bytes) -> bytes:
    return nested(kind, attribute(1, data))


def _meta(key: int) -> bytes:
    return _expression("meta", number(1, _REGISTER), number(2, key))


def _compare(data: bytes, operator: int = _EQUAL) -> bytes:
    return _expression("cmp", number(1, _REGISTER), number(2, operator), _value(3, data))


def _is(family: int) -> bytes:
    return _meta(_META_NFPROTO) + _compare(bytes([family]))


def _mark(mark: int) -> bytes:
    return _meta(_META_MARK) + _compare(struct.pack("=I", mark))


def _payload(base: int, offset: int, length: int) -> bytes:
    return _expression("payload", number(1, _REGISTER), number(2, base), number(3, offset), number(4, length))


def _mask(mask: bytes) -> bytes:
    return _expression(
        "bitwise",
        number(1, _REGISTER),
        number(2, _REGISTER),
        number(3, len(mask)),
        _value(4, mask),
        _value(5, bytes(len(mask))),
    )


def _socket_transparent() -> bytes:
    """Load whether the packet's socket is transparent; a packet without any socket ends the rule here."""
    return _expression("socket", number(1, _SOCKET_TRANSPARENT), number(2, _REGISTER))


def _tproxy(family: int, address: bytes, port: int) -> bytes:
    return (
        _expression("immediate", number(1, _REGISTER), _value(2, address))
        + _expression("immediate", number(1, _SECOND_REGISTER), _value(2, struct.pack(">H", port)))
        + _expression("tproxy", number(1, family), number(2, _REGISTER), number(3, _SECOND_REGISTER))
    )


def _limit() -> bytes:
    return _expression(
        "limit",
        attribute(1, struct.pack(">Q", _FLOWS_PER_SECOND)),
        attribute(2, struct.pack(">Q", 1)),
        number(3, _FLOWS_BURST),
        number(4, 0),  # of packets, not of bytes
    )


def _log() -> bytes:
    # A queue threshold of 1: each packet is sent to the server at once, not with the next ones.
    return _expression(
        "log",
        attribute(1, struct.pack(">H", LOG_GROUP)),
        number(3, 0xFFFF),
        attribute(4, struct.pack(">H", 1)),
    )


def _verdict(code: int) -> bytes:
    return _expression("immediate", number(1, _VERDICT_REGISTER), nested(2, nested(2, number(1, code))))


def _accept() -> bytes:
    return _verdict(_ACCEPT)


def _drop() -> bytes:
    return _verdict(_DROP)
