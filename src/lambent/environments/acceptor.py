"""Accepting connections from inside an environment on the event loop, at the environment's expense and no one else's.

A listener stays readable until somebody accepts. So a server without a free descriptor, which can't, would be called at
every turn of the loop: it looks again in a moment instead. Those who connect too often wait in the listener's backlog.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

from lambent.core.loop_share import LoopShare

_log = logging.getLogger(__name__)

_ACCEPTS_PER_TURN: Final = 16
_OUT_OF_DESCRIPTORS_PAUSE_SECONDS: Final = 0.2
_ACCEPT_SECONDS: Final = 50e-6  # with the objects of a connection, and their end


class Acceptor:
    """Accepts on one listener until `close`.

    Args:
        listener: listening and non-blocking; stays its owner's to close, after `close`.
        on_connection: gets each connection, non-blocking; it may close it at once.
        share: what the environment may take of the loop.
    """

    __slots__ = ("_listener", "_loop", "_on_connection", "_pause", "_share")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        on_connection: Callable[[socket.socket], None],
        share: LoopShare,
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._on_connection = on_connection
        self._share = share
        self._pause: asyncio.TimerHandle | None = None
        loop.add_reader(listener.fileno(), self.accept)

    def accept(self) -> None:
        """Accept those who wait now, a turn's worth of them."""
        accepted = 0
        while accepted < _ACCEPTS_PER_TURN:
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                break
            except OSError as error:
                if self._listener.fileno() >= 0:  # else it was closed by its owner
                    _log.warning("a function's connection waits: %s", error, extra={"action": "accept"})
                    self._wait(_OUT_OF_DESCRIPTORS_PAUSE_SECONDS)
                break
            accepted += 1
            connection.setblocking(False)
            self._on_connection(connection)
        if accepted:
            pause_seconds = self._share.spend(accepted * _ACCEPT_SECONDS, self._loop.time())
            if pause_seconds:
                self._wait(pause_seconds)

    def close(self) -> None:
        """Accept no more; safe to call twice."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener.fileno())

    def _wait(self, seconds: float) -> None:
        if self._pause is None and self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener.fileno())
            self._pause = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._pause = None
        if self._listener.fileno() >= 0:
            self._loop.add_reader(self._listener.fileno(), self.accept)
