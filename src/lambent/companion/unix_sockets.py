"""httpcore's connections to Unix sockets, by the event loop's own streams.

anyio's, which httpcore would use, wait for a socket with a future that may have been cancelled by the time the socket
is ready: a request that is given up in the moment of its answer then leaves a traceback in the log.
"""
# ruff: noqa: ASYNC109  # the names of httpcore's interface

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

_PIECE_BYTES = 262_144


class UnixSockets:
    """What httpcore calls a network backend."""

    def __init__(self, httpcore: Any) -> None:
        self._httpcore = httpcore

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: object = None,  # noqa: ARG002  # none is ever asked for
    ) -> "_Stream":
        """Raises httpcore's errors."""
        with _errors_as(self._httpcore.ConnectTimeout, self._httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                return _Stream(self._httpcore, *await asyncio.open_unix_connection(path, limit=_PIECE_BYTES))


class _Stream:
    """What httpcore calls a network stream."""

    def __init__(self, httpcore: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._httpcore = httpcore
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _errors_as(self._httpcore.ReadTimeout, self._httpcore.ReadError):
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _errors_as(self._httpcore.WriteTimeout, self._httpcore.WriteError):
            async with asyncio.timeout(timeout):
                self._writer.write(buffer)
                await self._writer.drain()

    async def aclose(self) -> None:
        self._writer.close()

    def get_extra_info(self, info: str) -> object:
        """`is_readable`: whether an idle connection was closed by the other side; None of anything else."""
        return self._reader.at_eof() or self._writer.is_closing() if info == "is_readable" else None


@contextlib.contextmanager
def _errors_as(timed_out: type[Exception], failed: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timed_out from error
    except OSError as error:
        raise failed(str(error)) from error
