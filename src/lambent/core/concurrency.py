"""How much of the account's concurrency a function may set aside: reserved, and provisioned.

A function *claims* the larger of what it has reserved and what is provisioned for it: provisioned concurrency is a part
of the reservation where there is one.

Source: api-errors.md §12, quotas.md §1 (recorded from AWS).
"""

from dataclasses import dataclass
from typing import NamedTuple

from lambent.core.errors import InvalidParameterValue

UNRESERVED_MINIMUM = 100
"""Executions that must stay for functions without a reservation (quotas.md §1)."""

CODE_SIZE_UNZIPPED = 262_144_000
"""Bytes: 250 MiB (quotas.md §3)."""


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What one account may use in one region.

    Attributes:
        concurrent_executions: of all its functions together.
        total_code_size: bytes of all deployment packages, each published version counted.
        code_size_zipped: bytes of a package that is uploaded inline.
        code_size_unzipped: bytes of a package when unpacked.
    """

    concurrent_executions: int = 1000
    total_code_size: int = 80_530_636_800
    code_size_zipped: int = 52_428_800
    code_size_unzipped: int = CODE_SIZE_UNZIPPED

    @property
    def unreserved_minimum(self) -> int:
        """Executions that can't be reserved; an account with few keeps them all unreserved."""
        return min(UNRESERVED_MINIMUM, self.concurrent_executions)

    @property
    def reservable(self) -> int:
        """Executions that all reservations together may take."""
        return self.concurrent_executions - self.unreserved_minimum


class UnreservedBelowMinimum(InvalidParameterValue):
    """A reservation would leave too little for functions that have none; AWS sends this one without a Type."""

    fault = None

    def __init__(self, limits: AccountLimits) -> None:
        super().__init__(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{limits.unreserved_minimum}]."
        )


class Claim(NamedTuple):
    """What one function has set aside of the account's concurrency."""

    reserved: int | None = None
    provisioned: int = 0

    @property
    def total(self) -> int:
        """What nobody else can have."""
        return max(self.reserved or 0, self.provisioned)


def check_reservation(reserved: int, *, provisioned: int, claimed_by_others: int, limits: AccountLimits) -> None:
    """Whether a function may reserve so much.

    Args:
        provisioned: what is provisioned for the function.
        claimed_by_others: what the account's other functions have set aside.

    Raises:
        InvalidParameterValue: less than what is provisioned, or too little would stay for the others.
    """
    if reserved < provisioned:
        raise InvalidParameterValue(
            f" ReservedConcurrentExecutions  {reserved} should not be lower than function's total provisioned "
            f"concurrency [{provisioned}]."
        )
    if claimed_by_others + reserved > limits.reservable:
        raise UnreservedBelowMinimum(limits)


class ProvisionedBelowMinimum(InvalidParameterValue):
    """Provisioned concurrency would leave too little for functions that set nothing aside; without a Type, too."""

    fault = None

    def __init__(self, limits: AccountLimits) -> None:
        super().__init__(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{limits.unreserved_minimum}]."
        )


class ProvisionedOverUnreserved(InvalidParameterValue):
    """More was asked for than nobody has set aside; without a Type, too."""

    fault = None

    def __init__(self, unreserved: int) -> None:
        super().__init__(
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
            f"[{unreserved}]."
        )
