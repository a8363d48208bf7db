"""Where log events go: collected in memory, written to segments every 100 ms, never in the way of an answer.

`LogStream.write` appends to a list and arms one timer; that is all an invocation pays. When the timer fires, the lists
are handed to a single writer thread, which puts them together and writes each group's part with one `write`. Nothing
wakes up while nothing is logged. The thread alone touches files, so nothing here needs a lock.

A stream takes so much between two flushes and no more, so that a disk that hangs doesn't fill the memory: the writer is
told, and it is its business to count what was lost. A disk that is full or gone costs log events, never an invocation.
"""

import asyncio
import contextlib
import logging
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lambent.clock import Clock
from lambent.core.scope import Scope
from lambent.observe.log_files import group_directory, segment_name, segment_number, segments_in, segments_of
from lambent.observe.log_reader import LogReader
from lambent.observe.log_retention import largest_first
from lambent.observe.log_segment import LogEvent, complete_length, encode_events, encode_header

_logger = logging.getLogger(__name__)

_DAY_MS = 86_400_000
_EVENT_CHARACTERS = 80  # a string's own size, its time stamp and its place in the list


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How much is kept, and how much at most between two flushes.

    Attributes:
        retention_days: segments whose last event is older are removed.
        retention_bytes: above this size of all segments together, the oldest of the largest groups are removed: who
            logs much loses its own log, not that of others.
        flush_seconds: what a killed server can lose.
        segment_bytes: a segment that has grown to this is followed by a new one; retention removes whole segments.
        stream_pending: characters that one stream takes between two flushes, with what an event itself takes. Twice
            what an execution environment may write at once, so that it is met only where the disk is behind.
        event_bytes: a longer event is split. Source: CloudWatch Logs quotas (262,144 with 26 bytes of overhead).
        open_segments: descriptors kept open; the least recently used is closed.
        sweep_seconds: how often retention is enforced.
    """

    retention_days: float = 7
    retention_bytes: int = 2 << 30
    flush_seconds: float = 0.1
    segment_bytes: int = 8 << 20
    stream_pending: int = 32 << 20
    event_bytes: int = 262_118
    open_segments: int = 64
    sweep_seconds: float = 600


class LogStream:
    """One execution environment's log: `write` is all it does."""

    __slots__ = (
        "_max_event",
        "_max_pending",
        "_pending",
        "_size",
        "_store",
        "group",
        "name",
        "scope",
    )

    def __init__(self, store: "LogStore", scope: Scope, group: str, name: str) -> None:
        self.scope = scope
        self.group = group
        self.name = name
        self._store = store
        self._pending: list[str] = []
        self._size = 0
        self._max_pending = store.limits.stream_pending
        self._max_event = store.limits.event_bytes // 4  # no character takes more than four bytes

    def write(self, timestamp_ms: int, message: str) -> bool:
        """Log one event of the function or of an extension; False where it isn't, because the disk is behind."""
        size = self._size + len(message) + _EVENT_CHARACTERS
        if size > self._max_pending:
            return False
        self._size = size
        self._append(timestamp_ms, message)
        return True

    def write_platform(self, timestamp_ms: int, messages: Sequence[str]) -> None:
        """Log lines of the platform (START, END, REPORT…): few and short, they are never dropped."""
        pending = self._pending
        if not pending and messages:
            self._store.mark_dirty(self)
        for message in messages:
            if len(message) <= self._max_event:
                pending.append(f"{timestamp_ms}\t{message}")
            else:
                self._append(timestamp_ms, message)

    def take(self) -> list[str]:
        """Hand over what was written since the last time, ready to be encoded; for the store."""
        events, self._pending, self._size = self._pending, [], 0
        return events

    def _append(self, timestamp_ms: int, message: str) -> None:
        pending = self._pending
        if not pending:
            self._store.mark_dirty(self)
        if len(message) <= self._max_event:
            pending.append(f"{timestamp_ms}\t{message}")
        else:
            pending.extend(f"{timestamp_ms}\t{part}" for part in split_event(message, self._store.limits.event_bytes))


def split_event(message: str, event_bytes: int) -> Iterator[str]:
    """Cut a message that is too long for one event into parts of at most `event_bytes` bytes, between characters."""
    content = message.encode("utf-8", "replace")
    start = 0
    while start < len(content):
        end = min(start + event_bytes, len(content))
        while end < len(content) and content[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        yield content[start:end].decode()
        start = end


class _Batch(NamedTuple):
    scope: Scope
    group: str
    stream: str
    events: list[str]


class LogStore:
    """All log groups of one data directory."""

    def __init__(self, directory: Path, *, clock: Clock, limits: LogLimits | None = None) -> None:
        """Nothing is read or written before `start`.

        Args:
            directory: made when it isn't there; nothing else may be in it.
            clock: for retention and the names of segments.
            limits: what is kept; AWS-like defaults.
        """
        self.limits = limits or LogLimits()
        self._reader = LogReader(directory)
        self._writer = _SegmentWriter(directory, clock, self.limits)
        self._dirty: list[LogStream] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Future[None] | None = None

    def stream(self, scope: Scope, group: str, name: str) -> LogStream:
        """A stream to write to; creating one costs nothing, the group exists from its first event on."""
        return LogStream(self, scope, group, name)

    def read(self, scope: Scope, group: str, *, since_ms: int | None = None) -> Iterator[LogEvent]:
        """The events of a group by time, without those of the last `flush_seconds`; see `LogReader.read`."""
        return self._reader.read(scope, group, since_ms=since_ms)

    async def start(self) -> None:
        """Begin to write: makes the directory, removes what retention no longer keeps.

        Raises:
            OSError: the directory can't be made or read.
        """
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log-store")
        await self._loop.run_in_executor(self._thread, self._writer.open)
        self._arm_sweeper()
        if self._dirty:
            self._arm()

    async def stop(self) -> None:
        """Write what is left and close all files."""
        for timer in (self._timer, self._sweeper):
            if timer is not None:
                timer.cancel()
        self._timer = self._sweeper = None
        if self._loop is None or self._thread is None:
            return
        await self.flush()
        await self._loop.run_in_executor(self._thread, self._writer.close)
        self._thread.shutdown()
        self._loop = self._thread = None

    async def flush(self) -> None:
        """Return when everything that was logged before the call is in the files."""
        while self._flushing is not None or self._dirty:
            if self._flushing is None:
                self._flush()
            elif not self._flushing.done():
                await asyncio.wait([self._flushing])
            else:  # its call-back, which clears it, is next
                await asyncio.sleep(0)

    def mark_dirty(self, stream: LogStream) -> None:
        """Have a stream written at the next flush; a stream calls this at its first event after one."""
        self._dirty.append(stream)
        if self._timer is None and self._flushing is None and self._loop is not None:
            self._arm()

    def _arm(self) -> None:
        if self._loop is not None:
            self._timer = self._loop.call_later(self.limits.flush_seconds, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._loop is None or self._thread is None or self._flushing is not None:
            return
        dirty, self._dirty = self._dirty, []
        batches = [_Batch(stream.scope, stream.group, stream.name, stream.take()) for stream in dirty]
        self._flushing = self._loop.run_in_executor(self._thread, self._writer.write, batches)
        self._flushing.add_done_callback(self._flushed)

    def _flushed(self, flushing: asyncio.Future[None]) -> None:
        self._flushing = None
        if self._dirty:
            self._arm()
        flushing.result()  # a bug in the writer is the event loop's to report; the next flush goes on

    def _arm_sweeper(self) -> None:
        if self._loop is not None:
            self._sweeper = self._loop.call_later(self.limits.sweep_seconds, self._sweep)

    def _sweep(self) -> None:
        if self._thread is not None:
            self._thread.submit(self._writer.sweep)
            self._arm_sweeper()


@dataclass(slots=True)
class _OpenSegment:
    path: Path
    descriptor: int
    size: int


class _SegmentWriter:
    """The files; lives in the writer thread only."""

    def __init__(self, directory: Path, clock: Clock, limits: LogLimits) -> None:
        self._directory = directory
        self._clock = clock
        self._limits = limits
        self._open: OrderedDict[tuple[Scope, str], _OpenSegment] = OrderedDict()
        self._total_bytes = 0
        self._failing = False

    def open(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.sweep()

    def close(self) -> None:
        while self._open:
            self._close_oldest()

    def write(self, batches: list[_Batch]) -> None:
        by_group: dict[tuple[Scope, str], list[bytes]] = {}
        for scope, group, stream, events in batches:
            if events:
                by_group.setdefault((scope, group), []).append(encode_events(stream, events))
        for key, chunks in by_group.items():
            try:
                self._append(key, b"".join(chunks))
                self._failing = False
            except OSError as error:
                self._report(key, error)
        if self._total_bytes > self._limits.retention_bytes:
            self.sweep()

    def sweep(self) -> None:
        """Enforce retention by age and by size; counts what there is anew."""
        try:
            segments = list(segments_of(self._directory))
        except OSError:
            _logger.exception("The log segments could not be listed.", extra={"action": "log-retention"})
            return
        expired_ms = self._clock.now_ms() - int(self._limits.retention_days * _DAY_MS)
        kept = []
        for segment in segments:
            if segment.modified_ms < expired_ms:
                self._remove(segment.path)
            else:
                kept.append(segment)
        self._total_bytes = sum(segment.size for segment in kept)
        if self._total_bytes > self._limits.retention_bytes:
            # A tenth less, for it would be above the limit again at the next flush.
            for segment in largest_first(kept, self._total_bytes - self._limits.retention_bytes * 9 // 10):
                self._remove(segment.path)
                self._total_bytes -= segment.size

    def _append(self, key: tuple[Scope, str], content: bytes) -> None:
        segment = self._segment(key)
        written = os.write(segment.descriptor, content)
        segment.size += written
        self._total_bytes += written
        if written < len(content) or segment.size >= self._limits.segment_bytes:
            # After a short write (a full disk) the segment ends in half a record, which readers leave out.
            self._close(key)

    def _segment(self, key: tuple[Scope, str]) -> _OpenSegment:
        segment = self._open.get(key)
        if segment is not None:
            self._open.move_to_end(key)
            return segment
        if len(self._open) >= self._limits.open_segments:
            self._close_oldest()
        segment = self._open[key] = self._create(*key)
        return segment

    def _create(self, scope: Scope, group: str) -> _OpenSegment:
        """Go on with the group's last segment, or begin one."""
        directory = group_directory(self._directory, scope, group)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        paths = segments_in(directory)
        if paths and self._may_be_continued(paths[-1]):
            descriptor = os.open(paths[-1], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            return _OpenSegment(paths[-1], descriptor, os.fstat(descriptor).st_size)
        number = max(self._clock.now_ms(), segment_number(paths[-1]) + 1 if paths else 0)
        path = directory / segment_name(number)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        header = encode_header(scope, group)
        self._total_bytes += os.write(descriptor, header)
        return _OpenSegment(path, descriptor, len(header))

    def _may_be_continued(self, path: Path) -> bool:
        with path.open("rb") as segment:
            size = segment.seek(0, os.SEEK_END)
            if not 0 < size < self._limits.segment_bytes:
                return False
            segment.seek(-1, os.SEEK_END)
            return complete_length(segment.read()) == 1

    def _remove(self, path: Path) -> None:
        for key in [key for key, segment in self._open.items() if segment.path == path]:
            self._close(key)
        path.unlink(missing_ok=True)
        # The group's folder goes with its last segment; a group that logs again makes it again.
        with contextlib.suppress(OSError):
            path.parent.rmdir()

    def _close(self, key: tuple[Scope, str]) -> None:
        os.close(self._open.pop(key).descriptor)

    def _close_oldest(self) -> None:
        self._close(next(iter(self._open)))

    def _report(self, key: tuple[Scope, str], error: OSError) -> None:
        if key in self._open:
            self._close(key)
        if not self._failing:  # once per failure, not ten times a second
            self._failing = True
            _logger.error(
                "Log events are lost, a log segment can't be written: %s",
                error,
                extra={"action": "log-write", "group": key[1]},
            )
