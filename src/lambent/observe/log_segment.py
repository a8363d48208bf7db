"""The format of a log segment: what the store writes and the reader reads, without I/O.

A segment is UTF-8 text made of records, each ended by one RS character (U+001E):

    L1 TAB account TAB region TAB group          the first record: format version and whose log this is
    S stream-name                                the events that follow belong to this stream
    1700000000123 TAB message                    one event; the time is in epoch milliseconds

Ending records by a character that log text hardly ever has makes writing a join and reading a split, keeps messages of
several lines whole, and leaves a file that `less` shows well. A message that does have it is escaped with DLE (U+0010).
A record without its RS was cut off by a crash and is not there: whoever appends after a crash starts a new segment.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from lambent.core.scope import Scope

RECORD_END = "\x1e"
_ESCAPE = "\x10"
_MAX_NAME_CHARACTERS = 200  # a file name has at most 255 bytes (Linux, NAME_MAX); a digest must fit behind it


class LogEvent(NamedTuple):
    """One event as it was written: when (epoch ms), by which stream, and its text, with its newline if it had one."""

    timestamp_ms: int
    stream: str
    message: str


def file_name(name: str) -> str:
    """One safe path component for any account, region or group name; different names never share one.

    Letters, digits, `_`, `-` and inner dots stay readable, everything else is percent-encoded. A name that would be too
    long for a file system keeps its beginning and ends in a digest of the whole.
    """
    escaped = quote(name, safe="", errors="surrogatepass").replace("~", "%7E")
    if escaped.startswith("."):
        escaped = "%2E" + escaped[1:]
    if len(escaped) > _MAX_NAME_CHARACTERS or not escaped:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{escaped[: _MAX_NAME_CHARACTERS - 80]}~{digest[:40]}"
    return escaped


def encode_header(scope: Scope, group: str) -> bytes:
    """The first record of every segment."""
    return _encode(f"L1\t{_escape(scope.account)}\t{_escape(scope.region)}\t{_escape(group)}{RECORD_END}")


def encode_events(stream: str, events: Sequence[str]) -> bytes:
    """The records of several events of one stream; each event is already `<epoch ms> TAB <message>`."""
    text = RECORD_END.join(events)
    if _ESCAPE in text or text.count(RECORD_END) != len(events) - 1:
        text = RECORD_END.join([_escape(event) for event in events])
    return _encode(f"S{stream}{RECORD_END}{text}{RECORD_END}")


def decode_events(content: bytes, *, stream: str = "") -> Iterator[LogEvent]:
    """The events of a segment or of a later part of one; a record that was cut off at the end is left out.

    Args:
        content: bytes from the beginning of a record on.
        stream: the stream that the records before `content` belonged to.
    """
    records = content.decode("utf-8", "replace").split(RECORD_END)
    for record in records[:-1]:
        if record.startswith("S"):
            stream = record[1:]
        elif not record.startswith("L"):
            timestamp, _, message = record.partition("\t")
            if timestamp.isdecimal():
                yield LogEvent(int(timestamp), stream, _unescape(message))


def complete_length(content: bytes) -> int:
    """How many of these bytes are whole records."""
    return content.rfind(RECORD_END.encode()) + 1


def in_order(events: Iterable[LogEvent]) -> list[LogEvent]:
    """Events by time; those of one instant stay in the order in which they were written."""
    return sorted(events, key=lambda event: event.timestamp_ms)


def _escape(text: str) -> str:
    return text.replace(_ESCAPE, "\x10p").replace(RECORD_END, "\x10r")


def _unescape(text: str) -> str:
    return text.replace("\x10r", RECORD_END).replace("\x10p", _ESCAPE) if _ESCAPE in text else text


def _encode(text: str) -> bytes:
    # A lone surrogate can't be UTF-8; a log must not fail for it.
    return text.encode("utf-8", "replace")
