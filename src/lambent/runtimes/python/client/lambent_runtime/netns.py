"""Carries out the network steps inside a namespace that was just made; what they are is the server's business.

A step is [name, netlink protocol, base64 of messages]: one send, then the kernel's acknowledgements are read.
Runs as root, before there is a tenant.
"""

from __future__ import annotations

import base64
import errno
import os
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ERROR = 2
_ACK = 0x4
_RECEIVE_BYTES = 65536


class NetworkStepError(OSError):
    """The kernel refused a step; the text names it."""


def apply(steps: Sequence[tuple[str, int, str]]) -> None:
    """Apply all steps in order to this process's network namespace.

    Raises NetworkStepError at the first step that the kernel refuses; the namespace is then of no use.
    """
    sockets: dict[int, socket.socket] = {}
    try:
        for name, protocol, encoded in steps:
            if protocol not in sockets:
                sockets[protocol] = _connect(name, protocol)
            _apply_one(sockets[protocol], name, base64.b64decode(encoded))
    finally:
        for connection in sockets.values():
            connection.close()


def _connect(name: str, protocol: int) -> socket.socket:
    try:
        connection = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        connection.connect((0, 0))
    except OSError as error:
        raise _failed(name, error.errno) from error
    return connection


def _apply_one(connection: socket.socket, name: str, messages: bytes) -> None:
    expected = _count_acknowledged(messages)
    try:
        connection.send(messages)
        while expected:
            # The kernel has answered by the time send returns: waiting would be waiting for ever.
            data = connection.recv(_RECEIVE_BYTES, socket.MSG_DONTWAIT)
            for kind, body in _split(data):
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", body)[0]
                    if code:
                        raise _failed(name, code)
                    expected -= 1
    except NetworkStepError:
        raise
    except OSError as error:
        raise _failed(name, error.errno) from error


def _count_acknowledged(messages: bytes) -> int:
    count = offset = 0
    while offset < len(messages):
        length, _, flags = struct.unpack_from("=IHH", messages, offset)
        if flags & _ACK:
            count += 1
        offset += (length + 3) & ~3
    return count


def _split(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        yield kind, data[offset + 16 : offset + length]
        offset += max(16, (length + 3) & ~3)


def _failed(name: str, code: int | None) -> NetworkStepError:
    code = code or errno.EIO
    return NetworkStepError(code, "network step '%s': %s" % (name, os.strerror(code)))
