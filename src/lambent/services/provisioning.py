"""Provisioned concurrency carried out: after each change of a function, admission and fleet hear what it asks for.

What is provisioned follows from the function's configs, its aliases and its versions, so it is worked out anew after
each of their changes, and at the start for everything that there is. One reader at a time for each function; a change
that comes meanwhile has it read again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lambent.core.function import LATEST, FunctionTarget, target_of
from lambent.core.provisioned import Allocation, Demand, ProvisionedConfig, combined, shares
from lambent.core.scope import Scope
from lambent.store import concurrency as table
from lambent.store.concurrency import ProvisionedFunction
from lambent.store.database import Database
from lambent.store.errors import StoreError

logger = logging.getLogger(__name__)

OnProvisioned = Callable[[Scope, str, Mapping[str, int]], None]
"""(scope, function name, environments by version): what is provisioned for a function has changed."""

_STORE_BACK_OFF_SECONDS = 1.0


class ProvisionsEnvironments(Protocol):
    """The fleet, as provisioning sees it."""

    def provision(self, scope: Scope, function_name: str, demands: Sequence[tuple[FunctionTarget, Demand]]) -> None:
        """Have so many environments of each of these targets initialised ahead, and of no other of the function's."""

    def allocation(self, target: FunctionTarget) -> Allocation:
        """What there is of them."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was asked of the fleet for one function.

    Attributes:
        targets: by version, those that can be invoked.
        shares: by config's qualifier, the environments by version.
    """

    targets: Mapping[str, FunctionTarget]
    shares: Mapping[tuple[str, int], Mapping[str, int]]


class Provisioning:
    """Keeps admission and fleet at what is configured. Used from the event loop's thread only."""

    def __init__(
        self, *, database: Database, environments: ProvisionsEnvironments, on_provisioned: OnProvisioned
    ) -> None:
        self._database = database
        self._environments = environments
        self._on_provisioned = on_provisioned
        self._known: set[tuple[Scope, str]] = set()  # functions that have, or had, configs
        self._plans: dict[tuple[Scope, str], _Plan] = {}
        self._changed: set[tuple[Scope, str]] = set()
        self._tasks: dict[tuple[Scope, str], asyncio.Task[None]] = {}

    async def restore(self) -> None:
        """Provision everything that is configured; belongs to the start, before the first invocation."""
        for scope, name in await self._database.read(table.provisioned_functions):
            self.follow(scope, name)
        await asyncio.gather(*self._tasks.values())

    def follow(self, scope: Scope, name: str) -> None:
        """A function has got a config: its changes matter from now on."""
        self._known.add((scope, name))
        self.changed(scope, name)

    def changed(self, scope: Scope, name: str) -> None:
        """A function, its versions, its aliases or its configs have changed."""
        key = (scope, name)
        if key not in self._known:
            return
        self._changed.add(key)
        if key not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._follow(scope, name), name=f"provision {name}")
            self._tasks[key] = task

    async def allocation(self, config: ProvisionedConfig) -> Allocation:
        """How far a config has been carried out, as of the last change of its function."""
        key = (config.scope, config.function_name)
        task = self._tasks.get(key)
        if task is not None:
            await asyncio.shield(task)
        plan = self._plans.get(key)
        wanted = None if plan is None else plan.shares.get((config.qualifier, config.last_modified_ms))
        if plan is None or wanted is None:
            return Allocation()
        found = {version: self._environments.allocation(target) for version, target in plan.targets.items()}
        return combined(found, wanted)

    async def _follow(self, scope: Scope, name: str) -> None:
        key = (scope, name)
        try:
            while key in self._changed:
                self._changed.discard(key)
                try:
                    self._carry_out(scope, name, await self._database.read(table.provisioned_function, scope, name))
                except StoreError:
                    logger.exception("What is provisioned could not be read.", extra={"function": name})
                    self._changed.add(key)
                    await asyncio.sleep(_STORE_BACK_OFF_SECONDS)
        finally:
            del self._tasks[key]

    def _carry_out(self, scope: Scope, name: str, found: ProvisionedFunction) -> None:
        aliases = {alias.name: alias for alias in found.aliases}
        by_config = {
            (config.qualifier, config.last_modified_ms): shares(
                config.requested, aliases.get(config.qualifier), config.qualifier
            )
            for config in found.configs
        }
        targets = {
            configuration.version: target
            for configuration in found.versions
            if configuration.version != LATEST and (target := target_of(configuration)) is not None
        }
        demands: dict[str, Demand] = {}
        for (_, asked), wanted in by_config.items():
            for version, count in wanted.items():
                if version == LATEST:  # its alias was pointed there since: nothing can be provisioned for that
                    continue
                before = demands.get(version, Demand())
                demands[version] = Demand(before.environments + count, max(before.asked, asked))
        self._plans[scope, name] = _Plan(targets, by_config)
        self._on_provisioned(scope, name, {version: demand.environments for version, demand in demands.items()})
        self._environments.provision(
            scope,
            name,
            [(targets[version], demand) for version, demand in demands.items() if version in targets],
        )
        if not found.configs:
            del self._plans[scope, name]
