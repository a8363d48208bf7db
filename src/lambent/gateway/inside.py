"""Lambent's own port inside an execution environment: what a function's AWS_ENDPOINT_URL leads to.

The listener was made in the environment's network namespace; its connections are served like any other, but counted
apart, so that one function can't use up the connections of everybody else.
"""

import asyncio
import socket

from lambent.core.loop_share import LoopShare
from lambent.environments.acceptor import Acceptor
from lambent.gateway.http_server import HttpServer

CONNECTIONS = 64
"""Open at the same time from one environment; a pool of an AWS SDK has 10 to 50."""


class InsideEndpoint:
    """Serves one environment's connections until `close`; the listener stays its sandbox's to close."""

    def __init__(self, loop: asyncio.AbstractEventLoop, server: HttpServer, listener: socket.socket) -> None:
        self._loop = loop
        self._connections = server.group(limit=CONNECTIONS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._acceptor = Acceptor(loop, listener, self._begin, LoopShare())

    def close(self) -> None:
        """Accept nothing more and cut what is open."""
        self._acceptor.close()
        self._connections.close()

    def _begin(self, connection: socket.socket) -> None:
        task = self._loop.create_task(self._serve(connection), name="inside connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._connections.protocol, connection)
        except OSError:  # it went away before it could be served
            connection.close()
