"""Activation: what happens between a version's commit and its being Active.

The answer to CreateFunction says Pending; the code is unpacked behind it, and a second commit says Active. What a
server that died left undone is activated when `run` begins. The second commit replaces the row only where it is still
the one that was requested, so an activation that was overtaken (by a deletion) does nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from lambent.core.function import FunctionConfiguration, FunctionTarget, activated, activation_failed, target_of
from lambent.ids import IdMaker
from lambent.services.deployments import Deployments
from lambent.store import functions as table
from lambent.store.database import Database
from lambent.store.errors import StoreError

logger = logging.getLogger(__name__)

CONCURRENT_ACTIVATIONS = 4
"""Unpacking is disk work; more at once only make each slower."""

_STORE_BACK_OFF_SECONDS = 1.0


class Activation:
    """Makes committed versions ready, in the background.

    Args:
        unpack: makes the code of a digest ready.
        stack: makes the layers of these digests ready, the lowest first.
        compile_code: makes byte code of what was unpacked, of a runtime, a package ("" if there is none) and layers.
        deployments: where each write of a function goes through.
        on_activated: told of each target that can be invoked now, to warm up for it.
    """

    def __init__(
        self,
        *,
        database: Database,
        unpack: Callable[[str], Awaitable[None]],
        stack: Callable[[Sequence[str]], Awaitable[None]],
        compile_code: Callable[[str, str, Sequence[str]], Awaitable[None]],
        ids: IdMaker,
        deployments: Deployments,
        on_activated: Callable[[FunctionTarget], None],
    ) -> None:
        self._database = database
        self._unpack = unpack
        self._stack = stack
        self._compile_code = compile_code
        self._ids = ids
        self._deployments = deployments
        self._on_activated = on_activated
        self._requested: asyncio.Queue[FunctionConfiguration] = asyncio.Queue()
        self._slots = asyncio.Semaphore(CONCURRENT_ACTIVATIONS)

    def request(self, configuration: FunctionConfiguration) -> None:
        """Activate a version that was just committed; returns at once."""
        self._requested.put_nowait(configuration)

    async def run(self) -> None:
        """Activate until cancelled, first what an earlier server left undone."""
        for configuration in await self._database.read(table.unsettled_versions):
            self.request(configuration)
        async with asyncio.TaskGroup() as tasks:
            while True:
                configuration = await self._requested.get()
                name = f"activate {configuration.function_name}:{configuration.version}"
                await self._slots.acquire()
                tasks.create_task(self._activate_in_slot(configuration), name=name)

    async def _activate_in_slot(self, configuration: FunctionConfiguration) -> None:
        try:
            await self._activate(configuration)
        except StoreError:
            # Not the end of the version: the database can be written to again when there is space on the disk again.
            logger.exception("The state of a function version could not be written.", extra=_about(configuration))
            await asyncio.sleep(_STORE_BACK_OFF_SECONDS)
            self.request(configuration)
        finally:
            self._slots.release()

    async def _activate(self, configuration: FunctionConfiguration) -> None:
        """Unpack a version's code and commit that it is Active, or that it failed."""
        revision_id = self._ids.uuid()
        package = "" if configuration.code.folder else configuration.code.sha256
        layers = [layer.sha256 for layer in configuration.settings.layers]
        try:
            if package:
                await self._unpack(package)
            if layers:
                await self._stack(layers)
            await self._compile_code(configuration.settings.runtime, package, layers)
        except Exception:
            logger.exception("The code of a function version could not be made ready.", extra=_about(configuration))
            settled = activation_failed(
                configuration,
                revision_id=revision_id,
                reason="The deployment package could not be unpacked.",
                reason_code="InternalError",
            )
        else:
            settled = activated(configuration, revision_id=revision_id)
        write = self._database.write(table.replace_configuration, settled, seen_revision=configuration.revision_id)
        if not await self._deployments.change(configuration.scope, configuration.function_name, write):
            return
        target = target_of(settled)
        if settled.is_settled and target is not None and target.revision == revision_id:
            self._on_activated(target)


def _about(configuration: FunctionConfiguration) -> dict[str, str]:
    return {"action": "activate", "function": configuration.function_name, "version": configuration.version}
