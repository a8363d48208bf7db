"""Netlink messages: the few shapes that the plan and the bridge send.

Source: linux/netlink.h, linux/rtnetlink.h, linux/netfilter/nfnetlink.h. Netlink's own headers are in host byte
order, what nfnetlink carries is big-endian.
"""

import struct
from collections.abc import Iterator

REQUEST, ACK, REPLACE, CREATE, APPEND = 0x1, 0x4, 0x100, 0x400, 0x800
ERROR = 2
ROUTE_PROTOCOL, NETFILTER_PROTOCOL = 0, 12
_NESTED = 0x8000
_TYPE_MASK = 0x3FFF
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")


def message(kind: int, flags: int, body: bytes) -> bytes:
    """One message; replies carry the kernel's answer in order, so that no sequence numbers are needed."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags | REQUEST, 0, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    """A string attribute, ended by a zero byte."""
    return attribute(kind, value.encode() + b"\0")


def number(kind: int, value: int) -> bytes:
    """A 32-bit number as nfnetlink wants it."""
    return attribute(kind, struct.pack(">I", value))


def netfilter_header(family: int, resource: int = 0) -> bytes:
    """The header that follows netlink's in every nfnetlink message (struct nfgenmsg)."""
    return struct.pack(">BBH", family, 0, resource)


def messages(data: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """Take a received datagram apart into (message type, body)."""
    view = memoryview(data)
    while len(view) >= _HEADER.size:
        length, kind, _, _, _ = _HEADER.unpack_from(view)
        if not _HEADER.size <= length <= len(view):
            return
        yield kind, view[_HEADER.size : length]
        view = view[length + -length % 4 :]


def find_attribute(body: memoryview, wanted: int) -> memoryview | None:
    """The value of the first attribute of that type."""
    while len(body) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(body)
        if not _ATTRIBUTE.size <= length <= len(body):
            return None
        if kind & _TYPE_MASK == wanted:
            return body[_ATTRIBUTE.size : length]
        body = body[length + -length % 4 :]
    return None
