"""Loopback ports of one environment, which hear that environment's processes only.

All environments and everybody else on the machine share the loopback interface, so who connects is looked up: the
kernel lists the socket at the other end (/proc/net/tcp), and the socket must be open in a process of the environment.
Where the system has no such list (macOS) anybody on the machine is heard; docs/explanation/security.md says so.
"""

import contextlib
import logging
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_BACKLOG = 128

logger = logging.getLogger(__name__)


class OwnListener(socket.socket):
    """A listening, non-blocking socket on a free port of 127.0.0.1."""

    def __init__(self, processes: Callable[[], Iterable[int]]) -> None:
        """Args: processes: pids of those who may connect, asked at each connection."""
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self._processes = processes
        try:
            self.bind(("127.0.0.1", 0))
            self.listen(_BACKLOG)
            self.setblocking(False)
        except OSError:
            self.close()
            raise

    @property
    def port(self) -> int:
        """Where it listens."""
        number: int = self.getsockname()[1]
        return number

    def accept(self) -> tuple[socket.socket, Any]:
        """As sockets do.

        Raises:
            ConnectionAbortedError: somebody else had connected, and was let go.
        """
        connection, address = super().accept()
        if not _is_one_of(self._processes, address):
            connection.close()
            logger.warning("A program that is not the function's was refused.", extra={"action": "accept"})
            raise ConnectionAbortedError("not a process of this environment")
        return connection, address


def _is_one_of(processes: Callable[[], Iterable[int]], peer: tuple[str, int]) -> bool:
    if sys.platform != "linux":
        return True
    inode = _inode(peer)
    return inode is not None and any(_has_open(pid, inode) for pid in processes())


def _inode(local: tuple[str, int]) -> str | None:
    """Of the socket at the other end of a connection; None where it has been closed already."""
    address = int.from_bytes(socket.inet_aton(local[0]), sys.byteorder)
    wanted = f"{address:08X}:{local[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == wanted:
            return fields[9]
    return None


def _has_open(pid: int, inode: str) -> bool:
    link = f"socket:[{inode}]"
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it has ended
        return False
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # it was closed meanwhile
            if str(descriptor.readlink()) == link:
                return True
    return False
