"""Who may start: the exact ledger of concurrent executions, per account and region.

An account has one pool of executions. A function with reserved concurrency has its part of the pool to itself: it may
use all of that and never more. All other functions share what is left. So each pool keeps one figure, *committed*:
what is running without a reservation, plus for each reserving function the larger of its reservation and of what it
has running (larger only for a while, after the reservation was lowered below what was running). An unreserved
invocation is admitted while committed is below the account's limit, a reserved one while its function runs fewer than
it reserved. Reservations change while invocations run; nothing that runs is ever taken away.

Source: invocation.md section 3, api-errors.md section 12; developer guide, "Understanding Lambda function scaling".
What a lowered reservation does to running invocations is unverified.
"""

from collections.abc import Iterator
from enum import StrEnum

from lambent.core.scope import Scope


class ThrottleReason(StrEnum):
    """Why an invocation isn't admitted: the `Reason` of TooManyRequestsException."""

    CONCURRENT_INVOCATION_LIMIT = "ConcurrentInvocationLimitExceeded"
    """The account's pool has nothing left for functions without a reservation."""

    RESERVED_CONCURRENT_INVOCATION_LIMIT = "ReservedFunctionConcurrentInvocationLimitExceeded"
    """The function runs as many as it reserved; always so when it reserved 0."""


class _Pool:
    """One account in one region. `running` and `reserved` have no zeroes and no None for what isn't there."""

    __slots__ = ("committed", "reserved", "running")

    def __init__(self) -> None:
        self.committed = 0
        self.running: dict[str, int] = {}
        self.reserved: dict[str, int] = {}

    def commitment(self, function_name: str) -> int:
        """What a function takes of the pool."""
        return max(self.running.get(function_name, 0), self.reserved.get(function_name, 0))


class Admission:
    """The ledger of one home of functions; not thread-safe, it belongs to the event loop.

    Args:
        account_limit: concurrent executions of one account in one region, all functions together.
    """

    def __init__(self, account_limit: int = 1000) -> None:
        self._limit = account_limit
        self._pools: dict[Scope, _Pool] = {}

    def try_acquire(self, scope: Scope, function_name: str) -> ThrottleReason | None:
        """Take one execution; None is admitted, and is followed by exactly one `release`.

        All versions and aliases of a function count as the function.
        """
        pool = self._pools.get(scope)
        if pool is None:
            pool = self._pools[scope] = _Pool()
        running = pool.running.get(function_name, 0)
        reserved = pool.reserved.get(function_name)
        if reserved is None:
            if pool.committed >= self._limit:
                return ThrottleReason.CONCURRENT_INVOCATION_LIMIT
            pool.committed += 1
        elif running >= reserved:
            return ThrottleReason.RESERVED_CONCURRENT_INVOCATION_LIMIT
        pool.running[function_name] = running + 1
        return None

    def release(self, scope: Scope, function_name: str) -> None:
        """Give one execution back: the invocation has ended, extensions included.

        Raises:
            KeyError: the function has none (a bug of the caller's).
        """
        pool = self._pools[scope]
        running = pool.running[function_name]
        # What a reservation covers stays committed to its function.
        if running > pool.reserved.get(function_name, 0):
            pool.committed -= 1
        if running == 1:
            del pool.running[function_name]
        else:
            pool.running[function_name] = running - 1

    def set_reserved(self, scope: Scope, function_name: str, reserved: int | None) -> None:
        """Make, change or give up (None) a reservation; it counts from the next `try_acquire` on.

        How much may be reserved is decided before, where reservations are stored (core/concurrency.py).
        """
        pool = self._pools.setdefault(scope, _Pool())
        before = pool.commitment(function_name)
        if reserved is None:
            pool.reserved.pop(function_name, None)
        else:
            pool.reserved[function_name] = reserved
        pool.committed += pool.commitment(function_name) - before

    def running(self, scope: Scope, function_name: str | None = None) -> int:
        """Executions that run now: of one function, or of all in the account and region."""
        pool = self._pools.get(scope)
        if pool is None:
            return 0
        return sum(pool.running.values()) if function_name is None else pool.running.get(function_name, 0)

    def running_functions(self) -> Iterator[tuple[Scope, str, int]]:
        """Account and region, function and executions that run now, of all functions that have any."""
        for scope, pool in self._pools.items():
            for function_name, running in pool.running.items():
                yield scope, function_name, running

    def reserved(self, scope: Scope, function_name: str) -> int | None:
        """What a function has reserved, or None."""
        pool = self._pools.get(scope)
        return None if pool is None else pool.reserved.get(function_name)

    def unreserved_available(self, scope: Scope) -> int:
        """How many more invocations of functions without a reservation would be admitted now."""
        pool = self._pools.get(scope)
        return self._limit if pool is None else max(0, self._limit - pool.committed)
