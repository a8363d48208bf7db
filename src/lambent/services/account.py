"""The account: its limits and what it uses of them."""

from typing import NamedTuple

from lambent.core.concurrency import AccountLimits
from lambent.core.scope import Scope
from lambent.store import functions as table
from lambent.store.concurrency import claimed_concurrency
from lambent.store.database import Database
from lambent.store.functions import AccountUsage


class AccountSettings(NamedTuple):
    """Limits, and use, of one account in one region."""

    limits: AccountLimits
    usage: AccountUsage
    claimed_concurrency: int
    """Concurrent executions that are reserved or provisioned for functions."""

    @property
    def unreserved_concurrency(self) -> int:
        """Concurrent executions that no function has set aside."""
        return self.limits.concurrent_executions - self.claimed_concurrency


class Account:
    """The use case of GetAccountSettings."""

    def __init__(self, *, database: Database, limits: AccountLimits) -> None:
        self._database = database
        self._limits = limits

    async def settings(self, scope: Scope) -> AccountSettings:
        """What the account may use and uses."""
        usage = await self._database.read(table.account_usage, scope)
        return AccountSettings(self._limits, usage, await self._database.read(claimed_concurrency, scope))
