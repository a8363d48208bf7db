"""Who may start: the exact ledger of concurrent executions, per account and region.

An account has one pool of executions. A function with reserved concurrency has its part of the pool to itself: it may
use all of that and never more. All other functions share what is left. A version with provisioned concurrency has as
many executions to itself as were provisioned for it, out of its function's reservation or else out of the pool; what it
runs beyond that is like any other version's.

So a function *claims*, for each of its versions, the larger of what runs and what is provisioned. And each pool keeps
one figure, *committed*: for each function the larger of its claim and its reservation (the claim is larger only for a
while, after the reservation was lowered below what was running). An execution that its version's provisioned ones cover
is admitted always; any other one while its function claims fewer than it reserved, or, without a reservation, while
committed is below the account's limit. Reservations and provisioned ones change while invocations run; nothing that
runs is ever taken away.

Source: invocation.md section 3, api-errors.md section 12; developer guide, "Understanding Lambda function scaling" and
"Configuring provisioned concurrency". What a lowered reservation does to running invocations is unverified.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from lambent.core.function import LATEST
from lambent.core.scope import Scope


class ThrottleReason(StrEnum):
    """Why an invocation isn't admitted: the `Reason` of TooManyRequestsException."""

    CONCURRENT_INVOCATION_LIMIT = "ConcurrentInvocationLimitExceeded"
    """The account's pool has nothing left for functions without a reservation."""

    RESERVED_CONCURRENT_INVOCATION_LIMIT = "ReservedFunctionConcurrentInvocationLimitExceeded"
    """The function runs as many as it reserved, what is provisioned for others of its versions counted as running."""


_NOTHING_PROVISIONED: Mapping[str, int] = {}
_REMEMBERED = 1024
"""Functions of one account that are remembered while they have nothing, which is faster than making them anew."""


class _Use:
    """What one function has. `versions` and `provisioned` have no zeroes."""

    __slots__ = ("claimed", "provisioned", "reserved", "running", "versions")

    def __init__(self) -> None:
        self.running = 0
        self.versions: dict[str, int] = {}  # running, by version
        self.provisioned = _NOTHING_PROVISIONED
        self.claimed = 0
        self.reserved: int | None = None

    @property
    def commitment(self) -> int:
        """What the function takes of the pool."""
        return max(self.claimed, self.reserved or 0)

    @property
    def is_nothing(self) -> bool:
        """Whether it needn't be remembered."""
        return not self.running and self.reserved is None and not self.provisioned


class _Pool:
    """One account in one region.

    Attributes:
        uses: of the functions that have something, and of some that had.
        kept: how many had something when that was looked at last.
    """

    __slots__ = ("committed", "kept", "uses")

    def __init__(self) -> None:
        self.committed = 0
        self.kept = 0
        self.uses: dict[str, _Use] = {}


class Admission:
    """The ledger of one home of functions; not thread-safe, it belongs to the event loop.

    Args:
        account_limit: concurrent executions of one account in one region, all functions together.
    """

    def __init__(self, account_limit: int = 1000) -> None:
        self._limit = account_limit
        self._pools: dict[Scope, _Pool] = {}

    def try_acquire(self, scope: Scope, function_name: str, version: str = LATEST) -> ThrottleReason | None:
        """Take one execution; None is admitted, and is followed by exactly one `release` of the same version."""
        pool = self._pools.get(scope)
        if pool is None:
            pool = self._pools[scope] = _Pool()
        use = pool.uses.get(function_name)
        if use is None:
            use = pool.uses[function_name] = _Use()
            self._tidy(pool)
        running = use.versions.get(version, 0)
        if not use.provisioned or running >= use.provisioned.get(version, 0):
            if use.reserved is None:
                if pool.committed >= self._limit:
                    return ThrottleReason.CONCURRENT_INVOCATION_LIMIT
                pool.committed += 1
            elif use.claimed >= use.reserved:
                return ThrottleReason.RESERVED_CONCURRENT_INVOCATION_LIMIT
            use.claimed += 1
        use.versions[version] = running + 1
        use.running += 1
        return None

    def release(self, scope: Scope, function_name: str, version: str = LATEST) -> None:
        """Give one execution back: the invocation has ended, extensions included.

        Raises:
            KeyError: the version has none (a bug of the caller's).
        """
        pool = self._pools[scope]
        use = pool.uses[function_name]
        running = use.versions[version]
        if not use.provisioned or running > use.provisioned.get(version, 0):
            # What a reservation covers stays committed to its function.
            if use.claimed > (use.reserved or 0):
                pool.committed -= 1
            use.claimed -= 1
        use.running -= 1
        if running > 1:
            use.versions[version] = running - 1
        else:
            del use.versions[version]

    def set_reserved(self, scope: Scope, function_name: str, reserved: int | None) -> None:
        """Make, change or give up (None) a reservation; it counts from the next `try_acquire` on.

        How much may be reserved is decided before, where reservations are stored (core/concurrency.py).
        """
        pool = self._pools.setdefault(scope, _Pool())
        use = pool.uses.setdefault(function_name, _Use())
        before = use.commitment
        use.reserved = reserved
        pool.committed += use.commitment - before

    def set_provisioned(self, scope: Scope, function_name: str, provisioned: Mapping[str, int]) -> None:
        """Replace what is provisioned for a function's versions; it counts from the next `try_acquire` on.

        Args:
            provisioned: environments by version; how many there may be is decided before, where they are stored.
        """
        pool = self._pools.setdefault(scope, _Pool())
        use = pool.uses.setdefault(function_name, _Use())
        before = use.commitment
        use.provisioned = {version: count for version, count in provisioned.items() if count}
        versions = use.versions.keys() | use.provisioned.keys()
        use.claimed = sum(max(use.versions.get(key, 0), use.provisioned.get(key, 0)) for key in versions)
        pool.committed += use.commitment - before

    @staticmethod
    def _tidy(pool: _Pool) -> None:
        """Forget functions that have nothing, when there are too many."""
        if len(pool.uses) > _REMEMBERED and len(pool.uses) > 2 * pool.kept:
            newest = next(reversed(pool.uses))
            pool.uses = {name: use for name, use in pool.uses.items() if name == newest or not use.is_nothing}
            pool.kept = len(pool.uses)

    def running(self, scope: Scope, function_name: str | None = None) -> int:
        """Executions that run now: of one function, or of all in the account and region."""
        pool = self._pools.get(scope)
        if pool is None:
            return 0
        if function_name is None:
            return sum(use.running for use in pool.uses.values())
        use = pool.uses.get(function_name)
        return 0 if use is None else use.running

    def running_functions(self) -> Iterator[tuple[Scope, str, int]]:
        """Account and region, function and executions that run now, of all functions that have any."""
        for scope, pool in self._pools.items():
            for function_name, use in pool.uses.items():
                if use.running:
                    yield scope, function_name, use.running

    def reserved(self, scope: Scope, function_name: str) -> int | None:
        """What a function has reserved, or None."""
        pool = self._pools.get(scope)
        use = None if pool is None else pool.uses.get(function_name)
        return None if use is None else use.reserved

    def unreserved_available(self, scope: Scope) -> int:
        """How many more invocations that nothing is reserved or provisioned for would be admitted now."""
        pool = self._pools.get(scope)
        return self._limit if pool is None else max(0, self._limit - pool.committed)
