"""What an environment writes, on its way into its log stream.

Three sources meet here: the platform's own lines, LOG frames of our runtime clients, and the pipe behind the processes'
standard output and error. Plain output becomes one log event per line (a carriage return doesn't end one); a line
without its end is kept until the end comes or the invocation is over; a framed record is one event, newlines and all.
No event is longer than 256 KB.

A function can write faster than anything can store. So there is a budget of bytes, in which an event counts for what an
empty one costs at least. Past it, or when the store itself is behind, records are dropped and counted, and one
`platform.logsDropped` event says so when there is room again: what a user doesn't see is decided here alone. Dropping
is no more than counting newlines. And the pipe is read only while the environment's share of the loop lasts; after that
it fills, and the function waits in its `write`.
How the platform's records look, and whether the function's level lets an event through, is the log format's to say.
Source: reference/logs-metrics-traces.md sections 1 and 3.
"""

import asyncio
import fcntl
import os
import sys
import termios
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from lambent.clock import Clock
from lambent.core.invocation import LOG_TAIL_BYTES
from lambent.core.log_format import LogFormat
from lambent.core.loop_share import LoopShare
from lambent.core.report import LogsDropped, Origin, PlatformRecord, Report
from lambent.wire.frames import LogRecord

_EVENT_OVERHEAD_BYTES: Final = 26
MAX_EVENT_BYTES: Final = 262_144 - _EVENT_OVERHEAD_BYTES
"""CloudWatch Logs' 256 KB an event, less its overhead."""

BUDGET_BYTES: Final = 16 * 1024 * 1024
"""What one environment may write at once, and in a second. Ours."""

_LEAST_EVENT_BYTES = 256
# At most 2 ms of the loop, where every byte is an event.
_READ_BYTES = 4096
# A drain takes what was in the pipe when it began, however fast the function goes on; a pipe can have 1 MiB.
_DRAIN_BYTES = 65536
# Between two looks at the budget: a frame can have millions of lines.
_LINES_BYTES = 16384
_NOTHING: Final = bytes(4)
# What it takes of the loop: a look at the pipe, and each event.
_READ_SECONDS = 8e-6
_EVENT_SECONDS = 0.8e-6


class LogStream(Protocol):
    """Where log events go: see lambent.observe."""

    def write(self, timestamp_ms: int, message: str) -> bool:
        """Add one event of the function; False where it can't be taken, because the store is behind."""

    def write_platform(self, timestamp_ms: int, messages: Sequence[str]) -> None:
        """Add the platform's, which are never dropped."""


class LineSplitter:
    """Bytes in, whole lines out, each with its newline.

    Attributes:
        rest: the line in progress.
    """

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that `data` completes; over-long ones in pieces."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            yield from _pieces(self.rest + line + b"\n")
            self.rest = b""
        *full, self.rest = _pieces(self.rest + rest)
        yield from full

    def skip(self, data: bytes) -> tuple[int, int]:
        """Drop what `data` completes; returns how many lines, or pieces of them, and how many bytes."""
        before = len(self.rest) + len(data)
        whole, newline, rest = data.rpartition(b"\n")
        *full, self.rest = _pieces(rest if newline else self.rest + rest)
        return whole.count(b"\n") + len(newline) + len(full), before - len(self.rest)

    def flush(self) -> bytes:
        """The line in progress, without its end; empty where there is none."""
        rest, self.rest = self.rest, b""
        return rest


class LogCapture:
    """The log of one execution environment, over all its process generations."""

    __slots__ = (
        "_available",
        "_budget_bytes",
        "_budget_left",
        "_budget_time",
        "_clock",
        "_dropped_bytes",
        "_dropped_records",
        "_format",
        "_frame_lines",
        "_loop",
        "_output",
        "_pause",
        "_pipe_lines",
        "_share",
        "_stream",
        "_tail",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        stream: LogStream,
        clock: Clock,
        log_format: LogFormat,
        share: LoopShare,
        *,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        self._loop = loop
        self._share = share
        self._format = log_format
        self._stream = stream
        self._clock = clock
        self._output: int | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._available = bytearray(_NOTHING)  # FIONREAD's int
        self._frame_lines = LineSplitter()
        self._pipe_lines = LineSplitter()
        self._tail: bytearray | None = None
        self._budget_bytes = budget_bytes
        self._budget_left = float(budget_bytes)
        self._budget_time = clock.monotonic()
        self._dropped_records = 0
        self._dropped_bytes = 0

    # --- sources ---

    def platform(self, now_ms: int, record: PlatformRecord) -> None:
        """Write one of the platform's own records; it ends whatever line the function was in."""
        events = self._format.record(record, now_ms)
        if events:
            self.drain()
            self.flush()
            self._write_platform(now_ms, events)

    def start(self, now_ms: int, request_id: str, version: str, origin: Origin) -> None:
        """Write that an invocation begins: the pipe was drained when the runtime asked for it."""
        self._write_platform(now_ms, self._format.start(request_id, version, origin, now_ms))

    def end(self, now_ms: int, report: Report, max_memory_used_mb: int) -> None:
        """Write that an invocation is over, and so is the line that it was in."""
        if self._frame_lines.rest or self._pipe_lines.rest:
            self.flush()
        self._write_platform(now_ms, self._format.end(report, max_memory_used_mb, now_ms))

    def record(self, record: LogRecord) -> None:
        """Take a LOG frame: one event, or plain output."""
        if record.frame_type == 0:
            self._write_lines(self._frame_lines, record.text, record.timestamp_us // 1000)
        else:
            self._write_events(_pieces(record.text), record.timestamp_us // 1000, record.frame_type)

    def attach(self, output: int) -> None:
        """Read a generation's pipe from now on; the descriptor is this object's to close."""
        self._output = output
        self._loop.add_reader(output, self._read_pipe)

    def detach(self) -> None:
        """Take what the pipe still has, and close it."""
        if self._output is None:
            return
        self.drain()
        self._stop_reading()
        os.close(self._output)
        self._output = None

    def drain(self) -> None:
        """Take what the pipe has now, so that it stands before what is written next."""
        if self._output is None:
            return
        # Asking costs a third of a read that finds nothing, and nothing is the rule.
        fcntl.ioctl(self._output, termios.FIONREAD, self._available)
        if self._available == _NOTHING:
            return
        left = int.from_bytes(self._available, sys.byteorder)
        while left > 0:
            taken = self._take(min(left, _DRAIN_BYTES))
            if not taken:
                return
            left -= taken

    def _read_pipe(self) -> None:
        self._take(_READ_BYTES)
        pause_seconds = self._share.spend(0, self._loop.time())
        if pause_seconds and self._output is not None and self._pause is None:
            self._loop.remove_reader(self._output)
            self._pause = self._loop.call_later(pause_seconds, self._resume)

    def _resume(self) -> None:
        self._pause = None
        if self._output is not None:
            self._loop.add_reader(self._output, self._read_pipe)

    def _stop_reading(self) -> None:
        assert self._output is not None
        self._loop.remove_reader(self._output)
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _take(self, size: int) -> int:
        """Read from the pipe and charge for it; returns how many bytes there were."""
        if self._output is None:
            return 0
        try:
            data = os.read(self._output, size)
        except BlockingIOError:
            return 0
        if not data:  # every process that held it has ended
            self._loop.remove_reader(self._output)
            return 0
        written = self._write_lines(self._pipe_lines, data, 0)
        self._share.spend(_READ_SECONDS + written * _EVENT_SECONDS, self._loop.time())
        return len(data)

    def flush(self) -> None:
        """Write the lines in progress: the invocation, or the process, is over."""
        for splitter in (self._frame_lines, self._pipe_lines):
            if splitter.rest:
                self._write_events(iter((splitter.flush(),)), 0)

    # --- the tail ---

    def begin_tail(self) -> None:
        """Collect the end of the log from here on."""
        self._tail = bytearray()

    def drop_tail(self) -> None:
        """Collect no more."""
        self._tail = None

    def tail(self) -> bytes:
        """The last 4096 bytes collected; may begin in the middle of a line."""
        return bytes(self._tail[-LOG_TAIL_BYTES:]) if self._tail is not None else b""

    def _add_to_tail(self, data: bytes) -> None:
        assert self._tail is not None
        self._tail += data[-LOG_TAIL_BYTES:]
        if len(self._tail) > 4 * LOG_TAIL_BYTES:
            del self._tail[:-LOG_TAIL_BYTES]

    # --- sinks ---

    def _write_platform(self, now_ms: int, events: Sequence[str]) -> None:
        self._stream.write_platform(now_ms, events)
        if self._tail is not None:
            self._add_to_tail("".join(events).encode())

    def _write_lines(self, lines: LineSplitter, data: bytes, timestamp_ms: int) -> int:
        """Write, or count, the lines that `data` completes; returns how many were written."""
        written = 0
        for start in range(0, len(data), _LINES_BYTES):
            part = data[start : start + _LINES_BYTES]
            if self._is_dropping():
                dropped_records, dropped_bytes = lines.skip(part)
                self._dropped_records += dropped_records
                self._dropped_bytes += dropped_bytes
            else:
                written += self._write_events(lines.feed(part), timestamp_ms)
        return written

    def _write_events(self, events: Iterator[bytes], timestamp_ms: int, frame_type: int = 0) -> int:
        now_ms = timestamp_ms or self._clock.now_ms()
        dropping = self._is_dropping()
        taken = 0
        for event in events:
            cost = max(len(event), _LEAST_EVENT_BYTES) + _EVENT_OVERHEAD_BYTES
            if dropping or self._budget_left < cost:
                dropping = True
                self._drop(event)
                continue
            taken += 1
            self._budget_left -= cost
            if not self._format.keeps(frame_type, event):
                continue
            if not self._stream.write(now_ms, event.decode("utf-8", "replace")):
                self._drop(event)
            elif self._tail is not None:
                self._add_to_tail(event)
        return taken

    def _drop(self, event: bytes) -> None:
        self._dropped_records += 1
        self._dropped_bytes += len(event)

    def _is_dropping(self) -> bool:
        """Once something was dropped, until a tenth of the budget is there again."""
        now = self._clock.monotonic()
        refill = (now - self._budget_time) * self._budget_bytes
        self._budget_time = now
        self._budget_left = min(self._budget_bytes, self._budget_left + refill)
        if self._dropped_records and self._budget_left >= self._budget_bytes // 10:
            self._tell_dropped()
        return self._dropped_records > 0

    def _tell_dropped(self) -> None:
        dropped = LogsDropped(self._dropped_records, self._dropped_bytes)
        self._dropped_records = self._dropped_bytes = 0
        now_ms = self._clock.now_ms()
        self._write_platform(now_ms, self._format.record(dropped, now_ms))


def _pieces(event: bytes) -> Iterator[bytes]:
    """An event in pieces that CloudWatch Logs would take; never cut within a character. At least one piece."""
    while len(event) > MAX_EVENT_BYTES:
        cut = MAX_EVENT_BYTES
        while cut > MAX_EVENT_BYTES - 4 and event[cut] & 0xC0 == 0x80:
            cut -= 1
        yield event[:cut]
        event = event[cut:]
    yield event
