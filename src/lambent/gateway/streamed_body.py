"""The body of an answer that is sent while it is still being read from somewhere else.

Its length is known beforehand, so that it needs no framing of its own. Who has it writes it piece by piece and waits
where the client is slow; not more than one piece is in memory beyond what the transport holds.
"""

import asyncio
from typing import Protocol

SHORTEST_STREAMED_BYTES = 65_537
"""A shorter body is one write with its head, and must be given as bytes."""


class Sink(Protocol):
    """The connection, as a body writes to it."""

    def write_piece(self, piece: bytes) -> None:
        """Send, or have it sent."""

    def end_body(self, *, whole: bool) -> None:
        """The answer is complete; or it breaks off, and so does the connection."""


class StreamedBody:
    """Hand it to `respond`, then `write` until `length` bytes are written, then `close`.

    Where an answer has no body (to HEAD), it is only its length: it is never `wanted`.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._left = length
        self._sink: Sink | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def __len__(self) -> int:
        """Of the whole body."""
        return self._length

    @property
    def wanted(self) -> bool:
        """Whether somebody takes what is written."""
        return self._sink is not None

    async def write(self, piece: bytes) -> None:
        """Send a piece; returns when there is room for the next.

        Raises:
            ConnectionResetError: the client has gone.
            ValueError: that is more than the length.
        """
        if self._sink is None:
            raise ConnectionResetError
        if len(piece) > self._left:
            raise ValueError("the body is longer than it said")
        self._left -= len(piece)
        self._sink.write_piece(piece)
        await self._writable.wait()

    def close(self) -> None:
        """No more is written; if something is missing, the connection is cut, as the client must not think it whole."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.end_body(whole=self._left == 0)

    # What the connection calls.

    def attach(self, sink: Sink) -> None:
        """Begin: the head has been sent."""
        self._sink = sink

    def pause(self) -> None:
        """The client is slow."""
        self._writable.clear()

    def resume(self) -> None:
        """It has caught up."""
        self._writable.set()

    def lost(self) -> None:
        """It has gone."""
        self._sink = None
        self._writable.set()


Body = bytes | StreamedBody
"""Of an answer."""
