"""What follows when a function changes: the data plane forgets what it knew and ends what must not run any more."""

import asyncio
import logging

from lambent.core.function import target_of
from lambent.core.scope import Scope
from lambent.environments.fleet import Fleet
from lambent.services.catalogue_view import CatalogueView
from lambent.services.folders import Folders
from lambent.store.errors import StoreError

logger = logging.getLogger(__name__)


class Deployments:
    """Told of every change of a function, right after its commit."""

    def __init__(self, *, view: CatalogueView, folders: Folders, fleet: Fleet) -> None:
        self._folders = folders
        self._view = view
        self._fleet = fleet
        self._tasks: set[asyncio.Task[None]] = set()

    def changed(self, scope: Scope, name: str) -> None:
        """From now on invocations see the change; environments of what is no longer deployed end behind it."""
        self._view.invalidate(scope, name)
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
