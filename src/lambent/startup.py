"""What must be had before a server can start: its data directory and its port, each with one clear line when it can't.

Whoever starts a server (`app`) calls these, whoever reports to a person (`cli`) catches `CannotStart`.
"""

import errno
import fcntl
import os
import socket
from dataclasses import dataclass
from pathlib import Path


class CannotStart(Exception):
    """The server can't start; the message is one line for a person, with the remedy."""


@dataclass(slots=True)
class DataDirectoryLock:
    """The right to use a data directory; it ends with `release` or with the process, however that ends."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Let another server have the directory."""
        os.close(self.descriptor)


def claim_data_directory(path: Path) -> DataDirectoryLock:
    """Make the data directory if need be and lock it for this process.

    Raises:
        CannotStart: it can't be made or written to, or another server uses it.
    """
    lock = path / "lock"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(
            f"the data directory {path} can't be used: {error.strerror}; choose another with --data-dir"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        by = f" (process {owner})" if owner else ""
        raise CannotStart(
            f"the data directory {path} is in use by another Lambent{by}; stop it, or choose another with --data-dir"
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        os.close(descriptor)
        raise CannotStart(f"the data directory {path} can't be written to: {error.strerror}") from error
    return DataDirectoryLock(path, descriptor)


def listen(host: str, port: int, *, backlog: int = 1024) -> socket.socket:
    """A non-blocking listening TCP socket; port 0 takes a free one.

    Raises:
        CannotStart: the host is unknown, or the port taken or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise CannotStart(f"--host: {host} is not an address of this machine: {error.strerror}") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise CannotStart(_why_not(host, port, error)) from error
    listener.setblocking(False)
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} is taken by another program; choose another with --port, or a free one with --port 0"
        case errno.EACCES:
            return f"port {port} is reserved for root; choose another with --port"
        case errno.EADDRNOTAVAIL:
            return f"--host: {host} is not an address of this machine"
    return f"can't listen on {host} port {port}: {error.strerror}"
