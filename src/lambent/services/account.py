"""The account: its limits and what it uses of them."""

from typing import NamedTuple

from lambent.core.concurrency import AccountLimits
from lambent.core.scope import Scope
from lambent.store import functions as table
from lambent.store.database import Database
from lambent.store.functions import AccountUsage


class AccountSettings(NamedTuple):
    """Limits, and use, of one account in one region."""

    limits: AccountLimits
    usage: AccountUsage

    @property
    def unreserved_concurrency(self) -> int:
        """Concurrent executions that no function has reserved."""
        return self.limits.concurrent_executions - self.usage.reserved_concurrency


class Account:
    """The use case of GetAccountSettings."""

    def __init__(self, *, database: Database, limits: AccountLimits) -> None:
        self._database = database
        self._limits = limits

    async def settings(self, scope: Scope) -> AccountSettings:
        """What the account may use and uses."""
        return AccountSettings(self._limits, await self._database.read(table.account_usage, scope))
