"""Aliases: names that stand for a version of a function, and may send a share of its invocations to another one.

Source: api-errors.md §7 (recorded from AWS).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from lambent.core.arn import function_arn
from lambent.core.errors import InvalidParameterValue, PreconditionFailed, ResourceConflict, ResourceNotFound
from lambent.core.function import LATEST, FunctionSettings
from lambent.core.function_rules import WRONG_REVISION
from lambent.core.scope import Scope

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class AliasChange:
    """What UpdateAlias asks for; None leaves a member as it is.

    Attributes:
        weights: AdditionalVersionWeights, version to weight; an empty map takes the routing away.
        revision_id: a condition on the alias as it is.
    """

    version: str | None = None
    description: str | None = None
    weights: Mapping[str, float] | None = None
    revision_id: str | None = None


@dataclass(frozen=True, slots=True)
class Split(Generic[T]):
    """Two things of which each invocation gets one: the second in `weight` (0.0 to 1.0) of all cases."""

    first: T
    second: T
    weight: float

    def choose(self, draw: float) -> T:
        """The one that a random number, at least 0.0 and below 1.0, stands for."""
        return self.second if draw < self.weight else self.first


def routing_of(weights: Mapping[str, float]) -> Routing | None:
    """The routing that AdditionalVersionWeights asks for; None if the map is empty.

    Raises:
        InvalidParameterValue: more than one version.
    """
    if len(weights) > 1:
        raise InvalidParameterValue("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for version, weight in weights.items():
        return Routing(version, weight)
    return None


def check_routing(version: str, routing: Routing | None) -> None:
    """Whether an alias of `version` may route to another one.

    Raises:
        InvalidParameterValue: `$LATEST` takes no part in routing, and the second version must be another one.
    """
    if routing is None:
        return
    if version == LATEST:
        raise InvalidParameterValue(
            "$LATEST is not supported for an alias pointing to more than 1 version", typeless=True
        )
    if version == routing.version:
        raise InvalidParameterValue(
            f"Invalid function version {version}. Function version {version} is already included in routing "
            "configuration."
        )


def check_versions_of_alias(first: FunctionSettings, second: FunctionSettings) -> None:
    """Versions that share an alias share an execution role and a dead-letter queue, or have none.

    Source: developer guide, "Implement Lambda canary deployments using a weighted alias".

    Raises:
        InvalidParameterValue: they don't. Source of the role's text: observed (in the field, 2018); the queue's is
            unverified.
    """
    if first.role != second.role:
        raise InvalidParameterValue("Specified versions must be associated with the same execution role")
    if first.dead_letter_target != second.dead_letter_target:
        raise InvalidParameterValue("Specified versions must be associated with the same dead-letter queue")


def changed(current: Alias, change: AliasChange, *, revision_id: str) -> Alias:
    """The alias as UpdateAlias leaves it: with a new RevisionId, also when nothing else is new.

    That the rules of routing hold for what is kept, too, is unverified.

    Raises:
        InvalidParameterValue: the routing that it would have isn't allowed.
    """
    routing = current.routing if change.weights is None else routing_of(change.weights)
    version = change.version or current.version
    check_routing(version, routing)
    return replace(
        current,
        version=version,
        description=current.description if change.description is None else change.description,
        routing=routing,
        revision_id=revision_id,
    )


def check_alias_revision(current: Alias, revision_id: str | None) -> None:
    """Raises PreconditionFailed when the caller names another revision than the current one."""
    if revision_id is not None and revision_id != current.revision_id:
        raise PreconditionFailed(WRONG_REVISION)


def alias_not_found(scope: Scope, name: str, alias: str) -> ResourceNotFound:
    """What most operations answer when there is no such alias, and when there is no such function."""
    return ResourceNotFound(f"Cannot find alias arn: {function_arn(scope, name, alias)}")


def alias_to_update_not_found(scope: Scope, name: str, alias: str) -> ResourceNotFound:
    """What UpdateAlias answers when there is no such alias."""
    return ResourceNotFound(f"Alias not found: {function_arn(scope, name, alias)}")


def alias_exists(alias: Alias) -> ResourceConflict:
    """What CreateAlias answers when the function has an alias of that name."""
    return ResourceConflict(f"Alias already exists: {function_arn(alias.scope, alias.function_name, alias.name)}")


def version_is_referenced(aliases: list[str]) -> ResourceConflict:
    """What DeleteFunction answers for a version that aliases, by name, point at or route to.

    Source: observed; that a routed version counts is unverified.
    """
    return ResourceConflict(
        f"Unable to delete version because the following aliases reference it: [{', '.join(aliases)}]"
    )
