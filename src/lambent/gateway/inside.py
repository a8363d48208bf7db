"""Lambent's own port inside an execution environment: what a function's AWS_ENDPOINT_URL leads to.

The listener was made in the environment's network namespace; its connections are served like any other, but counted
apart, so that one function can't use up the connections of everybody else.
"""

import asyncio
import logging
import socket

from lambent.gateway.http_server import HttpServer

CONNECTIONS = 64
"""Open at the same time from one environment; a pool of an AWS SDK has 10 to 50."""

_PAUSE_SECONDS = 0.5

logger = logging.getLogger(__name__)


class InsideEndpoint:
    """Accepts one environment's connections until `close`; the listener stays its sandbox's to close."""

    def __init__(self, loop: asyncio.AbstractEventLoop, server: HttpServer, listener: socket.socket) -> None:
        self._loop = loop
        self._listener = listener
        self._connections = server.group(limit=CONNECTIONS)
        self._pause: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._listen()

    def close(self) -> None:
        """Accept nothing more and cut what is open."""
        if self._pause is None:
            self._loop.remove_reader(self._listener.fileno())
        else:
            self._pause.cancel()
        self._connections.close()

    def _listen(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            # No descriptor is left: look again in a moment, not at every turn of the loop.
            logger.warning("A function's connection waits: %s", error, extra={"action": "inside-endpoint"})
            self._loop.remove_reader(self._listener.fileno())
            self._pause = self._loop.call_later(_PAUSE_SECONDS, self._listen)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._serve(connection), name="inside connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._connections.protocol, connection)
        except OSError:  # it went away before it could be served
            connection.close()
