"""Requests for every operation of the model: one that the model has nothing against, and many that violate it.

Nothing here knows an operation: values come from the shapes, so a new operation is tried as soon as botocore has it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.api.constraint_oracle import MAY_BE_NULL, OTHER_WORDS, Shape, input_of, matches, shape

ACCOUNT = "000000000000"
_ARN = f"arn:aws:lambda:eu-west-1:{ACCOUNT}"
EXAMPLES = (
    "my-example",
    "1",
    "0123456789",
    ACCOUNT,
    "o-0123456789",
    "00000000-0000-0000-0000-000000000000",
    "localhost:9092",
    "sg-1",
    "subnet-1",
    "/mnt/data",
    "lambda:GetLayerVersion",
    "QUJD",
    f"arn:aws:iam::{ACCOUNT}:role/my-role",
    f"{_ARN}:layer:my-layer:1",
    f"{_ARN}:function:my-function",
    f"{_ARN}:code-signing-config:csc-01234567890123456",
    f"{_ARN}:capacity-provider:my-provider",
    f"{_ARN}:function:my-function:1/durable-execution/my-execution/my-id",
    f"{_ARN}:runtime:{'0' * 64}",
    f"{_ARN}:runtime/my-runtime",
    f"arn:aws:lambda:eu-west-1::runtime:{'0' * 64}",
    f"arn:aws:elasticfilesystem:eu-west-1:{ACCOUNT}:access-point/fsap-01234567890123456",
)
"""Strings, one of which every pattern of the model accepts."""

_UNACCEPTABLE = ("!", " ", "\n", "a", "", "arn")
_TOO_MUCH = 2_000_000
"""What only a longer value would violate isn't tried: it would be as long as a request may be at all."""


class Wrong(NamedTuple):
    """A request that the model doesn't accept."""

    what: str
    request: dict[str, Any]


def acceptable(operation: str) -> dict[str, Any]:
    """A request that has what is required, each of the model's liking."""
    request: dict[str, Any] = acceptable_value(input_of(operation))
    return request


def violating(operation: str) -> Iterator[Wrong]:
    """Requests with one member that isn't as the model wants it; each constraint that it has in turn."""
    name = input_of(operation)
    for what, request in _wrong_structures(name, frozenset()):
        yield Wrong(f"{operation} {what}", request)


def violating_all_at_once(operation: str) -> dict[str, Any]:
    """A request whose members are all wrong, as far as they can be; those that are only required are left out."""
    name = input_of(operation)
    request: dict[str, Any] = {}
    for member, reference in shape(name)["members"].items():
        wrong = None if (name, member) in OTHER_WORDS else next(_wrong_members(reference, frozenset({name})), None)
        if wrong is not None:
            request[member] = wrong[1]
        elif reference.get("location") == "uri":
            request[member] = acceptable_value(reference["shape"])
    return request


def acceptable_value(name: str) -> Any:
    """A value of a shape, of the model's liking."""
    definition = shape(name)
    if "enum" in definition:
        return definition["enum"][0]
    match definition["type"]:
        case "structure":
            members = definition["members"]
            return {member: acceptable_value(members[member]["shape"]) for member in definition.get("required", ())}
        case "list":
            return [acceptable_value(definition["member"]["shape"])] * max(definition.get("min", 0), 1)
        case "map":
            return {acceptable_value(definition["key"]["shape"]): acceptable_value(definition["value"]["shape"])}
        case "string":
            return _example(name, definition)
        case other:
            return {"blob": b"x", "boolean": True, "timestamp": 0}.get(other, definition.get("min", 1))


def _example(name: str, definition: Shape) -> str:
    least, most = definition.get("min", 0), definition.get("max", _TOO_MUCH)
    return next(text for text in EXAMPLES if matches(name, text) and least <= len(text) <= most)


def _wrong_structures(name: str, above: frozenset[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    definition = shape(name)
    good: Mapping[str, Any] = acceptable_value(name)
    for member, reference in definition["members"].items():
        if (name, member) in OTHER_WORDS:
            continue
        if member in good and reference.get("location") != "uri":
            yield f"{member} not there", {other: value for other, value in good.items() if other != member}
        for what, value in _wrong_members(reference, above | {name}):
            yield f"{member} {what}", {**good, member: value}


def _wrong_members(reference: Mapping[str, Any], above: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """Wrong values of a member, as far as its place in a request can have them."""
    location = reference.get("location")
    for what, value in _wrong_values(reference["shape"], above):
        if location == "uri" and value in {"", "."}:
            continue  # another path
        if location == "header" and (not value or not value.isprintable() or value.isspace()):
            continue  # no header
        if location == "querystring" and value in ([], [None]):
            continue  # the same as nothing
        yield what, value


def _wrong_values(name: str, above: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """Values that violate the constraints of a shape or of what it consists of, each constraint in turn."""
    definition = shape(name)
    if name in above:
        return
    match definition["type"]:
        case "structure":
            yield from _wrong_structures(name, above)
        case "list":
            yield from _wrong_lists(definition, above)
        case "map":
            yield from _wrong_maps(definition, above)
        case "string":
            yield from _wrong_strings(name, definition)
        case "blob" if definition.get("max", _TOO_MUCH) < _TOO_MUCH:
            yield "too long", b"x" * (definition["max"] + 1)
        case "integer" | "long" | "float" | "double":
            yield from ((f"of {value}", value) for value in _beyond(definition))


def _beyond(definition: Shape) -> Iterator[float]:
    if "max" in definition:
        yield definition["max"] + 1
    if "min" in definition:
        yield definition["min"] - 1


def _wrong_lists(definition: Shape, above: frozenset[str]) -> Iterator[tuple[str, Any]]:
    element = definition["member"]["shape"]
    good = acceptable_value(element)
    if definition.get("max", _TOO_MUCH) < _TOO_MUCH:
        yield "too long a list", [good] * (definition["max"] + 1)
    if definition.get("min"):
        yield "too short a list", [good] * (definition["min"] - 1)
    for what, value in _wrong_values(element, above):
        yield f"element {what}", [value]
    if shape(element)["type"] != "structure" and element not in MAY_BE_NULL:
        yield "element null", [None]


def _wrong_maps(definition: Shape, above: frozenset[str]) -> Iterator[tuple[str, Any]]:
    key, one = definition["key"]["shape"], definition["value"]["shape"]
    good_key, good_value = acceptable_value(key), acceptable_value(one)
    if "max" in definition and "enum" not in shape(key):
        yield "too large a map", {f"{good_key}{number}": good_value for number in range(definition["max"] + 1)}
    if definition.get("min"):
        yield "too small a map", {}
    for what, value in _wrong_values(key, above):
        yield f"key {what}", {value: good_value}
    for what, value in _wrong_values(one, above):
        yield f"value {what}", {good_key: value}
    yield "value null", {good_key: None}


def _wrong_strings(name: str, definition: Shape) -> Iterator[tuple[str, Any]]:
    if "enum" in definition:
        yield "no value of the set", "NO_SUCH_VALUE"
        yield "in other letters", definition["enum"][0].swapcase()
        return
    most = definition.get("max", _TOO_MUCH)
    if most < _TOO_MUCH:
        yield "too long", "a" * (most + 1)
        yield "too long and of another pattern", "!" * (most + 1)
    if definition.get("min"):
        yield "too short", "a" * (definition["min"] - 1)
    unacceptable = next((text for text in _UNACCEPTABLE if not matches(name, text)), None)
    if unacceptable is not None:
        yield "of another pattern", unacceptable
