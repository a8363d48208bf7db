"""The bytes of one bridged TCP connection, both ways.

What has been read is written before more is read: at most one chunk waits in each direction, and a slow reader slows
the writer by TCP's own window. All splices of an environment take turns (`turns.py`). The end of one direction is
passed on as such (half-close); an error of one side resets the other.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from lambent.sandbox.network.turns import Turns

_LINGER_ZERO = struct.pack("ii", 1, 0)
_KEEPALIVE_IDLE_SECONDS = 45
_HALF_CLOSED_CHECK_SECONDS = 60
_TCP_STATE_CLOSE = 7


def reset(connection: socket.socket) -> None:
    """Close at once; the peer gets a reset."""
    with contextlib.suppress(OSError):  # a socket without a connection: closing is enough
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    connection.close()


class Splice:
    """Joins two connected, non-blocking sockets until both directions have ended; owns and closes them.

    Args:
        buffer: scratch space, shared by all splices of a loop: nothing stays in it between two callbacks.
        turns: of the environment's flows.
        on_end: called once, when both sockets are closed by the splice itself.
    """

    __slots__ = ("_directions", "_loop", "_on_end", "_sides", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inside: socket.socket,
        outside: socket.socket,
        *,
        buffer: memoryview,
        turns: Turns,
        on_end: Callable[["Splice"], None],
    ) -> None:
        self._loop = loop
        self._sides = (inside, outside)
        self._on_end = on_end
        self._timer: asyncio.TimerHandle | None = None
        self._directions = (
            _Direction(loop, inside, outside, buffer, turns, self),
            _Direction(loop, outside, inside, buffer, turns, self),
        )
        for side in self._sides:
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A peer that vanished is found out by the kernel; nobody else asks on this connection.
            side.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_SECONDS)
        for direction in self._directions:
            direction.start()

    def direction_ended(self) -> None:
        """One direction has passed its end on."""
        if all(direction.ended for direction in self._directions):
            self._finish(socket.socket.close)
        elif self._timer is None:
            self._timer = self._loop.call_later(_HALF_CLOSED_CHECK_SECONDS, self._check_half_closed)

    def abort(self) -> None:
        """Reset both sides."""
        self._finish(reset)

    def close(self) -> None:
        """Reset both sides without telling `on_end`."""
        self._stop()
        for side in self._sides:
            reset(side)

    def _finish(self, close: Callable[[socket.socket], None]) -> None:
        self._stop()
        for side in self._sides:
            close(side)
        self._on_end(self)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for direction in self._directions:
            direction.stop()

    def _check_half_closed(self) -> None:
        """A side that sent its end may have gone altogether, which shows only when something is sent to it."""
        for side in self._sides:
            # The first byte of struct tcp_info is the state.
            if side.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_STATE_CLOSE:
                self.abort()
                return
        self._timer = self._loop.call_later(_HALF_CLOSED_CHECK_SECONDS, self._check_half_closed)


class _Direction:
    """From one socket to the other: reading, or waiting to write the rest of a chunk or for its turn, or ended."""

    __slots__ = ("_buffer", "_loop", "_rest", "_source", "_splice", "_target", "_turns", "_waiting", "ended")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        source: socket.socket,
        target: socket.socket,
        buffer: memoryview,
        turns: Turns,
        splice: Splice,
    ) -> None:
        self._loop = loop
        self._source = source
        self._target = target
        self._buffer = buffer
        self._splice = splice
        self._turns = turns
        self._waiting = False
        self._rest = b""
        self.ended = False

    def start(self) -> None:
        self._waiting = False
        self._loop.add_reader(self._source, self._readable)

    def stop(self) -> None:
        if self._rest:
            self._loop.remove_writer(self._target)
        elif self._waiting:
            self._turns.leave(self)
        elif not self.ended:
            self._loop.remove_reader(self._source)
        self._rest, self.ended = b"", True

    def _readable(self) -> None:
        if self._turns.over:
            self._waiting = True
            self._loop.remove_reader(self._source)
            self._turns.wait(self, self.start)
            return
        try:
            count = self._source.recv_into(self._buffer)
            self._turns.spend(1, count)
            sent = self._send(self._buffer[:count]) if count else 0
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._splice.abort()
            return
        if not count:
            self._end()
        elif sent < count:
            self._rest = bytes(self._buffer[sent:count])
            self._loop.remove_reader(self._source)
            self._loop.add_writer(self._target, self._writable)

    def _writable(self) -> None:
        try:
            self._rest = self._rest[self._send(self._rest) :]
            self._turns.spend(1)
        except OSError:
            self._splice.abort()
            return
        if not self._rest:
            self._loop.remove_writer(self._target)
            self._loop.add_reader(self._source, self._readable)

    def _send(self, data: memoryview | bytes) -> int:
        try:
            return self._target.send(data)
        except (BlockingIOError, InterruptedError):
            return 0

    def _end(self) -> None:
        self._loop.remove_reader(self._source)
        self.ended = True
        try:
            self._target.shutdown(socket.SHUT_WR)
        except OSError:  # the other side has been reset meanwhile
            self._splice.abort()
            return
        self._splice.direction_ended()
