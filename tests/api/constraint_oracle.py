"""What AWS says of a request that violates the model: written from api-errors.md section 3, not from Lambent's code.

It works on the model as botocore's loader gives it, plain dictionaries, and on requests as a client writes them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lambent.wire.constraints import VALUE_SETS
from tests.wire.botocore_requests import botocore_data

ENUM_ORDER: Mapping[str, tuple[str, ...]] = {
    "EventSourcePosition": ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
    "InvokeMode": ("RESPONSE_STREAM", "BUFFERED"),
    "RecursiveLoop": ("Terminate", "Allow"),
    "Runtime": VALUE_SETS["Runtime"],  # compared with the recording by the golden answers
}
"""Enumerations whose order on the wire isn't the model's (recorded)."""

OTHER_WORDS = {("CreateFunctionRequest", "Runtime"), ("UpdateFunctionConfigurationRequest", "Runtime")}
"""An unknown runtime of a function isn't a ValidationException (recorded)."""

MAY_BE_NULL = {"SubnetId", "SecurityGroupId"}  # recorded: no "must not be null" among the constraints of an element
_CATEGORIES = {r"\p{L}": r"\w", r"\p{N}": r"\w", r"\p{Z}": " \u2003"}

Shape = dict[str, Any]


def model() -> dict[str, Any]:
    """The API model of the installed botocore."""
    return botocore_data("service-2")


def shape(name: str) -> Shape:
    """A shape of the model."""
    found: Shape = model()["shapes"][name]
    return found


def input_of(operation: str) -> str:
    """The name of an operation's input shape."""
    name: str = model()["operations"][operation]["input"]["shape"]
    return name


def message(operation: str, request: Mapping[str, Any]) -> str | None:
    """What AWS answers to a request, or None if the model has nothing against it."""
    parts = list(_of_structure(input_of(operation), request, ""))
    if not parts:
        return None
    return f"{len(parts)} validation error{'s' * (len(parts) != 1)} detected: " + "; ".join(parts)


def matches(name: str, text: str) -> bool:
    """Whether a text has the pattern of a shape."""
    pattern: str | None = shape(name).get("pattern")
    if pattern is None:
        return True
    for category, python in _CATEGORIES.items():
        pattern = pattern.replace(category, python)
    return re.fullmatch(pattern, text) is not None


def _of_structure(name: str, value: Mapping[str, Any], path: str) -> Iterator[str]:
    definition = shape(name)
    for member, reference in reversed(definition["members"].items()):
        if (name, member) in OTHER_WORDS:
            continue
        where = path + member[0].lower() + member[1:]
        if value.get(member) is not None:
            yield from _of_value(reference["shape"], value[member], where)
        elif member in definition.get("required", ()):
            yield f"Value null at '{where}' failed to satisfy constraint: Member must not be null"


def _of_value(name: str, value: Any, path: str) -> Iterator[str]:
    definition = shape(name)
    shown = "Value" if definition.get("sensitive") else f"Value '{_shown(name, value)}'"

    def part(text: str) -> str:
        return f"{shown} at '{path}' failed to satisfy constraint: {text}"

    yield from (part(text) for text, holds in _constraints(name) if not holds(value))
    if definition["type"] == "structure":
        yield from _of_structure(name, value, f"{path}.")
    elif definition["type"] == "list":
        element = definition["member"]["shape"]
        if shape(element)["type"] == "structure":
            for number, one in enumerate(value, start=1):
                yield from _of_value(element, one, f"{path}.{number}.member")
        elif not all(_holds(element, one) for one in value):
            yield part(_all_of("Member", element))
    elif definition["type"] == "map":
        key, one = definition["key"]["shape"], definition["value"]["shape"]
        if not all(_holds(key, text) for text in value):
            yield part(f"Map keys must satisfy constraint: [{', '.join(text for text, _ in _constraints(key))}]")
        if not all(_holds(one, item) for item in value.values()):
            yield part(_all_of("Map value", one))


def _constraints(name: str) -> Iterator[tuple[str, Callable[[Any], bool]]]:
    """What a value must be by itself, in the order in which it is said."""
    definition = shape(name)
    if "enum" in definition:
        accepted = ENUM_ORDER.get(name, definition["enum"])
        yield f"Member must satisfy enum value set: [{', '.join(accepted)}]", definition["enum"].__contains__
    sized = definition["type"] in {"string", "list", "map", "blob"}
    what, measure = ("length", len) if sized else ("value", lambda number: number)
    if "max" in definition:
        yield (
            f"Member must have {what} less than or equal to {definition['max']}",
            lambda value: measure(value) <= definition["max"],
        )
    if "min" in definition:
        yield (
            f"Member must have {what} greater than or equal to {definition['min']}",
            lambda value: measure(value) >= definition["min"],
        )
    if "pattern" in definition:
        yield (
            f"Member must satisfy regular expression pattern: {definition['pattern']}",
            lambda text: matches(name, text),
        )


def _holds(name: str, value: Any) -> bool:
    if value is None:
        return name in MAY_BE_NULL
    elements = shape(shape(name)["member"]["shape"]) if shape(name)["type"] == "list" else None
    own = all(holds(value) for _, holds in _constraints(name))
    return own and (elements is None or all(_holds(shape(name)["member"]["shape"], one) for one in value))


def _all_of(subject: str, name: str) -> str:
    """The constraints of the elements of a list, or of the values of a map."""
    texts = [text for text, _ in _constraints(name)]
    if shape(name)["type"] == "list":
        texts.append(_all_of("Member", shape(name)["member"]["shape"]))
    if name not in MAY_BE_NULL:
        texts.append("Member must not be null")
    return f"{subject} must satisfy constraint: [{', '.join(texts)}]"


def _shown(name: str, value: Any) -> str:
    definition = shape(name)
    if value is None:
        return "null"
    if definition.get("sensitive"):
        return "*** Sensitive Data Redacted ***"
    match definition["type"]:
        case "list":
            return f"[{', '.join(_shown(definition['member']['shape'], one) for one in value)}]"
        case "map":
            of_values = definition["value"]["shape"]
            return f"{{{', '.join(f'{key}={_shown(of_values, one)}' for key, one in value.items())}}}"
        case "structure":
            members = definition["members"].items()
            shown = (f"{m[0].lower()}{m[1:]}={_shown(r['shape'], value.get(m))}" for m, r in members)
            return f"{name}({', '.join(shown)})"
        case "float" | "double":
            return str(float(value))
        case "boolean":
            return str(value).lower()
        case _:
            return str(value)
