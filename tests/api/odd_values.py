"""Values that the model has nothing against, the odd ones among them, for every member of every operation."""

from collections.abc import Iterator
from typing import Any

from tests.api.constraint_oracle import Shape, input_of, matches, shape
from tests.api.violations import EXAMPLES, acceptable_value

ODD_TEXTS = (
    "",
    "\0",
    "é",
    "😀",
    "a" * 5_000,
    "%",
    "../..",
    "'",
    '{"a":1}',
    "null",
    "\u2028",
    " ",
    "arn:aws:sqs:eu-west-1:000000000000:my-queue",
    "arn:aws:s3:::my-bucket",
    "arn:aws:kinesis:eu-west-1:1:stream/x",
    "$LATEST",
    "0",
    "-1",
    "1" * 30,
)
_NUMBERS = (0, 1, -1, 10, 100, 1_000, 10_000, 2**31 - 1, -(2**31), 2**63 - 1)
_BITS = {"integer": 31, "long": 63}
_DEPTH = 3
_PLAIN: dict[str, tuple[Any, ...]] = {
    "boolean": (True, False),
    "blob": (b"", b"x", b"PK\x05\x06" + bytes(18)),
    "timestamp": (0, 1e12, -1, 1_700_000_000.5, "2026-01-01T00:00:00Z"),
    "float": (0.0, 0.5, 1.0),
    "double": (0.0, 0.5, 1.0),
}


def odd_requests(operation: str, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A request for each value of each member, the other members being those of `base`."""
    for member, reference in shape(input_of(operation))["members"].items():
        for value in _values(reference["shape"], 0):
            if _can_be_sent(reference.get("location"), value):
                yield {**base, member: value}


def _can_be_sent(location: str | None, value: Any) -> bool:
    if location == "uri":
        return value not in {"", ".", ".."}
    if location == "header":
        return isinstance(value, str) and value.isprintable() and value.isascii()
    return True


def _values(name: str, depth: int) -> Iterator[Any]:
    definition = shape(name)
    if "enum" in definition:
        yield from definition["enum"]
        return
    match definition["type"]:
        case "structure":
            yield from _structures(name, depth)
        case "list":
            element = definition["member"]["shape"]
            yield from ([], [acceptable_value(element)] * 2)
            yield from ([value] for value in _values(element, depth + 1))
        case "map":
            yield from _maps(definition, depth)
        case "string":
            least, most = definition.get("min", 0), definition.get("max", 1_000_000)
            texts = (*EXAMPLES, *ODD_TEXTS)
            yield from (text for text in texts if matches(name, text) and least <= len(text) <= most)
        case "integer" | "long" as kind:
            least, most = definition.get("min", -(2 ** _BITS[kind])), definition.get("max", 2 ** _BITS[kind] - 1)
            yield from (number for number in sorted({*_NUMBERS, least, most}) if least <= number <= most)
        case kind:
            yield from _PLAIN[kind]


def _structures(name: str, depth: int) -> Iterator[dict[str, Any]]:
    good = acceptable_value(name)
    yield good
    for member, reference in shape(name)["members"].items() if depth < _DEPTH else ():
        yield from ({**good, member: value} for value in _values(reference["shape"], depth + 1))


def _maps(definition: Shape, depth: int) -> Iterator[dict[str, Any]]:
    key, value = definition["key"]["shape"], definition["value"]["shape"]
    yield {}
    yield from ({acceptable_value(key): one} for one in _values(value, depth + 1))
    yield from ({one: acceptable_value(value)} for one in _values(key, depth + 1))
