"""Provisioned concurrency: environments of a version that are initialised ahead of its invocations.

Words:
    provisioned concurrency config   how many a version, or the version that an alias points at, shall have.
    requested     what the config says.
    allocated     how many are there for it: while they are started those that are initialised, then all of them, also
                  while one that ended is being replaced.
    available     how many are initialised at this moment, busy ones too. Source of the difference: unverified.
    status        IN_PROGRESS until the requested ones have been initialised, then READY; FAILED, with a reason, when
                  one couldn't be.

A config belongs to a version: an alias's to the version it points at, and with routing weights to both in proportion.
Any invocation of that version, by its number or by an alias, uses the environments. Source: unverified.

Source: api-errors.md §12, runtime-api.md §4 (recorded from AWS where not said otherwise).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from lambent.core.aliases import Alias, alias_not_found
from lambent.core.concurrency import AccountLimits, ProvisionedBelowMinimum, ProvisionedOverUnreserved
from lambent.core.errors import (
    InvalidParameterValue,
    ProvisionedConcurrencyConfigNotFound,
    ResourceConflict,
    ResourceNotFound,
)
from lambent.core.function import LATEST, FunctionConfiguration
from lambent.core.function_rules import function_not_found, is_version_number
from lambent.core.scope import Scope

INIT_FAILURE: Final = "FUNCTION_ERROR_INIT_FAILURE"
"""StatusReason where the function's own Init failed."""

_LONGEST_PAUSE_SECONDS: Final = 60.0


class Status(StrEnum):
    """How far a config has been carried out."""

    IN_PROGRESS = "IN_PROGRESS"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class ProvisionedConfig:
    """The provisioned concurrency config of one version or alias."""

    scope: Scope
    function_name: str
    qualifier: str
    requested: int
    last_modified_ms: int


class Allocation(NamedTuple):
    """What there is of provisioned environments.

    Attributes:
        complete: whether all that were asked for have been initialised.
        failure: why they can't be, or None.
    """

    allocated: int = 0
    available: int = 0
    complete: bool = False
    failure: str | None = None

    @property
    def status(self) -> Status:
        """As the API says it."""
        if self.failure is not None:
            return Status.FAILED
        return Status.READY if self.complete else Status.IN_PROGRESS


class Demand(NamedTuple):
    """How many environments of one version are asked for.

    Attributes:
        asked: changes when somebody asks anew, which makes up for an earlier failure.
    """

    environments: int = 0
    asked: int = 0


class Provision:
    """What is asked for of one version, and how that goes; those who start and end environments ask here.

    Attributes:
        starting: environments that are being made and aren't there yet.
        paused: after setbacks, until the pause is over.
    """

    __slots__ = ("_complete", "_demand", "_failure", "_setbacks", "paused", "starting")

    def __init__(self) -> None:
        self.starting = 0
        self.paused = False
        self._demand = Demand()
        self._complete = False
        self._failure: str | None = None
        self._setbacks = 0

    @property
    def asked_for(self) -> int:
        """How many are asked for, whether they can be had or not."""
        return self._demand.environments

    @property
    def wanted(self) -> int:
        """How many shall be there: none once it has failed."""
        return 0 if self._failure is not None else self._demand.environments

    def ask(self, demand: Demand, *, initialised: int) -> None:
        """Ask for another number, or for the same one anew."""
        if demand == self._demand:
            return
        self._demand = demand
        self._failure = None
        self._setbacks = 0
        self._complete = 0 < demand.environments <= initialised

    def lacking(self, there: int) -> int:
        """How many must be started, where so many are there."""
        return 0 if self.paused else max(0, self.wanted - there - self.starting)

    def initialised(self, count: int) -> None:
        """So many are initialised now."""
        if count >= self._demand.environments:
            self._complete = True

    def served(self) -> None:
        """One has served an invocation: what went wrong before is forgotten."""
        self._setbacks = 0

    def lost(self, reason: str) -> float:
        """One couldn't be initialised, or ended before it had served anything.

        Until all have been there once that is the end of it. After that it is tried again.

        Returns:
            seconds to wait before the next try.
        """
        if not self._complete:
            self._failure = reason
            return 0.0
        self._setbacks += 1
        return min(_LONGEST_PAUSE_SECONDS, 2.0 ** min(self._setbacks - 1, 10))

    def allocation(self, initialised: int) -> Allocation:
        """What there is, where so many are initialised."""
        if self._failure is not None:
            return Allocation(failure=self._failure)
        allocated = self._demand.environments if self._complete else initialised
        return Allocation(allocated, min(initialised, allocated), self._complete)


def shares(requested: int, alias: Alias | None, qualifier: str) -> Mapping[str, int]:
    """Environments by version that a config comes to.

    Args:
        alias: what the qualifier names, None for a version's number.
    """
    if alias is None:
        return {qualifier: requested}
    if alias.routing is None:
        return {alias.version: requested}
    routed = round(requested * alias.routing.weight)
    return {alias.version: requested - routed, alias.routing.version: routed}


def combined(allocations: Mapping[str, Allocation], wanted: Mapping[str, int]) -> Allocation:
    """What a config has, out of what its versions have.

    Args:
        allocations: of the versions that can be invoked.
        wanted: the config's share of each version.
    """
    nothing = Allocation()
    found = {version: allocations.get(version, nothing) for version, count in wanted.items() if count}
    failure = next((one.failure for one in found.values() if one.failure is not None), None)
    return Allocation(
        allocated=sum(min(one.allocated, wanted[version]) for version, one in found.items()),
        available=sum(min(one.available, wanted[version]) for version, one in found.items()),
        complete=all(one.complete for one in found.values()),
        failure=failure,
    )


# --- what a request may say ---


def check_put_qualifier(qualifier: str) -> None:
    """Raises InvalidParameterValue for `$LATEST`, for which nothing can be provisioned."""
    if qualifier == LATEST:
        raise _unpublished()


def check_read_qualifier(qualifier: str) -> None:
    """Raises InvalidParameterValue for `$LATEST`, in AWS's words for reading and deleting."""
    if qualifier == LATEST:
        raise InvalidParameterValue("The function resource provided must be an alias or a published version.")


def check_function(configuration: FunctionConfiguration) -> None:
    """Whether a function can be provisioned for.

    Raises:
        InvalidParameterValue: it has tenants, none of which is known ahead. Source: developer guide, "Tenant
            isolation"; the text is unverified.
    """
    if configuration.settings.tenant_isolation:
        raise InvalidParameterValue("Provisioned Concurrency is not supported for functions with tenant isolation.")


def check_alias(alias: Alias) -> None:
    """What an alias with provisioned concurrency may be.

    Raises:
        InvalidParameterValue: it has routing weights, or points at `$LATEST` (unverified).
    """
    if alias.routing is not None:
        raise InvalidParameterValue("Alias with weights can not be used with Provisioned Concurrency")
    if alias.version == LATEST:
        raise _unpublished()


def check_conflict(*, qualifier: str, others: Mapping[str, str]) -> None:
    """A version is provisioned once: for itself or for one alias.

    Args:
        others: of the other configs that come to the same version, qualifier and version.

    Raises:
        ResourceConflict: it is provisioned already. Source for two aliases: unverified.
    """
    if not others:
        return
    if is_version_number(qualifier):
        raise ResourceConflict("Version is pointed by a Provisioned Concurrency alias")
    raise _provisioned_already()


def check_moved_alias(alias: Alias, provisioned: Collection[str]) -> None:
    """Whether an alias with provisioned concurrency may be pointed at another version.

    It may get routing weights, unlike one that has none yet: its environments are then divided. Source: developer
    guide, "Configuring provisioned concurrency"; CloudFormation does so while it moves an alias (observed).

    Args:
        provisioned: the versions that others of the function's configs come to.

    Raises:
        InvalidParameterValue: `$LATEST`, for which nothing can be provisioned. Source of the text: observed (in the
            field), for another alias that can't be.
        ResourceConflict: that version is provisioned already. Source: the developer guide has one config for a
            version; that this is the answer is unverified.
    """
    if alias.version == LATEST:
        raise InvalidParameterValue("Invalid alias configuration for Provisioned Concurrency")
    if alias.version in provisioned:
        raise _provisioned_already()


def check_amount(
    requested: int, *, others: int, reserved: int | None, claimed_by_others: int, limits: AccountLimits
) -> None:
    """Whether a function may have so much.

    Args:
        others: what its other configs request.
        reserved: what the function has reserved, or None.
        claimed_by_others: what the account's other functions have reserved or provisioned.

    Raises:
        InvalidParameterValue: more than the function's reservation, or than the account has to spare.
    """
    if reserved is not None:
        if requested + others > reserved:
            raise InvalidParameterValue(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for "
                "function"
            )
        return
    unreserved = limits.concurrent_executions - claimed_by_others - others
    if requested > unreserved:
        raise ProvisionedOverUnreserved(unreserved)
    if unreserved - requested < limits.unreserved_minimum:
        raise ProvisionedBelowMinimum(limits)


def no_such_config() -> ProvisionedConcurrencyConfigNotFound:
    """The answer for a version or alias that has none."""
    return ProvisionedConcurrencyConfigNotFound("No Provisioned Concurrency Config found for this function")


def qualifier_not_found(scope: Scope, name: str, qualifier: str) -> ResourceNotFound:
    """The answer where the version or the alias isn't there, or the function isn't."""
    if is_version_number(qualifier) or "$" in qualifier:
        return function_not_found(scope, name, qualifier)
    return alias_not_found(scope, name, qualifier)


def _provisioned_already() -> ResourceConflict:
    return ResourceConflict(
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
    )


def _unpublished() -> InvalidParameterValue:
    return InvalidParameterValue("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
