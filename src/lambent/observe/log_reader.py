"""Reads what a log store has written: its own, another process's, or one whose server is gone."""

from collections.abc import Callable, Iterator
from pathlib import Path

from lambent.core.scope import Scope
from lambent.observe.log_files import group_directory, segments_in
from lambent.observe.log_segment import LogEvent, complete_length, decode_events, in_order


class LogReader:
    """The log groups below one directory. A group that doesn't exist has no events."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def exists(self, scope: Scope, group: str) -> bool:
        """Whether the group has ever been written to and retention has left something of it."""
        return bool(segments_in(group_directory(self._directory, scope, group)))

    def read(self, scope: Scope, group: str, *, since_ms: int | None = None) -> Iterator[LogEvent]:
        """The events of a group, by time within each segment; `since_ms` leaves out the older ones."""
        for path in segments_in(group_directory(self._directory, scope, group)):
            yield from _not_before(since_ms, decode_events(_content_since(path, since_ms)))

    def follow(
        self, scope: Scope, group: str, *, wait: Callable[[], None], since_ms: int | None = None
    ) -> Iterator[LogEvent]:
        """The events of a group, then those that are written later, for ever.

        Args:
            wait: called whenever everything was read; returns when it is worth looking again.
            since_ms: leaves out older events.
        """
        positions: dict[Path, tuple[int, str]] = {}
        while True:
            paths = segments_in(group_directory(self._directory, scope, group))
            positions = {path: positions.get(path, (0, "")) for path in paths}
            for path in paths:
                offset, stream = positions[path]
                content = _content_since(path, None, offset)
                content = content[: complete_length(content)]
                if content:
                    events = list(decode_events(content, stream=stream))
                    positions[path] = (offset + len(content), events[-1].stream if events else stream)
                    yield from _not_before(since_ms, events)
            wait()


def _content_since(path: Path, since_ms: int | None, offset: int = 0) -> bytes:
    """A segment's bytes from `offset` on; nothing when it was last written to before `since_ms` or is gone."""
    try:
        with path.open("rb") as segment:
            if since_ms is not None and path.stat().st_mtime_ns < since_ms * 1_000_000:
                return b""
            segment.seek(offset)
            return segment.read()
    except FileNotFoundError:  # retention was faster
        return b""


def _not_before(since_ms: int | None, events: "Iterator[LogEvent] | list[LogEvent]") -> Iterator[LogEvent]:
    for event in in_order(events):
        if since_ms is None or event.timestamp_ms >= since_ms:
            yield event
