"""What the kernel holds of what was written to a connection: how much that is, and how much it may be.

A socket takes megabytes from its writer before it makes it wait, and lets it go on only when a third of them has gone.
To who reads slowly that is minutes: neither the writer's pace nor what is left to write says anything of the reader's.
"""

import contextlib
import fcntl
import socket
import struct
import termios
from typing import Final, Protocol

_INT = struct.Struct("i")
# Beyond what is on its way to the client.
_UNSENT_BYTES: Final = 131_072


class Socket(Protocol):
    """As a transport shows its own."""

    def setsockopt(self, level: int, name: int, value: int, /) -> None:
        """Set an option; raises OSError."""


def unacknowledged_bytes(fd: int) -> int:
    """What was written to a socket and hasn't been taken by the other end's kernel; 0 where that can't be said."""
    try:
        return int(_INT.unpack(fcntl.ioctl(fd, termios.TIOCOUTQ, _INT.pack(0)))[0])
    except OSError:
        return 0


def keep_little_unsent(sock: Socket) -> None:
    """Let a writer to a TCP socket be only a little ahead of its reader; one of another kind stays as it is."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
