"""Provisioned concurrency configs: put, get, list, delete. `provisioning` carries them out."""

from lambent.clock import Clock
from lambent.core.concurrency import AccountLimits
from lambent.core.provisioned import Allocation, ProvisionedConfig, no_such_config
from lambent.core.scope import Scope
from lambent.services.deployments import Deployments
from lambent.services.provisioning import Provisioning
from lambent.store import concurrency as table
from lambent.store.database import Database


class ProvisionedConcurrency:
    """The use cases of provisioned concurrency configs."""

    def __init__(
        self,
        *,
        database: Database,
        deployments: Deployments,
        provisioning: Provisioning,
        limits: AccountLimits,
        clock: Clock,
    ) -> None:
        self._database = database
        self._deployments = deployments
        self._provisioning = provisioning
        self._limits = limits
        self._clock = clock

    async def put(self, scope: Scope, name: str, qualifier: str, requested: int) -> ProvisionedConfig:
        """Have environments of a version or an alias initialised ahead; they aren't yet when this returns.

        Raises:
            ResourceNotFound: no such version or alias.
            InvalidParameterValue: an alias with weights, or more than function or account can have.
            ResourceConflict: the version is provisioned already.
        """
        config = ProvisionedConfig(scope, name, qualifier, requested, self._clock.now_ms())
        await self._deployments.change(scope, name, self._put(config))
        return config

    async def _put(self, config: ProvisionedConfig) -> None:
        await self._database.write(table.put_provisioned, config, limits=self._limits)
        self._provisioning.follow(config.scope, config.function_name)

    async def get(self, scope: Scope, name: str, qualifier: str) -> tuple[ProvisionedConfig, Allocation]:
        """A config and how far it has been carried out.

        Raises:
            ResourceNotFound: no such version or alias.
            ProvisionedConcurrencyConfigNotFound: it has none.
        """
        config = await self._database.read(table.find_provisioned, scope, name, qualifier)
        if config is None:
            raise no_such_config()
        return config, await self._provisioning.allocation(config)

    async def list_configs(
        self, scope: Scope, name: str, *, after: str | None, limit: int
    ) -> list[tuple[ProvisionedConfig, Allocation]]:
        """At most `limit` configs of a function, by qualifier from `after` on. Raises ResourceNotFound."""
        configs = await self._database.read(table.list_provisioned, scope, name, after=after, limit=limit)
        return [(config, await self._provisioning.allocation(config)) for config in configs]

    async def delete(self, scope: Scope, name: str, qualifier: str) -> None:
        """Delete a config, if there is one; its environments end when they are idle.

        Raises:
            ResourceNotFound: no such version or alias.
        """
        write = self._database.write(table.remove_provisioned, scope, name, qualifier)
        await self._deployments.change(scope, name, write)
