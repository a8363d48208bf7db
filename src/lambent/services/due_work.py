"""What waits in a durable queue is claimed when it is due and seen through, one task for each.

The loop sleeps until something is added, room is made, or the next one becomes due: nothing is polled. A server that
stops gives the unfinished back; one that is killed leaves leases, which end at the next start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, Protocol, TypeVar

from lambent.clock import Clock
from lambent.store.errors import StoreUnavailable

Claimed = TypeVar("Claimed")

_CLAIM_LIMIT = 64
# Leases end when their server starts again, and hardly by time: this is more than an event's greatest age, so that a
# clock that was moved to try retries out (DESIGN 3.11) doesn't double what is under way.
_LEASE_MS = 24 * 3_600_000
STORE_BACK_OFF_SECONDS = 1.0
"""How long to wait before the store is asked again that could not be read or written."""

logger = logging.getLogger(__name__)


class DueQueue(Protocol[Claimed]):
    """A durable queue; each method raises StoreUnavailable when the storage fails."""

    async def claim(self, *, limit: int, now_ms: int, lease_until_ms: int) -> list[Claimed]:
        """Lease what is due, those first that have been due for longest."""

    async def release(self, claimed: Claimed, /) -> None:
        """Give one back as it was, due at once."""

    async def next_visible_ms(self) -> int | None:
        """When the next one becomes due, or a lease ends (in the past: it is due now); None: there is none."""


class DueWork(Generic[Claimed]):
    """One loop over one queue. `run` does it, `stop` ends it.

    Args:
        see_through: one claimed thing's task; what it raises ends the loop, and the server.
        bytes_of: how large one is.
        max_in_flight, max_bytes: how many may be under way, and how large they may be all together.
        name: of one of them, in the names of tasks.
    """

    def __init__(
        self,
        queue: DueQueue[Claimed],
        see_through: Callable[[Claimed], Awaitable[None]],
        *,
        bytes_of: Callable[[Claimed], int],
        clock: Clock,
        max_in_flight: int,
        max_bytes: int,
        name: str,
    ) -> None:
        self._queue = queue
        self._see_through = see_through
        self._bytes_of = bytes_of
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._max_bytes = max_bytes
        self._name = name
        self._in_flight: dict[asyncio.Task[None], Claimed] = {}
        self._in_flight_bytes = 0
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """Look at the queue now: something was added or made room, or the clock was moved."""
        self._wake.set()

    async def run(self) -> None:
        """See through what is due until `stop`; then returns when everything is over or given back."""
        async with asyncio.TaskGroup() as tasks:
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    next_visible_ms = await self._start_due(tasks)
                except StoreUnavailable:
                    logger.exception("The queue of asynchronous invocations can't be read; trying again in a second.")
                    next_visible_ms = self._clock.now_ms() + round(STORE_BACK_OFF_SECONDS * 1_000)
                await self._sleep_until(next_visible_ms)

    async def stop(self, *, grace_seconds: float) -> None:
        """Claim nothing more, wait for what is under way, and give back what isn't over after the grace period.

        `run` returns soon after; only then may the queue be closed.
        """
        self._stopping.set()
        self.wake()
        if self._in_flight:
            await asyncio.wait(list(self._in_flight), timeout=grace_seconds)
        unfinished = dict(self._in_flight)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)
        await self._release(unfinished.values())

    async def _start_due(self, tasks: asyncio.TaskGroup) -> int | None:
        """Start what is due and fits; when to look again (epoch milliseconds), None for not before the next wake-up."""
        while not self._stopping.is_set():
            room = self._room()
            if room == 0:
                return None  # the task that makes room wakes us
            now_ms = self._clock.now_ms()
            limit = min(room, _CLAIM_LIMIT)
            due = await self._queue.claim(limit=limit, now_ms=now_ms, lease_until_ms=now_ms + _LEASE_MS)
            if self._stopping.is_set():  # since we asked
                await self._release(due)
                return None
            for claimed in due:
                self._start(tasks, claimed)
            if len(due) < limit:
                return await self._queue.next_visible_ms()
        return None

    async def _release(self, unfinished: Iterable[Claimed]) -> None:
        try:
            await asyncio.gather(*map(self._queue.release, unfinished))
        except StoreUnavailable:
            logger.exception("What isn't over could not be given back; the next start will find it.")

    def _room(self) -> int:
        if self._in_flight_bytes >= self._max_bytes:
            return 0
        return self._max_in_flight - len(self._in_flight)

    def _start(self, tasks: asyncio.TaskGroup, claimed: Claimed) -> None:
        task = tasks.create_task(self._one(claimed), name=self._name)
        self._in_flight[task] = claimed
        self._in_flight_bytes += self._bytes_of(claimed)
        task.add_done_callback(self._ended)

    async def _one(self, claimed: Claimed) -> None:
        await self._see_through(claimed)

    def _ended(self, task: asyncio.Task[None]) -> None:
        was_full = self._room() == 0
        claimed = self._in_flight.pop(task)
        self._in_flight_bytes -= self._bytes_of(claimed)
        if was_full:
            self.wake()

    async def _sleep_until(self, at_ms: int | None) -> None:
        if at_ms is None:
            await self._wake.wait()
            return
        try:
            async with asyncio.timeout(max(0, at_ms - self._clock.now_ms()) / 1_000):
                await self._wake.wait()
        except TimeoutError:
            pass
