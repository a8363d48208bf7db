"""Reserved concurrency: set aside part of the account's for one function.

A reservation is in force from the moment it is answered: `on_reserved` (admission) is told right after the commit, and
at start of everything that was reserved before.
"""

from collections.abc import Callable

from lambent.core.concurrency import AccountLimits
from lambent.core.function import LATEST
from lambent.core.function_rules import function_not_found
from lambent.core.scope import Scope
from lambent.store import concurrency as concurrency_table
from lambent.store import functions as table
from lambent.store.database import Database

OnReserved = Callable[[Scope, str, int | None], None]
"""(scope, function name, reserved or None): a reservation was made, changed or given up."""


class Concurrency:
    """The use cases of reserved concurrency."""

    def __init__(self, *, database: Database, limits: AccountLimits, on_reserved: OnReserved) -> None:
        self._database = database
        self._limits = limits
        self._on_reserved = on_reserved

    async def restore(self) -> None:
        """Tell of every reservation that there is; belongs to the start, before the first invocation."""
        for reservation in await self._database.read(concurrency_table.reservations):
            self._on_reserved(*reservation)

    async def put(self, scope: Scope, name: str, reserved: int) -> int:
        """Reserve `reserved` concurrent executions for a function; 0 throttles every invocation.

        Raises:
            ResourceNotFound: no such function.
            InvalidParameterValue: too few would stay for the account's other functions, or more is provisioned for it.
        """
        if not await self._database.write(
            concurrency_table.reserve_concurrency, scope, name, reserved=reserved, limits=self._limits
        ):
            raise function_not_found(scope, name, LATEST)
        self._on_reserved(scope, name, reserved)
        return reserved

    async def get(self, scope: Scope, name: str) -> int | None:
        """What is reserved for a function, or None. Raises ResourceNotFound."""
        function = await self._database.read(table.find_function, scope, name)
        if function is None:
            raise function_not_found(scope, name)
        return function.reserved_concurrency

    async def delete(self, scope: Scope, name: str) -> None:
        """Give a function's reservation up, if it has one. Raises ResourceNotFound."""
        if not await self._database.write(
            concurrency_table.reserve_concurrency, scope, name, reserved=None, limits=self._limits
        ):
            raise function_not_found(scope, name)
        self._on_reserved(scope, name, None)
