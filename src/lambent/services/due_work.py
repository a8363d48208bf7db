"""What waits in a durable queue is claimed when it is due and seen through, one task for each.

What is claimed together waits its turn here, when there is room for a part of it only: a claim costs as much for one as
for many.

The loop sleeps until something is added, room is made, or the next one becomes due: nothing is polled. A server that
stops gives the unfinished back; one that is killed leaves leases, which end at the next start.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, Protocol, TypeVar

from lambent.clock import Clock
from lambent.store.errors import StoreUnavailable

Claimed = TypeVar("Claimed")

# Leases end when their server starts again, and hardly by time: this is more than an event's greatest age, so that a
# clock that was moved to try retries out (DESIGN 3.11) doesn't double what is under way.
# Whole hours, so that what is under way has few different ones, and many can be ended with one statement.
_LEASE_HOURS = 25
_HOUR_MS = 3_600_000
STORE_BACK_OFF_SECONDS = 1.0
"""How long to wait before the store is asked again that could not be read or written."""

logger = logging.getLogger(__name__)


def lease_until_ms(now_ms: int) -> int:
    """When a lease ends that begins now."""
    return (now_ms // _HOUR_MS + _LEASE_HOURS) * _HOUR_MS


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
        claim_limit: how many are claimed at a time.
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
        claim_limit: int = 64,
    ) -> None:
        self._queue = queue
        self._see_through = see_through
        self._bytes_of = bytes_of
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._max_bytes = max_bytes
        self._name = name
        self._claim_limit = claim_limit
        self._claimed: deque[Claimed] = deque()  # and not started
        self._in_flight: dict[asyncio.Task[None], Claimed] = {}
        self._in_flight_bytes = 0
        self._coming = 0  # what room is kept for
        self._tasks: asyncio.TaskGroup | None = None
        self._is_behind = True  # something may be due that wasn't claimed
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """Look at the queue now: something was added or made room, or the clock was moved."""
        self._is_behind = True
        self._wake.set()

    def keeps_room(self) -> bool:
        """Keep room for one more, unless it would pass by what has waited for longer; then False.

        What room was kept for is to be given to `take`.
        """
        if self._is_behind or self._room() <= 0 or self._tasks is None or self._stopping.is_set():
            return False
        self._coming += 1
        return True

    def take(self, claimed: Claimed | None) -> None:
        """See through what somebody has claimed for this loop; a loop that stops leaves it to the next start.

        Args:
            claimed: None if nothing came of it.
        """
        self._coming -= 1
        if claimed is not None and self._tasks is not None and not self._stopping.is_set():
            self._start(self._tasks, claimed)

    async def run(self) -> None:
        """See through what is due until `stop`; then returns when everything is over or given back."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
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
        await self._release([*unfinished.values(), *self._claimed])
        self._claimed.clear()

    async def _start_due(self, tasks: asyncio.TaskGroup) -> int | None:
        """Start what is due and fits; when to look again (epoch milliseconds), None for not before the next wake-up."""
        while not self._stopping.is_set():
            self._start_claimed(tasks)
            if self._claimed or self._room() <= 0:
                return None  # the task that makes room goes on
            now_ms = self._clock.now_ms()
            due = await self._queue.claim(limit=self._claim_limit, now_ms=now_ms, lease_until_ms=lease_until_ms(now_ms))
            if self._stopping.is_set():  # since we asked
                await self._release(due)
                return None
            self._claimed.extend(due)
            self._start_claimed(tasks)
            all_claimed = len(due) < self._claim_limit
            self._is_behind = self._wake.is_set() or bool(self._claimed) or not all_claimed
            if all_claimed:
                return await self._queue.next_visible_ms()
        return None

    def _start_claimed(self, tasks: asyncio.TaskGroup) -> None:
        while self._claimed and self._room() > 0:
            self._start(tasks, self._claimed.popleft())

    async def _release(self, unfinished: Iterable[Claimed]) -> None:
        try:
            await asyncio.gather(*map(self._queue.release, unfinished))
        except StoreUnavailable:
            logger.exception("What isn't over could not be given back; the next start will find it.")

    def _room(self) -> int:
        if self._in_flight_bytes >= self._max_bytes:
            return 0
        return self._max_in_flight - len(self._in_flight) - self._coming

    def _start(self, tasks: asyncio.TaskGroup, claimed: Claimed) -> None:
        task = tasks.create_task(self._one(claimed), name=self._name)
        self._in_flight[task] = claimed
        self._in_flight_bytes += self._bytes_of(claimed)
        task.add_done_callback(self._ended)

    async def _one(self, claimed: Claimed) -> None:
        await self._see_through(claimed)

    def _ended(self, task: asyncio.Task[None]) -> None:
        was_full = self._room() <= 0
        claimed = self._in_flight.pop(task)
        self._in_flight_bytes -= self._bytes_of(claimed)
        if self._claimed and self._tasks is not None and not self._stopping.is_set():
            self._start_claimed(self._tasks)
        if was_full and not self._claimed:
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
