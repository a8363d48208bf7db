"""A non-blocking socket on the event loop, without tasks: bytes in by call-back, bytes out with back-pressure.

The loop's reader on the raw socket is what the hot path needs least of: one call-back, one `recv`, one `send` for each
invocation, and a new process generation's socket is in use at once, where a transport takes a task to be made.
While bytes wait to be written nothing is read, so that a peer which asks but doesn't take can't make the server
collect. Nor is anything read for a while from a peer whose chatter has used up its environment's share of the loop.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Final

from lambent.core.loop_share import LoopShare

# A read is what the loop does at once, and the smallest requests have 8 bytes: a few ms at worst, and a fourth of that
# once the share is used up.
_READ_BYTES: Final = 16384
_SMALL_READ_BYTES: Final = 4096
_LARGE_READ_BYTES: Final = 1024 * 1024
_JOIN_BYTES: Final = 32768
# What a dead peer can have left in the kernel's buffers is less than this many reads.
_DRAIN_READS: Final = 64


class SocketStream:
    """One socket, owned and closed by this object.

    Attributes:
        expected: bytes of a long body that are still to come; 0 where it isn't known or none is.
        writing: bytes wait for the peer to take them.
        closed: nothing is read or written any more.
    """

    __slots__ = (
        "_ending",
        "_fd",
        "_held",
        "_loop",
        "_on_data",
        "_on_end",
        "_output",
        "_pause",
        "_read_bytes",
        "_reading",
        "_share",
        "_socket",
        "closed",
        "expected",
        "writing",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        *,
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None],
        share: LoopShare,
    ) -> None:
        """Start reading.

        Args:
            sock: connected and non-blocking.
            share: the environment's, which `charge` takes from.
            on_data: called with what was read; never empty.
            on_end: called once, when the peer will send no more; not after `close`. Writing may still work.
        """
        self._loop = loop
        self._socket = sock
        self._fd = sock.fileno()
        self._on_data = on_data
        self._on_end = on_end
        self._share = share
        self._output: list[memoryview] = []
        self._pause: asyncio.TimerHandle | None = None
        self._read_bytes = _READ_BYTES
        self._reading = True
        self._ending = False
        self._held = False  # by `hold`
        self.writing = False
        self.closed = False
        self.expected = 0
        loop.add_reader(self._fd, self._read)

    def send(self, head: bytes, payload: bytes = b"") -> None:
        """Send both, now as far as the peer takes them and the rest later; to a peer that has gone, nothing."""
        if self.closed:
            return
        if self.writing or len(payload) > _JOIN_BYTES:
            self._send_parts(head, payload)
            return
        data = head + payload
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # the reader will be told
        if sent < len(data):
            self._wait_for_room([data], sent)

    def _send_parts(self, head: bytes, payload: bytes) -> None:
        """Send without copying, or after what waits already."""
        parts = [head, payload]
        if self.writing:
            self._output.extend(memoryview(part) for part in parts)
            return
        try:
            sent = self._socket.sendmsg(parts)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # as above
        if sent < len(head) + len(payload):
            self._wait_for_room(parts, sent)

    def _wait_for_room(self, parts: Sequence[bytes], sent: int) -> None:
        self.writing = True
        self._output = _after([memoryview(part) for part in parts], sent)
        if self._reading and self._pause is None and not self._held:
            self._loop.remove_reader(self._fd)
        self._loop.add_writer(self._fd, self._write)

    def _write(self) -> None:
        try:
            sent = self._socket.sendmsg(self._output)
        except BlockingIOError:
            return
        except OSError:
            self._output = []
        else:
            self._output = _after(self._output, sent)
        if not self._output:
            self.writing = False
            self._loop.remove_writer(self._fd)
            if self._ending:
                self.close()
            elif self._reading and self._pause is None and not self._held:
                self._loop.add_reader(self._fd, self._read)

    def _read(self) -> None:
        size = min(self.expected + _SMALL_READ_BYTES, _LARGE_READ_BYTES) if self.expected else self._read_bytes
        try:
            data = self._socket.recv(size)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._on_data(data)
        else:
            self.stop_reading()
            self._on_end()

    def charge(self, seconds: float) -> None:
        """Take work beyond what an invocation needs from the share; who has used it up isn't read from for a while."""
        pause_seconds = self._share.spend(seconds, self._loop.time())
        self._read_bytes = _SMALL_READ_BYTES if pause_seconds else _READ_BYTES
        if not pause_seconds or not self._reading or self._pause is not None:
            return
        if not self.writing and not self._held:
            self._loop.remove_reader(self._fd)
        self._pause = self._loop.call_later(pause_seconds, self._resume)

    def _resume(self) -> None:
        self._pause = None
        if not self.writing and not self._held:
            self._loop.add_reader(self._fd, self._read)

    def hold(self) -> None:
        """Read no more until `go_on`: what is read can't be passed on at the moment."""
        if self._reading and not self._held:
            self._held = True
            if self._pause is None and not self.writing:
                self._loop.remove_reader(self._fd)

    def go_on(self) -> None:
        """Read again."""
        if self._held:
            self._held = False
            if self._reading and self._pause is None and not self.writing:
                self._loop.add_reader(self._fd, self._read)

    def stop_reading(self) -> None:
        """Read no more, for good."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def drain(self) -> None:
        """Read now what a peer that has ended left behind."""
        for _ in range(_DRAIN_READS):
            if self.closed or not self._reading:
                return
            try:
                data = self._socket.recv(_LARGE_READ_BYTES)
            except OSError:
                return
            if not data:
                return
            self._on_data(data)

    def close_when_written(self) -> None:
        """Read no more, and close as soon as the peer has taken everything."""
        if self.writing:
            self.stop_reading()
            self._ending = True
        else:
            self.close()

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        if self.closed:
            return
        self.closed = True
        self.stop_reading()
        if self.writing:
            self.writing = False
            self._loop.remove_writer(self._fd)
            self._output = []
        self._socket.close()


def _after(parts: Sequence[memoryview], sent: int) -> list[memoryview]:
    """What is left of the parts after `sent` bytes."""
    left = []
    for part in parts:
        if sent < len(part):
            left.append(part[sent:])
        sent = max(0, sent - len(part))
    return left
