"""What an environment writes, on its way into its log stream.

Three sources meet here: the platform's own lines, LOG frames of our runtime clients, and the pipe behind the processes'
standard output and error. Plain output becomes one log event per line (a carriage return doesn't end one); a line
without its end is kept until the end comes or the invocation is over; a framed record is one event, newlines and all.
No event is longer than 256 KB. A function can write faster than anything can store. So there is a budget of bytes:
past it, records are dropped and counted, and one `platform.logsDropped` event says so when there is room again.
How the platform's records look, and whether the function's level lets an event through, is the log format's to say.
Source: reference/logs-metrics-traces.md sections 1 and 3.
"""

import asyncio
import fcntl
import os
import termios
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from lambent.clock import Clock
from lambent.core.invocation import LOG_TAIL_BYTES
from lambent.core.log_format import LogFormat
from lambent.core.report import LogsDropped, PlatformRecord, Report
from lambent.wire.frames import LogRecord

_EVENT_OVERHEAD_BYTES: Final = 26
MAX_EVENT_BYTES: Final = 262_144 - _EVENT_OVERHEAD_BYTES
"""CloudWatch Logs' 256 KB an event, less its overhead."""

BUDGET_BYTES: Final = 16 * 1024 * 1024
"""What one environment may write at once, and in a second. Ours."""

_READ_BYTES = 65536
# A drain at the end of an invocation takes at most the pipe's capacity; more is a writer that doesn't stop.
_DRAIN_READS = 16


class LogStream(Protocol):
    """Where log events go: see lambent.observe."""

    def write(self, timestamp_ms: int, message: str) -> None:
        """Add one event of the function."""

    def write_platform(self, timestamp_ms: int, message: str) -> None:
        """Add one of the platform's, which is never dropped."""


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
        "_pipe_lines",
        "_stream",
        "_tail",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        stream: LogStream,
        clock: Clock,
        log_format: LogFormat,
        *,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        self._loop = loop
        self._format = log_format
        self._stream = stream
        self._clock = clock
        self._output: int | None = None
        self._available = bytearray(4)  # FIONREAD's int
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

    def start(self, now_ms: int, record: PlatformRecord) -> None:
        """Write that an invocation begins: the pipe was drained when the runtime asked for it."""
        self._write_platform(now_ms, self._format.record(record, now_ms))

    def end(self, now_ms: int, report: Report, max_memory_used_mb: int) -> None:
        """Write that an invocation is over, and so is the line that it was in."""
        self.flush()
        self._write_platform(now_ms, self._format.end(report, max_memory_used_mb, now_ms))

    def record(self, record: LogRecord) -> None:
        """Take a LOG frame: one event, or plain output."""
        if record.frame_type == 0:
            self._write_events(self._frame_lines.feed(record.text), record.timestamp_us // 1000)
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
        self._loop.remove_reader(self._output)
        os.close(self._output)
        self._output = None

    def drain(self) -> None:
        """Take what the pipe has now, so that it stands before what is written next."""
        if self._output is None:
            return
        # Asking costs a third of a read that finds nothing, and nothing is the rule.
        fcntl.ioctl(self._output, termios.FIONREAD, self._available)
        if not any(self._available):
            return
        for _ in range(_DRAIN_READS):
            if self._read_pipe() < _READ_BYTES:
                return

    def _read_pipe(self) -> int:
        if self._output is None:
            return 0
        try:
            data = os.read(self._output, _READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:  # every process that held it has ended
            self._loop.remove_reader(self._output)
            return 0
        self._write_events(self._pipe_lines.feed(data), 0)
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
        for event in events:
            self._stream.write_platform(now_ms, event)
            if self._tail is not None:
                self._add_to_tail(event.encode())

    def _write_events(self, events: Iterator[bytes], timestamp_ms: int, frame_type: int = 0) -> None:
        now_ms = timestamp_ms or self._clock.now_ms()
        for event in events:
            if not self._afford(len(event)) or not self._format.keeps(frame_type, event):
                continue
            self._stream.write(now_ms, event.decode("utf-8", "replace"))
            if self._tail is not None:
                self._add_to_tail(event)

    def _afford(self, size: int) -> bool:
        """Take an event's bytes from the budget; once something was dropped, a tenth must be there again."""
        now = self._clock.monotonic()
        refill = (now - self._budget_time) * self._budget_bytes
        self._budget_time = now
        self._budget_left = min(self._budget_bytes, self._budget_left + refill)
        wanted = size + _EVENT_OVERHEAD_BYTES
        if self._dropped_records and self._budget_left >= max(wanted, self._budget_bytes // 10):
            self._tell_dropped()
        if self._dropped_records or self._budget_left < wanted:
            self._dropped_records += 1
            self._dropped_bytes += size
            return False
        self._budget_left -= wanted
        return True

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
