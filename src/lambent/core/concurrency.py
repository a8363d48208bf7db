"""Reserved concurrency: how much of the account's a function may set aside.

Source: api-errors.md §12, quotas.md §1 (recorded from AWS).
"""

from dataclasses import dataclass

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
