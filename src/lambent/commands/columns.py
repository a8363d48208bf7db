"""Tables for people: columns as wide as what is in them, two spaces between, the last one as long as it likes."""

from collections.abc import Iterator, Sequence
from datetime import datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows as lines; the first is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def ago(then: str, now: str) -> str:
    """How long before `now` a time was, both as ISO 8601 has them: `12s`, `3m 20s`, `2h 5m`."""
    return span((datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds())


def span(seconds: float) -> str:
    """A duration in its two largest units; below ten seconds with a tenth."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f}s"
    whole = round(seconds)
    parts: list[str] = []
    for unit, name in _UNITS:
        if whole >= unit or parts:
            parts.append(f"{whole // unit}{name}")
            whole %= unit
    return " ".join([*parts, f"{whole}s"][:2])
