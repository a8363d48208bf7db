"""Who waits for a request's answer, and whether anybody does: a message that is received for nobody would be hidden.

The gateway closes its connection to us when its own client has gone.
"""

import contextlib
import socket
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

_connection: ContextVar[socket.socket | None] = ContextVar("connection of the request", default=None)


@contextlib.contextmanager
def request(environ: dict[str, Any]) -> Iterator[None]:
    """While a request is carried out."""
    token = _connection.set(environ.get("werkzeug.socket"))
    try:
        yield
    finally:
        _connection.reset(token)


def is_waiting() -> bool:
    """Whether the client of this thread's request is still connected."""
    connection = _connection.get()
    if connection is None:
        return True
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
