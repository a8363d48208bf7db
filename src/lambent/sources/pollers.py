"""The mappings that are enabled, and the poller of each."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from lambent.core.mappings.mapping import EventSourceMapping
from lambent.core.mappings.sources import QUEUES
from lambent.core.scope import Scope
from lambent.sources.queue_poller import QueuePoller, Reading

_RESTART_SECONDS = 1.0

Spawn = Callable[[Coroutine[Any, Any, None]], None]

logger = logging.getLogger(__name__)


class Pollers:
    """Begins, changes and ends pollers.

    Args:
        reading: what pollers of queues share.
        spawn: starts a task that ends with the server.
    """

    def __init__(self, reading: Reading, *, spawn: Spawn) -> None:
        self._reading = reading
        self._spawn = spawn
        self._pollers: dict[tuple[Scope, str], QueuePoller] = {}
        self._ending: set[QueuePoller] = set()
        self._all_over = asyncio.Event()
        self._all_over.set()
        self._is_stopping = False
        self._running = 0

    def follow(self, mapping: EventSourceMapping, *, reads: bool) -> None:
        """Take up a mapping as it is now.

        Args:
            reads: whether its source is to be read; a source of a kind that can't be read isn't, in any case.
        """
        if mapping.source.kind not in QUEUES or self._is_stopping:
            return
        key = (mapping.scope, mapping.uuid)
        if not reads:
            poller = self._pollers.pop(key, None)
            if poller is not None:
                self._ending.add(poller)
                poller.stop_receiving()
        elif key in self._pollers:
            self._pollers[key].follow(mapping)
        else:
            self._pollers[key] = self._begin(mapping)

    def wake(self) -> None:
        """The clock was moved."""
        for poller in self._pollers.values():
            poller.wake()

    def stop_receiving(self) -> None:
        """The server stops: receive nothing more."""
        self._is_stopping = True
        self._ending.update(self._pollers.values())
        self._pollers.clear()
        for poller in self._ending:
            poller.stop()

    async def over(self, *, grace_seconds: float) -> None:
        """Wait until nothing is under way, after `stop_receiving`; what isn't over in time comes again."""
        try:
            async with asyncio.timeout(grace_seconds):
                await self._all_over.wait()
        except TimeoutError:
            logger.warning("Batches of event source mappings were under way when the server stopped; they come again.")

    def _begin(self, mapping: EventSourceMapping) -> QueuePoller:
        # The long poll of one that has just ended, of the same queue, would take messages away from the new one.
        for ending in self._ending:
            if ending.mapping.source == mapping.source and not ending.is_over:
                self._ending.discard(ending)
                ending.follow(mapping)
                return ending
        poller = QueuePoller(mapping, self._reading)
        self._all_over.clear()
        self._running += 1
        self._spawn(self._run(poller))
        return poller

    async def _run(self, poller: QueuePoller) -> None:
        try:
            await poller.run()
        except Exception:
            # One mapping's trouble isn't the server's.
            logger.exception("An event source mapping's poller has failed; it begins again in a second.")
            await asyncio.sleep(_RESTART_SECONDS)
            key = (poller.mapping.scope, poller.mapping.uuid)
            if self._pollers.get(key) is poller and not self._is_stopping:
                self._pollers[key] = self._begin(poller.mapping)
        finally:
            self._ending.discard(poller)
            self._running -= 1
            if not self._running:
                self._all_over.set()
