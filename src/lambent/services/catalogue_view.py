"""The in-memory view of what can be invoked: the hot path's answer to "which target is this?".

Filled function by function, when one is invoked for the first time or has just been changed, and emptied function by
function before a writer changes one. While it is being changed nothing of it is kept, so that who has read the new
configuration never meets the old one by invoking. It never holds what doesn't exist, so that names that nobody created
take no memory, and few of those that nobody has invoked yet.

A load that a change overtook isn't kept: its answer was right when the read began, and the next invocation reads again.
"""

from collections import Counter
from collections.abc import Sequence

from lambent.core.function import LATEST, FunctionConfiguration, FunctionTarget, State, target_of
from lambent.core.function_rules import function_not_found, not_invocable
from lambent.core.scope import Scope
from lambent.services.folders import Folders
from lambent.store import functions as table
from lambent.store.database import Database

_EXPECTED = 256


class CatalogueView:
    """Targets by function and qualifier. Used from the event loop's thread only."""

    def __init__(self, *, database: Database, folders: Folders) -> None:
        self._database = database
        self._folders = folders
        self._functions: dict[tuple[Scope, str], dict[str, FunctionTarget | State]] = {}
        self._expected: dict[tuple[Scope, str], None] = {}  # loaded before anybody asked, the oldest first
        self._changes = 0
        self._changing: Counter[tuple[Scope, str]] = Counter()  # writes that may be on their way, by function

    def resolve(self, scope: Scope, name: str, qualifier: str | None) -> FunctionTarget | None:
        """The target of a qualifier (None is `$LATEST`), or None when the function must be loaded first.

        Raises:
            ResourceNotFound: the function is known and has no such version.
            ResourceConflict: the version was never activated.
            InvalidZipFile: its code is a folder that has gone.
        """
        versions = self._functions.get((scope, name))
        if versions is None:
            return None
        target = versions.get(qualifier or LATEST)
        if isinstance(target, FunctionTarget):
            return self._folders.now(target) if target.code_folder else target
        if target is None:
            raise function_not_found(scope, name, qualifier or LATEST)
        raise not_invocable(target)

    async def load(self, scope: Scope, name: str, qualifier: str | None) -> FunctionTarget:
        """Read the function from the store, keep it, and resolve the qualifier.

        Raises:
            ResourceNotFound: there is no such function or version.
            ResourceConflict: the version was never activated.
            InvalidZipFile: its code is a folder that has gone.
        """
        changes = self._changes
        configurations = await self._database.read(table.all_versions, scope, name)
        versions = {configuration.version: _invocable(configuration) for configuration in configurations}
        for target in versions.values():
            if isinstance(target, FunctionTarget) and target.code_folder:
                await self._folders.open(target)
        if versions and self._is_current((scope, name), changes):
            self._functions[scope, name] = versions
        wanted = versions.get(qualifier or LATEST)
        if isinstance(wanted, FunctionTarget):
            return self._folders.now(wanted) if wanted.code_folder else wanted
        if wanted is None:
            raise function_not_found(scope, name, qualifier or LATEST)
        raise not_invocable(wanted)

    async def expect(self, scope: Scope, name: str) -> Sequence[FunctionConfiguration]:
        """Read a function that has just changed and keep it, so that its next invocation needn't wait for the store.

        Returns:
            its versions, as they are now.
        """
        changes = self._changes
        configurations = await self._database.read(table.all_versions, scope, name)
        versions = {configuration.version: _invocable(configuration) for configuration in configurations}
        in_folder = any(isinstance(target, FunctionTarget) and target.code_folder for target in versions.values())
        if versions and self._is_current((scope, name), changes) and not in_folder:
            self._functions[scope, name] = versions
            self._expected[scope, name] = None
            if len(self._expected) > _EXPECTED:
                oldest = next(iter(self._expected))
                del self._expected[oldest]
                self._functions.pop(oldest, None)
        return configurations

    def begin_change(self, scope: Scope, name: str) -> None:
        """A function is about to be changed or deleted: until `end_change`, each of its invocations reads the store."""
        self._changing[scope, name] += 1
        self.invalidate(scope, name)

    def end_change(self, scope: Scope, name: str) -> None:
        """The write that `begin_change` announced has been made, or has failed."""
        self._changing[scope, name] -= 1
        if not self._changing[scope, name]:
            del self._changing[scope, name]
        self.invalidate(scope, name)

    def invalidate(self, scope: Scope, name: str) -> None:
        """Forget a function."""
        self._changes += 1
        self._functions.pop((scope, name), None)
        self._expected.pop((scope, name), None)

    def _is_current(self, function: tuple[Scope, str], changes: int) -> bool:
        """Whether what was read when there had been so many changes may be kept."""
        return changes == self._changes and function not in self._changing


def _invocable(configuration: FunctionConfiguration) -> FunctionTarget | State:
    return target_of(configuration) or configuration.state
