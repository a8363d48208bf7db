"""Aliases: names that stand for a version of a function, and may send a share of its invocations to another one.

Source: api-errors.md §7 (recorded from AWS).
"""

from dataclasses import dataclass

from lambent.core.arn import function_arn
from lambent.core.errors import ResourceNotFound
from lambent.core.scope import Scope


@dataclass(frozen=True, slots=True)
class Routing:
    """The second version of an alias and the share of invocations, 0.0 to 1.0, that it gets."""

    version: str
    weight: float


@dataclass(frozen=True, slots=True)
class Alias:
    """One alias of a function."""

    scope: Scope
    function_name: str
    name: str
    version: str
    """`$LATEST` or a number, as text."""
    description: str
    revision_id: str
    routing: Routing | None = None


def alias_not_found(scope: Scope, name: str, alias: str) -> ResourceNotFound:
    """What most operations answer when there is no such alias, and when there is no such function."""
    return ResourceNotFound(f"Cannot find alias arn: {function_arn(scope, name, alias)}")
