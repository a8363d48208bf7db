"""The in-memory view of what can be invoked: the hot path's answer to "which target is this?".

Filled function by function, when one is invoked for the first time or has just been changed, and emptied function by
function before a writer changes one. While it is being changed nothing of it is kept, so that who has read the new
configuration never meets the old one by invoking. It never holds what doesn't exist, so that names that nobody created
take no memory, and few of those that nobody has invoked yet.

An alias stands beside the versions of its function: as the very target of its version, or, where it routes a share of
its invocations to another one, as a `Split` of two targets, of which each invocation draws one.

A load that a change overtook isn't kept: its answer was right when the read began, and the next invocation reads again.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from lambent.core.aliases import Alias, Split
from lambent.core.function import LATEST, FunctionConfiguration, FunctionTarget, State, target_of
from lambent.core.function_rules import function_not_found, not_invocable
from lambent.core.recursion import ALLOW_LOOPS
from lambent.core.scope import Scope
from lambent.services.folders import Folders
from lambent.store.aliases import list_aliases
from lambent.store.database import Database
from lambent.store.functions import all_versions
from lambent.store.recursion_configs import find_recursive_loop

_EXPECTED = 256

_Version = FunctionTarget | State
_Qualified = FunctionTarget | State | Split[_Version]


class CatalogueView:
    """Targets by function and qualifier. Used from the event loop's thread only.

    Args:
        draw: a random number, at least 0.0 and below 1.0, for each invocation of an alias that routes.
    """

    def __init__(self, *, database: Database, folders: Folders, draw: Callable[[], float] = random.random) -> None:
        self._database = database
        self._folders = folders
        self._draw = draw
        self._functions: dict[tuple[Scope, str], dict[str, _Qualified]] = {}
        self._expected: dict[tuple[Scope, str], None] = {}  # loaded before anybody asked, the oldest first
        self._changes = 0
        self._changing: Counter[tuple[Scope, str]] = Counter()  # writes that may be on their way, by function

    @property
    def changes(self) -> int:
        """A number that is another one after each change of any function, its versions or its aliases."""
        return self._changes

    @property
    def is_changing(self) -> bool:
        """Whether a change of some function is under way."""
        return bool(self._changing)

    def resolve(self, scope: Scope, name: str, qualifier: str | None) -> FunctionTarget | None:
        """The target of a qualifier (None is `$LATEST`), or None when the function must be loaded first.

        Raises:
            ResourceNotFound: the function is known and has no such version or alias.
            ResourceConflict: the version was never activated.
            InvalidZipFile: its code is a folder that has gone.
        """
        qualified = self._functions.get((scope, name))
        if qualified is None:
            return None
        target = qualified.get(qualifier or LATEST)
        if isinstance(target, FunctionTarget):
            return self._folders.now(target) if target.code_folder else target
        return self._chosen(target, scope, name, qualifier)

    async def load(self, scope: Scope, name: str, qualifier: str | None) -> FunctionTarget:
        """Read the function from the store, keep it, and resolve the qualifier.

        Raises:
            ResourceNotFound: there is no such function, version or alias.
            ResourceConflict: the version was never activated.
            InvalidZipFile: its code is a folder that has gone.
        """
        changes = self._changes
        _, qualified = await self._database.read(_read, scope, name)
        for target in qualified.values():
            if isinstance(target, FunctionTarget) and target.code_folder:
                await self._folders.open(target)
        if qualified and self._is_current((scope, name), changes):
            self._functions[scope, name] = qualified
        return self._chosen(qualified.get(qualifier or LATEST), scope, name, qualifier)

    def memory_mb(self, scope: Scope, name: str) -> int | None:
        """The MemorySize of `$LATEST`; None where nothing is known of the function here."""
        latest = self._functions.get((scope, name), {}).get(LATEST)
        return latest.memory_mb if isinstance(latest, FunctionTarget) else None

    async def expect(self, scope: Scope, name: str) -> Sequence[FunctionConfiguration]:
        """Read a function that has just changed and keep it, so that its next invocation needn't wait for the store.

        Returns:
            its versions, as they are now.
        """
        changes = self._changes
        configurations, qualified = await self._database.read(_read, scope, name)
        in_folder = any(isinstance(target, FunctionTarget) and target.code_folder for target in qualified.values())
        if qualified and self._is_current((scope, name), changes) and not in_folder:
            self._functions[scope, name] = qualified
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

    def _chosen(self, found: _Qualified | None, scope: Scope, name: str, qualifier: str | None) -> FunctionTarget:
        """The target of one invocation; raises as `load`."""
        target = found.choose(self._draw()) if isinstance(found, Split) else found
        if isinstance(target, FunctionTarget):
            return self._folders.now(target) if target.code_folder else target
        if target is None:
            raise function_not_found(scope, name, qualifier or LATEST)
        raise not_invocable(target)

    def _is_current(self, function: tuple[Scope, str], changes: int) -> bool:
        """Whether what was read when there had been so many changes may be kept."""
        return changes == self._changes and function not in self._changing


def _read(connection: Connection, scope: Scope, name: str) -> tuple[list[FunctionConfiguration], dict[str, _Qualified]]:
    """A function's versions, and what each of its qualifiers stands for."""
    configurations = all_versions(connection, scope, name)
    versions: dict[str, _Version] = {
        configuration.version: target_of(configuration) or configuration.state for configuration in configurations
    }
    if find_recursive_loop(connection, scope, name) == ALLOW_LOOPS:
        versions = {number: _allowing_loops(version) for number, version in versions.items()}
    aliases = {alias.name: _stands_for(alias, versions) for alias in list_aliases(connection, scope, name)}
    return configurations, {**versions, **aliases}


def _allowing_loops(version: _Version) -> _Version:
    return replace(version, allows_loops=True) if isinstance(version, FunctionTarget) else version


def _stands_for(alias: Alias, versions: Mapping[str, _Version]) -> _Qualified:
    """What an alias is: versions that it refers to are there, since nobody can delete them."""
    first = versions[alias.version]
    return first if alias.routing is None else Split(first, versions[alias.routing.version], alias.routing.weight)
