"""The client's end of the frames socket: binary frames over an inherited stream socket.

A frame is an 8-byte header, ``>IB3x`` = body length and type, then the body. The server sends INIT once
and then one INVOKE for each NEXT; the client sends everything else. LOG frames may be sent by any
thread of the function at any time, so that sending is guarded; receiving is the main thread's alone.

Plain ``os.read`` and ``os.write`` on the descriptor: the socket module's objects would add nothing but time.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import threading

INIT, INVOKE = 0x01, 0x02
NEXT, RESPONSE, ERROR, INIT_ERROR, LOG, LAUNCH_FAILED = 0x10, 0x11, 0x12, 0x13, 0x14, 0x19

_HEADER = struct.Struct(">IB3x")
_LOG_HEADER = struct.Struct(">IB3xQI")
_LOG_FIELDS = _LOG_HEADER.size - _HEADER.size
_READ_SIZE = 65536
_CLOSED = -1

# The number that the descriptor of the frames socket has in an executed interpreter.
FRAMES_FD = 3

NEXT_FRAME = _HEADER.pack(0, NEXT)


class ChannelClosed(Exception):
    """The server is gone, or this process is a fork of the one that the channel belongs to."""


def frame(kind: int, body: bytes) -> bytes:
    """One whole frame."""
    return _HEADER.pack(len(body), kind) + body


def response_and_next(request_id: str, content_type: str, payload: bytes) -> bytes:
    """The RESPONSE of an invocation and the NEXT that follows it, to be sent at once."""
    head = ("%s\0%s\0" % (request_id, content_type)).encode()
    return _HEADER.pack(len(head) + len(payload), RESPONSE) + head + payload + NEXT_FRAME


def error_and_next(request_id: str, error_type: str, payload: bytes) -> bytes:
    """The ERROR of an invocation and the NEXT that follows it, to be sent at once."""
    return frame(ERROR, ("%s\0%s\0" % (request_id, error_type)).encode() + payload) + NEXT_FRAME


def init_error(error_type: str, payload: bytes) -> bytes:
    """The frame that says the function could not be initialised."""
    return frame(INIT_ERROR, error_type.encode() + b"\0" + payload)


def launch_failed(error_type: str, reason: str) -> bytes:
    """The frame that says the function's program could not be executed."""
    return frame(LAUNCH_FAILED, error_type.encode() + b"\0" + reason.encode("utf-8", "backslashreplace"))


class Channel:
    """The frames socket of this process, by its descriptor.

    ``_guard`` guards the descriptor's write side: frames never mix. It is held while frames are written, and
    nothing else is taken under it. It is reentrant because a signal handler may log while its own thread is in
    the middle of a frame: what it says stays in ``_waiting`` until the frame under way is complete.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._pending = b""
        self._guard = threading.RLock()
        self._writing = False
        self._waiting: list[bytes] = []
        os.set_inheritable(fd, False)

    def close_after_fork(self) -> None:
        """For the child of a fork: the channel stays with the parent, and only the parent answers."""
        self._guard = threading.RLock()
        self._writing = False
        self._waiting = []
        fd, self._fd = self._fd, _CLOSED
        with contextlib.suppress(OSError):  # the function's own code may have closed it
            os.close(fd)

    def receive(self) -> tuple[int, bytes]:
        """Wait for the next frame; its type and body.

        Raises:
            ChannelClosed: the other end is gone.
        """
        data = self._pending or self._read()
        while len(data) < _HEADER.size:
            data += self._read()
        size, kind = _HEADER.unpack_from(data)
        end = _HEADER.size + size
        if len(data) < end:
            data = self._read_rest(data, end)
        self._pending = data[end:]
        return kind, data[_HEADER.size : end]

    def _read(self) -> bytes:
        """Wait for what comes next.

        The kernel wakes a process that sleeps in a read of a Unix stream socket for nothing whenever the other end
        takes what was sent before (unix_write_space), which would be once for each invocation. One in poll it doesn't.
        """
        try:
            self._poll.poll()
            data = os.read(self._fd, _READ_SIZE)
        except OSError as error:
            raise ChannelClosed(str(error)) from None
        if not data:
            raise ChannelClosed("end of stream")
        return data

    def _read_rest(self, beginning: bytes, end: int) -> bytes:
        """Complete a frame that did not fit into one read, without copying it again for every part."""
        whole = bytearray(end)
        received = len(beginning)
        whole[:received] = beginning
        view = memoryview(whole)
        while received < end:
            try:
                count = os.readv(self._fd, [view[received:]])
            except OSError as error:
                raise ChannelClosed(str(error)) from None
            if not count:
                raise ChannelClosed("end of stream")
            received += count
        return bytes(whole)

    def log(self, frame_type: int, timestamp_us: int, text: bytes) -> None:
        """Send a log record: AWS's frame type (0 for plain output), µs since the epoch (0: on receipt), UTF-8.

        Raises:
            ChannelClosed: the record was not sent.
        """
        self.send(_LOG_HEADER.pack(_LOG_FIELDS + len(text), LOG, timestamp_us, frame_type) + text)

    def send(self, frames: bytes) -> None:
        """Send one or more whole frames.

        Raises:
            ChannelClosed: the other end is gone; nothing, or not all, was sent.
        """
        with self._guard:
            if self._writing:
                self._waiting.append(frames)
                return
            self._writing = True
            try:
                self._write(frames)
            finally:
                self._writing = False
            # Signal handlers leave something at any time, even while what they left is written.
            while self._waiting:
                self._send_waiting()

    def _send_waiting(self) -> None:
        self._writing = True
        try:
            while self._waiting:
                self._write(self._waiting.pop(0))
        finally:
            self._writing = False

    def _write(self, frames: bytes) -> None:
        try:
            sent = os.write(self._fd, frames)
            if sent < len(frames):
                self._write_rest(memoryview(frames)[sent:])
        except OSError as error:
            raise ChannelClosed(str(error)) from None

    def _write_rest(self, rest: memoryview) -> None:
        """Finish a frame that the socket took in part.

        A signal handler that raises must not leave half a frame behind: its exception waits.
        """
        interruption: BaseException | None = None
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except OSError:  # noqa: PERF203  # the point of the loop
                raise
            except BaseException as raised:  # the point of the loop
                interruption = interruption or raised
        if interruption is not None:
            raise interruption
