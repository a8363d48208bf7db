"""Which messages a mapping's filters let through.

A body that is JSON is matched as what it says, any other as text. A pattern for the one never matches the other. Of a
body that is a single JSON value (`17`, `"a"`), either form may match: unverified.

Source: event-sources.md §8; developer guide, "Using event filtering with an Amazon SQS event source".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from lambent.core.event_patterns import EventPattern, InvalidEventPattern, parse_event_pattern

_BODY: Final = "body"


class QueueFilter:
    """The filters of one mapping; without any, everything passes."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [one for one in map(_parsed, patterns) if one is not None]
        self._passes_all = not patterns
        self._reads_body = any(_BODY in text for text in patterns)

    def passes(self, record: Mapping[str, Any]) -> bool:
        """Whether the function shall get the record (as `messages.record_of` makes it)."""
        if self._passes_all:
            return True
        forms = [{**record, _BODY: body} for body in _forms(record[_BODY])] if self._reads_body else [record]
        return any(_matches(pattern, form) for pattern in self._patterns for form in forms)


def _parsed(text: str) -> EventPattern | None:
    """None for a pattern that an earlier version has let through: it matches nothing."""
    try:
        return parse_event_pattern(text)
    except InvalidEventPattern:
        return None


def _matches(pattern: EventPattern, form: Mapping[str, Any]) -> bool:
    wanted, body = pattern.document.get(_BODY), form[_BODY]
    if isinstance(wanted, dict) and not isinstance(body, dict | list):
        return False  # `exists: false` would find that text has no members
    if isinstance(wanted, list) and isinstance(body, dict | list):
        return False
    return pattern.matches(form)


def _forms(body: str) -> list[object]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return [body]
    return [value] if isinstance(value, dict | list) else [value, body]
