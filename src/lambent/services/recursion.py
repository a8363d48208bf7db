"""Recursion configurations: what a function wants done when it is in a loop."""

from lambent.core.function_rules import function_not_found
from lambent.core.scope import Scope
from lambent.services.deployments import Deployments
from lambent.store import recursion_configs as table
from lambent.store.database import Database


class Recursion:
    """The use cases of recursion configurations."""

    def __init__(self, *, database: Database, deployments: Deployments) -> None:
        self._database = database
        self._deployments = deployments

    async def put(self, scope: Scope, name: str, recursive_loop: str) -> None:
        """Say what happens to a function's loops: `Allow` or `Terminate`. Raises ResourceNotFound."""
        write = self._database.write(table.put_recursive_loop, scope, name, recursive_loop)
        if not await self._deployments.change(scope, name, write):
            raise function_not_found(scope, name)

    async def get(self, scope: Scope, name: str) -> str:
        """What happens to a function's loops. Raises ResourceNotFound."""
        recursive_loop = await self._database.read(table.find_recursive_loop, scope, name)
        if recursive_loop is None:
            raise function_not_found(scope, name)
        return recursive_loop
