"""Aliases: create, find, change, list, delete.

Checked in AWS's order, committed, then acknowledged, as in `functions`. Each change goes through `Deployments`, because
an alias decides which version an invocation runs.
"""

from lambent.core.aliases import (
    Alias,
    AliasChange,
    alias_exists,
    alias_not_found,
    check_routing,
    routing_of,
)
from lambent.core.function_rules import function_not_found
from lambent.core.scope import Scope
from lambent.ids import IdMaker
from lambent.services.deployments import Deployments
from lambent.store import aliases as table
from lambent.store import functions as functions_table
from lambent.store import removals
from lambent.store.alias_changes import update_alias
from lambent.store.database import Database
from lambent.store.errors import StoreConflict


class Aliases:
    """The use cases of aliases."""

    def __init__(self, *, database: Database, ids: IdMaker, deployments: Deployments) -> None:
        self._database = database
        self._ids = ids
        self._deployments = deployments

    async def create(self, scope: Scope, function_name: str, name: str, wanted: AliasChange) -> Alias:
        """Give a version of a function a name.

        Args:
            wanted: the members of the new alias; it has a version, and no condition.

        Raises:
            InvalidParameterValue: a routing that isn't allowed, or versions that can't share an alias.
            ResourceNotFound: no such function or version.
            ResourceConflict: the name is taken.
        """
        assert wanted.version is not None  # required by the API model
        alias = Alias(
            scope=scope,
            function_name=function_name,
            name=name,
            version=wanted.version,
            description=wanted.description or "",
            revision_id=self._ids.uuid(),
            routing=routing_of(wanted.weights or {}),
        )
        check_routing(alias.version, alias.routing)
        write = self._database.write(table.create_alias, alias)
        try:
            await self._deployments.change(scope, function_name, write)
        except StoreConflict as conflict:
            raise alias_exists(alias) from conflict
        return alias

    async def get(self, scope: Scope, function_name: str, name: str) -> Alias:
        """One alias.

        Raises:
            ResourceNotFound: no such function or alias.
        """
        alias = await self._database.read(table.find_alias, scope, function_name, name)
        if alias is None:
            raise alias_not_found(scope, function_name, name)
        return alias

    async def update(self, scope: Scope, function_name: str, name: str, change: AliasChange) -> Alias:
        """Change an alias; invocations that begin when this returns see it.

        Raises:
            InvalidParameterValue: a routing that isn't allowed, or versions that can't share an alias.
            ResourceNotFound: no such alias or version.
            PreconditionFailed: the alias's revision isn't `change.revision_id`.
            ResourceConflict: the alias has provisioned concurrency, and so has the version.
        """
        routing = routing_of(change.weights or {})
        if change.version is not None:
            check_routing(change.version, routing)
        while True:
            write = self._database.write(update_alias, scope, function_name, name, change, revision_id=self._ids.uuid())
            updated = await self._deployments.change(scope, function_name, write)
            if updated is not None:
                return updated

    async def list_aliases(
        self, scope: Scope, function_name: str, *, version: str | None, after: str | None, limit: int
    ) -> list[Alias]:
        """At most `limit` aliases by name from `after` on, only those that point at `version` if one is given.

        Raises:
            ResourceNotFound: no such function.
        """
        if await self._database.read(functions_table.find_function, scope, function_name) is None:
            raise function_not_found(scope, function_name)
        return await self._database.read(
            table.list_aliases, scope, function_name, version=version, after=after, limit=limit
        )

    async def delete(self, scope: Scope, function_name: str, name: str) -> None:
        """Delete an alias with what belongs to it; that it isn't there is no error."""
        write = self._database.write(removals.delete_alias, scope, function_name, name)
        await self._deployments.change(scope, function_name, write)
