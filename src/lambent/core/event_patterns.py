"""Event patterns: what the filters of event source mappings (and rules of event buses) are written in.

A pattern is a JSON object that looks like the events it matches. Its keys are joined by *and*; the array that stands
for a value holds *conditions*, joined by *or*; `$or` joins objects by *or*. An array in the event matches if one of
its elements does.

    {"body": {"state": ["new", {"prefix": "open-"}], "count": [{"numeric": [">", 10]}]}}

`parse_event_pattern` refuses what isn't one, `EventPattern.matches` says whether an event is let through.

Source: event-sources.md §8; developer guide, "Control which events Lambda sends to your function"; EventBridge user
guide, "Creating event patterns". `wildcard` and `cidr` are EventBridge's; Lambda doesn't document them.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from lambent.core.strict_json import parse_strict

_MAX_COMBINATIONS = 1_000
_NUMERIC_BOUND = 5e9
_MAX_DEPTH = 100  # of objects in a pattern; far more than 4,096 characters of one that means anything
_OR = "$or"
_MISSING: Final = object()

Condition = Callable[[object], bool]
"""Whether the value of a leaf is wanted; `_MISSING` where the event has none."""


class InvalidEventPattern(Exception):
    """The text is no event pattern; the message says why."""


@dataclass(frozen=True, slots=True)
class _Object:
    """An object of a pattern: every field and every `$or` must match."""

    fields: Mapping[str, "_Object | _Leaf"]
    alternatives: tuple[tuple["_Object", ...], ...] = ()

    def matches(self, value: object) -> bool:
        return any(self._matches_one(one) for one in _elements(value) or [_MISSING])

    def _matches_one(self, value: object) -> bool:
        members: Mapping[str, object] = value if isinstance(value, dict) else {}
        return all(node.matches(members.get(name, _MISSING)) for name, node in self.fields.items()) and all(
            any(alternative.matches(value) for alternative in group) for group in self.alternatives
        )

    def combinations(self) -> int:
        own = math.prod(sum(one.combinations() for one in group) for group in self.alternatives)
        return own * math.prod(node.combinations() for node in self.fields.values())


@dataclass(frozen=True, slots=True)
class _Leaf:
    """An array of conditions: one of them must match."""

    conditions: tuple[Condition, ...]

    def matches(self, value: object) -> bool:
        values = [one for one in _elements(value) if not isinstance(one, dict)] or [_MISSING]
        return any(condition(one) for condition in self.conditions for one in values)

    def combinations(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class EventPattern:
    """A pattern that was understood."""

    root: _Object
    document: Mapping[str, Any]
    """The pattern as it was written."""

    def matches(self, event: object) -> bool:
        """Whether an event, as JSON is decoded, is let through."""
        return self.root.matches(event)


def parse_event_pattern(text: str) -> EventPattern:
    """Understand a pattern.

    Raises:
        InvalidEventPattern: it isn't JSON, or not of this grammar.
    """
    try:
        document = parse_strict(text)
    except ValueError as error:
        raise InvalidEventPattern(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidEventPattern("a pattern is an object")
    root = _object(document, depth=1)
    if root.combinations() > _MAX_COMBINATIONS:
        raise InvalidEventPattern(f"more than {_MAX_COMBINATIONS} combinations of $or")
    return EventPattern(root, document)


# --- objects ---


def _object(document: Mapping[str, Any], *, depth: int) -> _Object:
    if not document:
        raise InvalidEventPattern("an object without keys matches nothing")
    if depth > _MAX_DEPTH:
        raise InvalidEventPattern("too deep")
    fields: dict[str, _Object | _Leaf] = {}
    alternatives = []
    for name, value in document.items():
        if name == _OR and _is_alternatives(value):
            alternatives.append(tuple(_object(one, depth=depth + 1) for one in value))
        elif isinstance(value, dict):
            fields[name] = _object(value, depth=depth + 1)
        elif isinstance(value, list):
            fields[name] = _Leaf(tuple(_condition(one) for one in value))
            if not value:
                raise InvalidEventPattern(f"{name}: an array without conditions matches nothing")
        else:
            raise InvalidEventPattern(f"{name}: a value must be in an array")
    return _Object(fields, tuple(alternatives))


def _is_alternatives(value: object) -> bool:
    """Whether the value of `$or` is what it says, or conditions on a field of that name.

    Source: event-ruler's documentation of $or: at least two objects, none of which is a condition.
    """
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(one, dict) and not one.keys() & _OPERATORS.keys() for one in value)
    )


# --- conditions ---


def _condition(document: Any) -> Condition:
    if isinstance(document, dict):
        if len(document) != 1:
            raise InvalidEventPattern("a condition has exactly one operator")
        ((name, argument),) = document.items()
        operator = _OPERATORS.get(name)
        if operator is None:
            raise InvalidEventPattern(f"{name} is no operator")
        return operator(argument)
    if isinstance(document, list):
        raise InvalidEventPattern("an array within an array")
    return lambda value: _equal(document, value)


def _exists(argument: Any) -> Condition:
    if not isinstance(argument, bool):
        raise InvalidEventPattern("exists is true or false")
    return lambda value: (value is not _MISSING) is argument


def _prefix(argument: Any) -> Condition:
    if isinstance(argument, dict):
        text = _ignoring_case(argument).casefold()
        return lambda value: isinstance(value, str) and value.casefold().startswith(text)
    wanted = _text("prefix", argument)
    return lambda value: isinstance(value, str) and value.startswith(wanted)


def _suffix(argument: Any) -> Condition:
    if isinstance(argument, dict):
        text = _ignoring_case(argument).casefold()
        return lambda value: isinstance(value, str) and value.casefold().endswith(text)
    wanted = _text("suffix", argument)
    return lambda value: isinstance(value, str) and value.endswith(wanted)


def _equals_ignore_case(argument: Any) -> Condition:
    wanted = _text("equals-ignore-case", argument).casefold()
    return lambda value: isinstance(value, str) and value.casefold() == wanted


def _anything_but(argument: Any) -> Condition:
    if isinstance(argument, dict):
        return _anything_but_such(argument)
    unwanted = argument if isinstance(argument, list) else [argument]
    is_texts = all(isinstance(one, str) for one in unwanted)
    is_numbers = all(map(_is_number, unwanted))
    is_scalar = not isinstance(argument, list) and (argument is None or isinstance(argument, bool))
    if not unwanted or not (is_texts or is_numbers or is_scalar):
        raise InvalidEventPattern("anything-but takes strings or numbers")
    return lambda value: value is not _MISSING and not any(_equal(one, value) for one in unwanted)


def _anything_but_such(argument: Mapping[str, Any]) -> Condition:
    if len(argument) != 1:
        raise InvalidEventPattern("anything-but has one operator")
    ((name, texts),) = argument.items()
    operator = _WITHIN_ANYTHING_BUT.get(name)
    if operator is None:
        raise InvalidEventPattern(f"anything-but doesn't take {name}")
    listed = texts if isinstance(texts, list) else [texts]
    if not listed:
        raise InvalidEventPattern("anything-but takes strings")
    unwanted = [operator(_text(name, one)) for one in listed]
    return lambda value: value is not _MISSING and not any(condition(value) for condition in unwanted)


_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}
_LOWER, _UPPER = (">", ">="), ("<", "<=")
_ONE_COMPARISON, _TWO_COMPARISONS = 2, 4


def _numeric(argument: Any) -> Condition:
    if not isinstance(argument, list) or len(argument) not in {_ONE_COMPARISON, _TWO_COMPARISONS}:
        raise InvalidEventPattern("numeric takes one comparison or two")
    comparisons = list(zip(argument[::2], argument[1::2], strict=True))
    for operator, bound in comparisons:
        if not isinstance(operator, str) or operator not in _COMPARISONS:
            raise InvalidEventPattern(f"{operator} is no comparison")
        if not _is_number(bound) or abs(bound) > _NUMERIC_BOUND:
            raise InvalidEventPattern("numeric compares with numbers from -5e9 to 5e9")
    if len(comparisons) > 1:
        (lower, least), (upper, greatest) = comparisons
        if lower not in _LOWER or upper not in _UPPER or least >= greatest:
            raise InvalidEventPattern("numeric has the lower bound first")
    return lambda value: (
        _is_number(value) and all(_COMPARISONS[operator](value, bound) for operator, bound in comparisons)
    )


def _wildcard(argument: Any) -> Condition:
    parts = _parts_between_stars(_text("wildcard", argument))
    if len(parts) == 1:
        return lambda value: value == parts[0]
    first, *middle, last = parts

    def matches(value: object) -> bool:
        # Each part at the first place where it is: linear, whatever the pattern, where a regular expression isn't.
        if not isinstance(value, str) or not value.startswith(first):
            return False
        position = len(first)
        for part in middle:
            found = value.find(part, position)
            if found < 0:
                return False
            position = found + len(part)
        return len(value) - position >= len(last) and value.endswith(last)

    return matches


def _parts_between_stars(pattern: str) -> list[str]:
    parts, previous = [""], ""
    for symbol in re.findall(r"\\.?|[^\\]", pattern, re.DOTALL):
        if symbol == "*" == previous:
            raise InvalidEventPattern("wildcard: two * in a row")
        previous = symbol
        if symbol == "*":
            parts.append("")
        elif symbol[0] != "\\":
            parts[-1] += symbol
        elif symbol in {"\\*", "\\\\"}:
            parts[-1] += symbol[1]
        else:
            raise InvalidEventPattern("wildcard: only * and \\ are escaped")
    return parts


def _cidr(argument: Any) -> Condition:
    try:
        network = ipaddress.ip_network(_text("cidr", argument), strict=False)
    except ValueError as error:
        raise InvalidEventPattern(f"cidr: {error}") from error

    def within(value: object) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return within


_WITHIN_ANYTHING_BUT: Final[Mapping[str, Callable[[Any], Condition]]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
}

_OPERATORS: Final[Mapping[str, Callable[[Any], Condition]]] = {
    "exists": _exists,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "wildcard": _wildcard,
    "cidr": _cidr,
}


# --- values ---


def _elements(value: object) -> list[object]:
    """What a value of an event stands for: itself, or what is in an array, however deep."""
    elements, left = [], [value]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left.extend(one)
        else:
            elements.append(one)
    return elements


def _equal(wanted: object, value: object) -> bool:
    """JSON's equality: true isn't 1, "5" isn't 5, and 5 is 5.0."""
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    if isinstance(wanted, int | float):
        return isinstance(value, int | float) and wanted == value
    return type(wanted) is type(value) and wanted == value


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(operator: str, argument: Any) -> str:
    if not isinstance(argument, str):
        raise InvalidEventPattern(f"{operator} takes a string")
    return argument


def _ignoring_case(argument: Mapping[str, Any]) -> str:
    if argument.keys() != {"equals-ignore-case"}:
        raise InvalidEventPattern("prefix and suffix take a string, or equals-ignore-case")
    return _text("equals-ignore-case", argument["equals-ignore-case"])
