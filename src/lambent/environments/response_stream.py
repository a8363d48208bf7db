"""A response that a runtime gives in pieces, on its way to the caller.

The pieces don't pass through the life cycle's machine, which sees only the beginning and the end: a codec writes them
here, and here they go on at once, to a caller who takes them in pieces (`ResponseStream`), or into one response for a
caller who wants it whole (`CollectedResponse`). A codec stops reading from its runtime while no more is `wanted`: when
the caller is slow, and, beyond the first 6 MiB, when the function is faster than AWS lets it be.

Source: runtime-api.md §2.3; quotas.md §4 (200 MB, 6 MB at once, then 2 MB a second).
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from lambent.core.fault import TRUNCATED_RESPONSE, Fault, response_too_large_fault
from lambent.core.invocation import MAX_PAYLOAD_BYTES, MAX_STREAM_BYTES, ResponseSink

UNTHROTTLED_BYTES: Final = 6 * 1024 * 1024
_LEAST_PAUSE_SECONDS: Final = 0.002

TRUNCATED: Final = Fault(TRUNCATED_RESPONSE, "HTTP request detected as truncated")


class RuntimeStream(Protocol):
    """What a codec does with a response that comes in pieces.

    Attributes:
        on_wanted: called when more is wanted again.
    """

    on_wanted: Callable[[], None] | None

    @property
    def wanted(self) -> bool:
        """Whether the codec should read on."""

    def write(self, data: bytes) -> None:
        """The next piece."""

    def end(self) -> None:
        """The response is complete."""

    def fail(self, fault: Fault) -> None:
        """It breaks off."""


class CollectedResponse:
    """The pieces of a response for a caller who wants it whole; cut one byte over the limit."""

    def __init__(self, on_end: Callable[[bytes], None], on_failed: Callable[[Fault], None]) -> None:
        self.on_wanted: Callable[[], None] | None = None
        self._on_end = on_end
        self._on_failed = on_failed
        self._pieces: list[bytes] = []
        self._room = MAX_PAYLOAD_BYTES + 1

    @property
    def wanted(self) -> bool:
        """Always: what is over the limit is dropped."""
        return True

    def write(self, data: bytes) -> None:
        """Keep the next piece."""
        if self._room > 0:
            self._pieces.append(data[: self._room])
            self._room -= len(data)

    def end(self) -> None:
        """Hand the response in."""
        self._on_end(b"".join(self._pieces))

    def fail(self, fault: Fault) -> None:
        """Hand the error in, instead of what has come."""
        self._on_failed(fault)


class ResponseStream:
    """The pieces of a response for a caller who takes them as they come.

    Args:
        sink: the caller's side.
        bytes_per_second: beyond the first 6 MiB; 0 for as fast as can be.
        on_end: told once, unless the response was `abandon`ed: of nothing, or of why it broke off.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sink: ResponseSink,
        *,
        bytes_per_second: int,
        on_end: Callable[[Fault | None], None],
    ) -> None:
        self.on_wanted: Callable[[], None] | None = None
        self._loop = loop
        self._sink = sink
        self._bytes_per_second = bytes_per_second
        self._on_end: Callable[[Fault | None], None] | None = on_end
        self._sent = 0
        self._throttled_since = 0.0
        self._pause: asyncio.TimerHandle | None = None
        sink.on_writable = self._tell

    @property
    def wanted(self) -> bool:
        """Whether there is room at the caller's, and the function isn't ahead of its time."""
        return self._pause is None and (self._sink.writable or self._on_end is None)

    def write(self, data: bytes) -> None:
        """Send the next piece on, as far as the limit; dropped when the response is over already."""
        if self._on_end is None or not data:
            return
        room = MAX_STREAM_BYTES - self._sent
        self._sent += len(data)
        if len(data) > room:
            if room:
                self._sink.write(data[:room])
            self._finish(response_too_large_fault(MAX_STREAM_BYTES))
            return
        self._sink.write(data)
        if self._bytes_per_second and self._sent > UNTHROTTLED_BYTES:
            self._throttle()

    def end(self) -> None:
        """The response is complete."""
        self._finish(None)

    def fail(self, fault: Fault) -> None:
        """It breaks off."""
        self._finish(fault)

    def abandon(self) -> None:
        """The invocation was answered otherwise: whatever still comes is dropped."""
        self._on_end = None
        self._sink.on_writable = None
        if self._pause is not None:
            self._pause.cancel()
            self._resume()
        else:
            self._tell()

    def _finish(self, fault: Fault | None) -> None:
        on_end = self._on_end
        if on_end is not None:
            self.abandon()
            on_end(fault)

    def _throttle(self) -> None:
        now = self._loop.time()
        if not self._throttled_since:
            self._throttled_since = now
        allowed_at = self._throttled_since + (self._sent - UNTHROTTLED_BYTES) / self._bytes_per_second
        if allowed_at - now > _LEAST_PAUSE_SECONDS and self._pause is None:
            self._pause = self._loop.call_at(allowed_at, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._tell()

    def _tell(self) -> None:
        if self.wanted and self.on_wanted is not None:
            self.on_wanted()
