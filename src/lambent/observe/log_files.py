"""Where segments are: `<directory>/<account>/<region>/<group>/<number>.log`, in the order of their numbers.

The number is the epoch time in milliseconds at which the segment was begun, or one more than its predecessor's where
the clock went back.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lambent.core.scope import Scope
from lambent.observe.log_segment import file_name

_SUFFIX = ".log"


class Segment(NamedTuple):
    """A segment on disk: its size in bytes, and when it was last written to (epoch ms)."""

    path: Path
    size: int
    modified_ms: int


def group_directory(directory: Path, scope: Scope, group: str) -> Path:
    """Where the segments of one log group are; always below `directory`, whatever the group is called."""
    return directory / file_name(scope.account) / file_name(scope.region) / file_name(group)


def segment_name(number: int) -> str:
    """The file name of a segment; names sort as their numbers do."""
    return f"{number:013d}{_SUFFIX}"


def segment_number(path: Path) -> int:
    """The number in a segment's file name."""
    return int(path.stem)


def segments_in(group: Path) -> list[Path]:
    """The segments of one group's folder, oldest first; none where the folder isn't there."""
    try:
        return sorted(path for path in group.iterdir() if path.suffix == _SUFFIX and path.stem.isdecimal())
    except FileNotFoundError:
        return []


def segments_of(directory: Path) -> Iterator[Segment]:
    """The segments of all groups, in no order. One that is removed meanwhile is left out."""
    for group in directory.glob("*/*/*/"):
        for path in segments_in(group):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            yield Segment(path, status.st_size, status.st_mtime_ns // 1_000_000)
