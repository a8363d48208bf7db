"""The body of an answer that is sent while it is still being made, or read from somewhere else.

Who makes it hands it to `respond`, sends piece by piece, and waits while the client is slow: what is in memory then is
no more than what the transport holds. Where the length isn't known beforehand the pieces are chunks (or, to a client
that speaks HTTP/1.0, go up to the connection's end).
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from lambent.wire.http import LAST_CHUNK, encode_chunk


class Sink(Protocol):
    """The connection, as a body writes to it."""

    def write_piece(self, piece: bytes) -> None:
        """Send, or have it sent."""

    def end_body(self, *, whole: bool) -> None:
        """The answer is complete; or it breaks off, and so does the connection."""


class StreamedBody:
    """Hand it to `respond`, then `send` or `write` all of it, then `close`.

    Where an answer has no body (to HEAD), it is only its length: it is never `wanted`.

    Attributes:
        length: of the whole body; None if that isn't known.
        writable: the client has taken enough of what was sent; true, too, when it has gone.
        on_writable: called when that becomes true again.
    """

    def __init__(self, length: int | None) -> None:
        self.length = length
        self.writable = True
        self.on_writable: Callable[[], None] | None = None
        self._left = length
        self._chunked = False
        self._sink: Sink | None = None

    @property
    def wanted(self) -> bool:
        """Whether somebody takes what is sent."""
        return self._sink is not None

    def send(self, piece: bytes) -> None:
        """Send a piece, now as far as the client takes it and the rest later; to a client that has gone, nothing.

        Raises:
            ValueError: that is more than the length.
        """
        if self._sink is None or not piece:
            return
        if self._left is not None:
            if len(piece) > self._left:
                raise ValueError("the body is longer than it said")
            self._left -= len(piece)
        self._sink.write_piece(encode_chunk(piece) if self._chunked else piece)

    async def write(self, piece: bytes) -> None:
        """Send a piece; returns when there is room for the next.

        Raises:
            ConnectionResetError: the client has gone.
            ValueError: as `send`.
        """
        if self._sink is None:
            raise ConnectionResetError
        self.send(piece)
        if not self.writable:
            room = asyncio.Event()
            self.on_writable = room.set
            await room.wait()

    def close(self, *, whole: bool = True) -> None:
        """No more is sent. If something is missing, the connection is cut: the client must not think it whole.

        Args:
            whole: this is the end of a body whose length wasn't known.
        """
        sink, self._sink = self._sink, None
        if sink is None:
            return
        if whole and self._chunked:
            sink.write_piece(LAST_CHUNK)
        sink.end_body(whole=whole and not self._left)

    # What the connection calls.

    def attach(self, sink: Sink, *, chunked: bool) -> None:
        """Begin: the head has been sent."""
        self._sink = sink
        self._chunked = chunked

    def pause(self) -> None:
        """The client is slow."""
        self.writable = False

    def resume(self) -> None:
        """It has caught up."""
        self.writable = True
        if self.on_writable is not None:
            self.on_writable()

    def lost(self) -> None:
        """It has gone."""
        self._sink = None
        self.resume()


Body = bytes | StreamedBody
"""Of an answer."""
