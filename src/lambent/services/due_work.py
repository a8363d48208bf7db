"""What waits in the lanes of a durable queue is claimed when it is due and seen through, one task for each.

Who goes next is `core.lanes`' business; here is what costs time: a claim takes some of each lane that has room, in one
transaction, and the loop sleeps until something is added, ends, or becomes due. What is known of the store is when the
first of each lane is due; it was read at the start, and whoever adds something says so.

A server that stops gives the unfinished back; one that is killed leaves leases, which end at the next start.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from lambent.clock import Clock
from lambent.core.lanes import SECOND_MS, Lane, Lanes
from lambent.store.errors import StoreUnavailable
from lambent.store.lanes import Found, Share

Key = TypeVar("Key", bound=Hashable)
Claimed = TypeVar("Claimed")

LEASED_UNTIL_MS = 253_402_300_800_000
"""The end of every lease, the year 10000: they end when their server starts again, and never by time.

A clock that was moved to try retries out (DESIGN 3.11) must not double what is under way; and what has the same lease
is ended with one statement.
"""
_LANES_OF_A_CLAIM = 64
_MOST_OF_A_CLAIM = 256
_MOST_OF_A_LANE = 64
_FEWEST_OF_A_LANE = 4  # that many of a lane cost hardly more than one
_LONGEST_UNTIL_AGED_MS = 60_000
STORE_BACK_OFF_SECONDS = 1.0
"""How long to wait before the store is asked again that could not be read or written."""

logger = logging.getLogger(__name__)


class DueQueue(Protocol[Key, Claimed]):
    """A durable queue; each method raises StoreUnavailable when the storage fails."""

    async def lanes(self) -> list[tuple[Key, int]]:
        """Each lane in which something waits or is under a lease, and when the first is due or its lease ends."""

    async def claim(self, shares: Sequence[Share[Key]], *, now_ms: int, lease_until_ms: int) -> list[Found[Claimed]]:
        """Lease what is due in lanes, those first that have been due for longest; one answer for each share."""

    async def release(self, claimed: Claimed, /) -> None:
        """Give one back as it was, due at once."""


class DueWork(Generic[Key, Claimed]):
    """One loop over one queue. `run` does it, `stop` ends it.

    Args:
        see_through: one claimed thing's task; what it raises ends the loop, and the server.
        bytes_of: how large one is.
        limit_of: how many of a lane may be under way, now.
        max_bytes: as of `core.lanes.Lanes`.
        name: of one of them, in the names of tasks.
        give_up_if_aged: asked of the oldest of a lane that has been full for long: whether it is over without a turn
            (None), or when it will be (epoch milliseconds).
    """

    def __init__(
        self,
        queue: DueQueue[Key, Claimed],
        see_through: Callable[[Claimed], Coroutine[Any, Any, None]],
        *,
        bytes_of: Callable[[Claimed], int],
        limit_of: Callable[[Key], int],
        clock: Clock,
        max_bytes: int,
        name: str,
        give_up_if_aged: Callable[[Claimed], Awaitable[int | None]] | None = None,
    ) -> None:
        self._queue = queue
        self._see_through = see_through
        self._bytes_of = bytes_of
        self._clock = clock
        self._name = name
        self._give_up_if_aged = give_up_if_aged
        self._lanes: Lanes[Key, Claimed] = Lanes(limit_of, max_bytes=max_bytes)
        self._in_flight: dict[asyncio.Task[None], tuple[Lane[Key, Claimed], Claimed]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._changes = 0  # of the store, by hand
        self._known_changes = -1
        self._claiming = asyncio.Lock()  # a claim is on its way; nothing else is taken under it
        self._holds: list[Callable[[Key], bool]] = []
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()

    # --- what others ask and say ---

    def under_way(self) -> Iterable[Claimed]:
        """What has begun and isn't over; what was claimed otherwise waits here."""
        return [claimed for task, (_, claimed) in self._in_flight.items() if task.get_name() == self._name]

    @contextlib.asynccontextmanager
    async def held(self, concerns: Callable[[Key], bool]) -> AsyncIterator[None]:
        """While lanes are changed in the store by hand: what was claimed and hasn't begun is there, nothing is claimed.

        Args:
            concerns: whether this lane is to be changed.

        Raises:
            StoreUnavailable: what was claimed could not be given back.
        """
        self._holds.append(concerns)
        try:
            async with self._claiming:
                await self._give_back([lane for lane in self._lanes if concerns(lane.key)])
            yield
        finally:
            self._holds.remove(concerns)
            self.look_around()

    def expect(self, key: Key, due_ms: int) -> None:
        """Something is in the store that is due then."""
        if due_ms >= LEASED_UNTIL_MS:
            return
        lane = self._lanes.lane(key)
        if lane.expect(due_ms) and not lane.is_claiming:
            self._line_up_at(lane, due_ms)

    def wake(self) -> None:
        """Look at the time: the clock was moved."""
        self._wake.set()

    def look_around(self) -> None:
        """Look at all there is in the store: somebody has changed it by hand."""
        self._changes += 1
        self._wake.set()

    def slow_down(self, key: Key) -> None:
        """One of this lane, which is still under way, was throttled."""
        self._lanes.lane(key).slow_down(self._clock.now_ms())

    def keeps_room(self, key: Key, size: int) -> bool:
        """Keep room for one more, unless it would pass by what has waited for longer in its lane; then False.

        What room was kept for is to be given to `take`.

        Args:
            size: in bytes.
        """
        if self._known_changes < 0 or self._stopping.is_set():
            return False
        lane, now_ms = self._lanes.lane(key), self._clock.now_ms()
        if lane.is_behind(now_ms) or self._lanes.room(lane, now_ms) <= 0 or not self._lanes.memory_for(lane, 1):
            return False
        lane.under_way += 1
        self._lanes.grow(lane, size)
        return True

    def take(self, key: Key, size: int, claimed: Claimed | None) -> None:
        """See through what somebody has claimed for this loop; a loop that stops leaves it to the next start.

        Args:
            size: as it was given to `keeps_room`.
            claimed: None if nothing came of it.
        """
        lane = self._lanes.lane(key)
        lane.under_way -= 1
        if claimed is not None and not self._stopping.is_set():
            self._begin(lane, claimed)
        else:
            self._lanes.grow(lane, -size)
            self._go_on(lane)

    # --- the loop ---

    async def run(self) -> None:
        """See through what is due until `stop`; then returns when everything is over or given back."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    await self._claim_due()
                    look_ms = self._lanes.next_look_ms
                except StoreUnavailable:
                    logger.exception("The queue of asynchronous invocations can't be read; trying again in a second.")
                    look_ms = self._clock.now_ms() + round(STORE_BACK_OFF_SECONDS * 1_000)
                await self._sleep_until(look_ms)

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
        await self._release(claimed for _, claimed in unfinished.values())
        await self._release_claimed()

    async def _claim_due(self) -> None:
        """Claim and begin what is due and has room."""
        if self._known_changes != self._changes:
            changes = self._changes
            for key, due_ms in await self._queue.lanes():
                self.expect(key, due_ms)
            self._known_changes = changes
        while self._known_changes == self._changes:
            async with self._claiming:
                shares = self._shares()
                if not shares:
                    return
                await self._claim(shares)

    def _shares(self) -> list[tuple[Lane[Key, Claimed], int]]:
        """How many to claim of which lanes: all who stand in line get some, as far as one claim goes."""
        now_ms = self._clock.now_ms()
        standing = max(1, self._lanes.standing(now_ms))
        most = min(max(_MOST_OF_A_CLAIM // standing, _FEWEST_OF_A_LANE), _MOST_OF_A_LANE)
        shares: list[tuple[Lane[Key, Claimed], int]] = []
        while len(shares) < _LANES_OF_A_CLAIM and not self._stopping.is_set() and (lane := self._lanes.next()):
            wanted = self._turn(lane, now_ms, most)
            if wanted:
                lane.is_claiming = True
                shares.append((lane, wanted))
        return shares

    def _turn(self, lane: Lane[Key, Claimed], now_ms: int, most: int) -> int:
        """Begin what was claimed, as far as there is room; how many to claim."""
        if any(concerns(lane.key) for concerns in self._holds):
            self._lanes.line_up_at(lane, now_ms + SECOND_MS)
            return 0
        self._begin_claimed(lane, now_ms)
        if lane.claimed or lane.is_due(now_ms):
            room, memory = self._lanes.room(lane, now_ms), self._lanes.memory_for(lane, most)
            if room > 0 and memory:
                return lane.claim_size(room, memory, now_ms)
            self._lanes.line_up_at(lane, now_ms + SECOND_MS)
            if room <= 0 and self._is_aged(lane, now_ms):
                if not lane.claimed:
                    return min(1, memory)  # to be looked at
                lane.aged_ms = now_ms + _LONGEST_UNTIL_AGED_MS
                aged = lane.claimed.popleft()
                self._start(lane, aged, self._give_up_or_keep(lane, aged), name=f"{self._name} that may be too old")
        elif lane.due_ms is not None:
            self._lanes.line_up_at(lane, lane.due_ms)
        else:
            self._lanes.forget(lane)
        return 0

    async def _claim(self, shares: Sequence[tuple[Lane[Key, Claimed], int]]) -> None:
        now_ms = self._clock.now_ms()
        before = [lane.due_ms for lane, _ in shares]
        for lane, _ in shares:
            lane.due_ms = None  # what is expected meanwhile may come too late for this claim
        try:
            found = await self._queue.claim(
                [Share(lane.key, count) for lane, count in shares],
                now_ms=now_ms,
                lease_until_ms=LEASED_UNTIL_MS,
            )
        except BaseException:
            for (lane, _), due_ms in zip(shares, before, strict=True):
                lane.is_claiming = False
                lane.expect(due_ms)
                self._lanes.line_up(lane)
            raise
        for (lane, _), (claimed, next_ms) in zip(shares, found, strict=True):
            lane.is_claiming = False
            lane.expect(next_ms if next_ms != LEASED_UNTIL_MS else None)
            lane.claimed.extend(claimed)
            self._lanes.grow(lane, sum(map(self._bytes_of, claimed)))
            self._lanes.line_up(lane)
        if self._stopping.is_set():  # since we asked
            await self._release_claimed()

    # --- one of them ---

    def _begin_claimed(self, lane: Lane[Key, Claimed], now_ms: int) -> None:
        while lane.claimed and self._lanes.room(lane, now_ms) > 0:
            self._begin(lane, lane.claimed.popleft())

    def _begin(self, lane: Lane[Key, Claimed], claimed: Claimed) -> None:
        lane.begun_ms = self._clock.now_ms()
        self._start(lane, claimed, self._see_through(claimed), name=self._name)

    def _start(self, lane: Lane[Key, Claimed], claimed: Claimed, work: Coroutine[Any, Any, None], *, name: str) -> None:
        assert self._tasks is not None  # `run` has begun
        lane.under_way += 1
        task = self._tasks.create_task(work, name=name)
        self._in_flight[task] = lane, claimed
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        lane, claimed = self._in_flight.pop(task)
        lane.under_way -= 1
        self._lanes.grow(lane, -self._bytes_of(claimed))
        self._go_on(lane)

    def _go_on(self, lane: Lane[Key, Claimed]) -> None:
        """There may be room in a lane."""
        if self._stopping.is_set() or lane.is_claiming:
            return
        now_ms = self._clock.now_ms()
        self._begin_claimed(lane, now_ms)
        if lane.is_behind(now_ms):
            # There is no room for what was claimed already, so there is no hurry.
            self._line_up_at(lane, now_ms + SECOND_MS if lane.claimed else now_ms)
        else:
            self._lanes.forget(lane)

    def _line_up_at(self, lane: Lane[Key, Claimed], at_ms: int) -> None:
        if self._lanes.line_up_at(lane, at_ms):
            self._wake.set()

    def _is_aged(self, lane: Lane[Key, Claimed], now_ms: int) -> bool:
        """Whether the oldest of a full lane may be too old: such lanes as don't get round to it themselves."""
        return self._give_up_if_aged is not None and now_ms >= max(lane.begun_ms + SECOND_MS, lane.aged_ms)

    async def _give_up_or_keep(self, lane: Lane[Key, Claimed], claimed: Claimed) -> None:
        assert self._give_up_if_aged is not None
        aged_ms = await self._give_up_if_aged(claimed)
        now_ms = self._clock.now_ms()
        if aged_ms is None:
            lane.aged_ms = now_ms  # the next one may be as old
        else:
            # Others may have less time than the oldest one has.
            lane.aged_ms = min(max(aged_ms, now_ms + SECOND_MS), now_ms + _LONGEST_UNTIL_AGED_MS)
            self._lanes.grow(lane, self._bytes_of(claimed))
            lane.claimed.appendleft(claimed)

    async def _give_back(self, lanes: Sequence[Lane[Key, Claimed]]) -> None:
        """Release what was claimed and hasn't begun. What can't be released stays, and StoreUnavailable is raised."""
        waiting = [(lane.key, one) for lane in lanes for one in lane.claimed]
        for lane in lanes:
            self._lanes.grow(lane, -sum(map(self._bytes_of, lane.claimed)))
            lane.claimed.clear()
        released = await asyncio.gather(*(self._queue.release(one) for _, one in waiting), return_exceptions=True)
        kept = [(key, one, error) for (key, one), error in zip(waiting, released, strict=True) if error is not None]
        for key, one, _ in kept:
            lane = self._lanes.lane(key)
            lane.claimed.append(one)
            self._lanes.grow(lane, self._bytes_of(one))
            self._lanes.line_up(lane)
        if kept:
            raise kept[0][2]

    async def _release_claimed(self) -> None:
        claimed = [one for lane in self._lanes for one in lane.claimed]
        for lane in self._lanes:
            lane.claimed.clear()
        await self._release(claimed)

    async def _release(self, unfinished: Iterable[Claimed]) -> None:
        try:
            await asyncio.gather(*map(self._queue.release, unfinished))
        except StoreUnavailable:
            logger.exception("What isn't over could not be given back; the next start will find it.")

    async def _sleep_until(self, at_ms: int | None) -> None:
        if at_ms is None:
            await self._wake.wait()
            return
        try:
            async with asyncio.timeout(max(0, at_ms - self._clock.now_ms()) / 1_000):
                await self._wake.wait()
        except TimeoutError:
            pass
