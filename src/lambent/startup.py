"""What must be had before a server can start: a port, with one clear line when it can't be had.

Whoever starts a server (`app`) calls these, whoever reports to a person (`cli`) catches `CannotStart`.
"""

import errno
import socket


class CannotStart(Exception):
    """The server can't start; the message is one line for a person, with the remedy."""


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
