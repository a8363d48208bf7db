"""Which invocations may run at once: an exact ledger of concurrency, without I/O.

An account in a region has a limit. A function with reserved concurrency has that much to itself, and no more; all the
others share what no function has reserved. A slot is taken when an invocation is admitted and given back when it has
ended, so the ledger is right at every moment, also while reservations change under running invocations: those keep
their slots, and each is given back to the pool it was taken from.

Source: developer guide, "Understanding Lambda function scaling"; invocation.md section 3 (reasons recorded from AWS).
"""

from dataclasses import dataclass, field

from lambent.core.scope import Scope

RESERVED_LIMIT = "ReservedFunctionConcurrentInvocationLimitExceeded"
"""The function uses all it has reserved (nothing, if that is 0)."""
ACCOUNT_LIMIT = "ConcurrentInvocationLimitExceeded"
"""The functions without a reservation use all that is not reserved."""


@dataclass(slots=True)
class _Function:
    """The ledger of one function: its running invocations, by the pool they were admitted from."""

    reserved: int | None = None
    in_reserved: int = 0
    in_unreserved: int = 0


@dataclass(slots=True)
class _Account:
    """The ledger of one account in one region."""

    limit: int
    reserved_sum: int = 0
    in_unreserved: int = 0
    functions: dict[str, _Function] = field(default_factory=dict)


class Admission:
    """Admits invocations; one per server, called from one thread."""

    def __init__(self, account_limit: int = 1000) -> None:
        """Args:
        account_limit: concurrent invocations of each account in each region.
        """
        self._limit = account_limit
        self._accounts: dict[Scope, _Account] = {}

    def try_acquire(self, scope: Scope, function_name: str) -> str | None:
        """Take a slot for one invocation; None if there was one, else the reason why not (a ThrottleReason)."""
        account = self._accounts.get(scope)
        if account is None:
            account = self._accounts[scope] = _Account(self._limit)
        function = account.functions.get(function_name)
        if function is None:
            function = account.functions[function_name] = _Function()
        if function.reserved is not None:
            # What still runs from before the reservation counts towards it.
            if function.in_reserved + function.in_unreserved >= function.reserved:
                return RESERVED_LIMIT
            function.in_reserved += 1
            return None
        if account.in_unreserved >= account.limit - account.reserved_sum:
            return ACCOUNT_LIMIT
        account.in_unreserved += 1
        function.in_unreserved += 1
        return None

    def release(self, scope: Scope, function_name: str) -> None:
        """Give back the slot of an invocation that has ended.

        Which of a function's running invocations it is makes no difference: those from before a change of its
        reservation are taken to end first.
        """
        account = self._accounts[scope]
        function = account.functions[function_name]
        from_reserved = function.in_reserved > 0 if function.reserved is None else function.in_unreserved == 0
        if from_reserved:
            function.in_reserved -= 1
        else:
            function.in_unreserved -= 1
            account.in_unreserved -= 1

    def set_reserved(self, scope: Scope, function_name: str, reserved: int | None) -> None:
        """Make, change or (None) give up a function's reservation; in force for the next invocation."""
        account = self._accounts.setdefault(scope, _Account(self._limit))
        function = account.functions.setdefault(function_name, _Function())
        account.reserved_sum += (reserved or 0) - (function.reserved or 0)
        function.reserved = reserved
        if reserved is None and not (function.in_reserved or function.in_unreserved):
            del account.functions[function_name]

    def running(self, scope: Scope, function_name: str) -> int:
        """How many invocations of a function run now."""
        account = self._accounts.get(scope)
        function = account.functions.get(function_name) if account is not None else None
        return function.in_reserved + function.in_unreserved if function is not None else 0

    def unreserved_running(self, scope: Scope) -> int:
        """How many invocations of the account run in the pool that no function has reserved."""
        account = self._accounts.get(scope)
        return account.in_unreserved if account is not None else 0
