"""The API model's constraints on a request, and AWS's words for what violates them.

Every constraint is checked before anything else, and all violations come in one message:
`2 validation errors detected: Value 'x' at 'name' failed to satisfy constraint: …; Value null at 'role' failed to …`.
Lists and maps name the constraints of their elements together, kept ones too; the path names the members from the top,
each with its first letter lowered.

Source: api-errors.md section 3 (recorded from AWS). Observed, for Lambda or other services on the same framework:
members come in the reverse of the model's order (`qualifier` before `functionName`, `compatibleRuntimes` before
`compatibleArchitectures`, DynamoDB's `writeCapacityUnits` before `readCapacityUnits`); a sensitive value is left out
(`Value at 'password'`); the path into a list of structures (`tags.1.member.key`). Unverified: how a structure within a
printed value looks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from lambent.core.errors import ValidationFailed
from lambent.wire.service_model import Operation, Shape

VALUE_SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "EventSourcePosition": ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
    "InvokeMode": ("RESPONSE_STREAM", "BUFFERED"),
    "RecursiveLoop": ("Terminate", "Allow"),
    "Runtime": (
        "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x",
        "java25", "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9",
        "java17", "nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2",
    ),
}  # fmt: skip
"""Enumerations that AWS's server lists in another order than the model, as it says them (recorded January 2026).

The order is that of a hash table: never sorted, only ever recorded anew. Runtime leaves out what is retired.
"""

# Not a ValidationException: runtimes/catalogue.py refuses an unknown runtime in words of its own.
_CHECKED_LATER: Final = frozenset(
    {("CreateFunctionRequest", "Runtime"), ("UpdateFunctionConfigurationRequest", "Runtime")}
)

# Lists of these don't name "must not be null" among the constraints of their elements, all others do (recorded).
_NULL_IS_NO_ISSUE: Final = frozenset({"SecurityGroupId", "SubnetId"})

_NOT_NULL: Final = "Member must not be null"
_REDACTED: Final = "*** Sensitive Data Redacted ***"
_FRACTIONS: Final = frozenset({"float", "double"})
_SIZED: Final = frozenset({"string", "list", "map", "blob"})


class Constraint(NamedTuple):
    """What AWS says about a value, and whether it is so; the value is never None."""

    text: str
    holds: Callable[[Any], bool]


def check_constraints(operation: Operation, request: Mapping[str, Any]) -> None:
    """Check a decoded request against the model.

    Args:
        request: snake_case names; a member that wasn't sent, or sent as null, is absent or None.

    Raises:
        ValidationFailed: naming all violations.
    """
    if operation.input is None:
        return
    violations = list(_structure_violations(operation.input, request, ""))
    if violations:
        count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected"
        raise ValidationFailed(f"{count}: {'; '.join(violations)}")


def _structure_violations(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for member in reversed(shape.members):
        if (shape.name, member.name) in _CHECKED_LATER:
            continue
        member_value = value.get(member.snake_name)
        member_path = path + member.path_name
        if member_value is not None:
            yield from _violations(member.shape, member_value, member_path)
        elif member.required:
            yield _violation("Value null", member_path, _NOT_NULL)


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    subject = "Value" if shape.definition.sensitive else f"Value '{_render(shape, value)}'"
    for constraint in _own_constraints(shape):
        if not constraint.holds(value):
            yield _violation(subject, path, constraint.text)
    if shape.type == "structure" and isinstance(value, Mapping):
        yield from _structure_violations(shape, value, f"{path}.")
    elif shape.type == "list":
        yield from _list_violations(shape, value, path, subject)
    elif shape.type == "map":
        yield from _map_violations(shape, value, path, subject)


def _list_violations(shape: Shape, value: Sequence[Any], path: str, subject: str) -> Iterator[str]:
    if shape.element.shape.type == "structure":
        for position, element in enumerate(value, start=1):
            element_path = f"{path}.{position}.member"
            if element is None:
                yield _violation("Value null", element_path, _NOT_NULL)
            else:
                yield from _violations(shape.element.shape, element, element_path)
    else:
        constraint = _every("Member", shape.element.shape)
        if not constraint.holds(value):
            yield _violation(subject, path, constraint.text)


def _map_violations(shape: Shape, value: Mapping[str, Any], path: str, subject: str) -> Iterator[str]:
    keys = list(_own_constraints(shape.key.shape))
    if not all(constraint.holds(key) for key in value for constraint in keys):
        yield _violation(subject, path, f"Map keys must satisfy constraint: [{_texts(keys)}]")
    if shape.value.shape.type == "structure":
        for key, one in value.items():
            yield from _violations(shape.value.shape, one, f"{path}.{key}.member")
    else:
        constraint = _every("Map value", shape.value.shape)
        if not constraint.holds(list(value.values())):
            yield _violation(subject, path, constraint.text)


def _violation(subject: str, path: str, text: str) -> str:
    return f"{subject} at '{path}' failed to satisfy constraint: {text}"


def _every(subject: str, shape: Shape) -> Constraint:
    """What holds for every element of a list, or every value of a map."""
    constraints = list(_own_constraints(shape))
    if shape.type == "list":
        constraints.append(_every("Member", shape.element.shape))
    null_is_no_issue = shape.name in _NULL_IS_NO_ISSUE
    texts = _texts(constraints) if null_is_no_issue else _texts([*constraints, Constraint(_NOT_NULL, bool)])

    def holds(elements: Sequence[Any]) -> bool:
        return all(
            null_is_no_issue if element is None else all(constraint.holds(element) for constraint in constraints)
            for element in elements
        )

    return Constraint(f"{subject} must satisfy constraint: [{texts}]", holds)


def _texts(constraints: Sequence[Constraint]) -> str:
    return ", ".join(constraint.text for constraint in constraints)


def _own_constraints(shape: Shape) -> Iterator[Constraint]:
    """The constraints of a value itself, in the order in which AWS checks and names them."""
    definition = shape.definition
    if definition.enum:
        accepted = frozenset(definition.enum)
        named = VALUE_SETS.get(shape.name, definition.enum)
        yield Constraint(f"Member must satisfy enum value set: [{', '.join(named)}]", accepted.__contains__)
    quantity, measure = ("length", len) if shape.type in _SIZED else ("value", _itself)
    maximum, minimum = definition.max, definition.min
    if maximum is not None:
        text = f"Member must have {quantity} less than or equal to {maximum}"
        yield Constraint(text, lambda value: measure(value) <= maximum)
    if minimum is not None:
        text = f"Member must have {quantity} greater than or equal to {minimum}"
        yield Constraint(text, lambda value: measure(value) >= minimum)
    pattern = shape.pattern
    if pattern is not None:
        yield Constraint(
            f"Member must satisfy regular expression pattern: {definition.pattern}",
            lambda value: pattern.fullmatch(value) is not None,
        )


def _itself(value: Any) -> Any:
    return value


def _render(shape: Shape, value: Any) -> str:
    """A value as Java's toString shows it."""
    if value is None:
        return "null"
    if shape.definition.sensitive:
        return _REDACTED
    if shape.type == "list":
        return f"[{', '.join(_render(shape.element.shape, element) for element in value)}]"
    if shape.type == "map":
        pairs = (f"{key}={_render(shape.value.shape, one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if shape.type == "structure":
        pairs = (
            f"{member.path_name}={_render(member.shape, value.get(member.snake_name))}" for member in shape.members
        )
        return f"{shape.name}({', '.join(pairs)})"
    if shape.type in _FRACTIONS:
        return str(float(value))
    if shape.type == "boolean":
        return "true" if value else "false"
    return str(value)
