"""Changes of functions: what the data plane forgets before one is written, and what ends after it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from lambent.core.function import FunctionTarget, target_of
from lambent.core.scope import Scope
from lambent.services.catalogue_view import CatalogueView
from lambent.services.folders import Folders
from lambent.store.errors import StoreError

logger = logging.getLogger(__name__)


T = TypeVar("T")


class Retires(Protocol):
    """The fleet, as a change sees it."""

    def retire(self, scope: Scope, name: str, *, keep: Sequence[FunctionTarget]) -> None:
        """End the environments of a function that are none of these targets'."""


class Deployments:
    """Every write that changes what an invocation of a function means goes through here."""

    def __init__(
        self,
        *,
        view: CatalogueView,
        folders: Folders,
        fleet: Retires,
        on_changed: Callable[[Scope, str], None] = lambda _scope, _name: None,
    ) -> None:
        """Args: on_changed: told of each function that has changed."""
        self._on_changed = on_changed
        self._folders = folders
        self._view = view
        self._fleet = fleet
        self._tasks: set[asyncio.Task[Any]] = set()

    async def change(self, scope: Scope, name: str, write: Coroutine[Any, Any, T]) -> T:
        """Carry out a write of one function, its versions or its aliases.

        Who reads the new state from the store and invokes then has the new state run, even before this returns. The
        write is finished, and what follows from it done, even if the caller is cancelled.

        Returns:
            what the write returns; raises what it raises.
        """
        self._view.begin_change(scope, name)
        task = asyncio.get_running_loop().create_task(write, name=f"change {name}")
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._written(done, scope, name))
        return await asyncio.shield(task)

    def _written(self, task: asyncio.Task[Any], scope: Scope, name: str) -> None:
        self._tasks.discard(task)
        self._view.end_change(scope, name)
        if not task.cancelled() and task.exception() is None:
            self.changed(scope, name)

    def changed(self, scope: Scope, name: str) -> None:
        """Of a change that was no write: invocations see it now; environments of what isn't deployed end behind it."""
        self._view.invalidate(scope, name)
        self._on_changed(scope, name)
        task = asyncio.get_running_loop().create_task(self._retire(scope, name), name=f"retire {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _retire(self, scope: Scope, name: str) -> None:
        try:
            configurations = await self._view.expect(scope, name)
        except StoreError:
            # They end when idle for long enough; no new invocation goes there.
            logger.exception("The environments of a changed function could not be retired.", extra={"function": name})
            return
        targets = [target for target in map(target_of, configurations) if target is not None]
        self._fleet.retire(scope, name, keep=[self._folders.last_seen(target) for target in targets])
        self._folders.close_unused(scope, name, {target.code_folder for target in targets})
