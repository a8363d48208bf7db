"""What waits in the queue of asynchronous invocations and what became of those that are over, for people.

AWS shows none of this. The history is bounded by age and by number; a sweep a few times a minute keeps it so.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from lambent.clock import Clock
from lambent.core.finished_events import FinishedEvent
from lambent.store.deliveries import WAITING, DeliveryState
from lambent.store.errors import StoreUnavailable
from lambent.store.events import EventState
from lambent.store.queue_administration import QueueAdministration, Remembered, Waiting
from lambent.store.queue_selection import Selection

_SWEEP_SECONDS = 10.0
_HOUR_MS = 3_600_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How much is remembered of events that are over."""

    hours: float
    events: int


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What is being invoked or sent now.

    Attributes:
        events: request ids.
        deliveries: request ids and kinds.
    """

    events: frozenset[str]
    deliveries: frozenset[tuple[str, str]]

    def __or__(self, later: "UnderWay") -> "UnderWay":
        return UnderWay(self.events | later.events, self.deliveries | later.deliveries)


class EventHistory:
    """The use cases of who looks at the queue. Each raises StoreUnavailable when the storage fails.

    Args:
        on_hastened: told that something may have become due.
        under_way: what the store can't tell from what was claimed and still waits, for its function to have room.
        held: while it is entered nothing of a selection is claimed, and what was claimed and hasn't begun is in the
            store.
    """

    def __init__(
        self,
        *,
        administration: QueueAdministration,
        limits: HistoryLimits,
        clock: Clock,
        on_hastened: Callable[[], None],
        under_way: Callable[[], UnderWay],
        held: Callable[[Selection], AbstractAsyncContextManager[None]],
    ) -> None:
        self._administration = administration
        self._limits = limits
        self._clock = clock
        self._on_hastened = on_hastened
        self._under_way = under_way
        self._held = held

    def now_ms(self) -> int:
        """The time that the others' times are of, which may have been moved."""
        return self._clock.now_ms()

    async def waiting(self, selection: Selection, *, limit: int) -> Waiting:
        """What isn't over, the next one first."""
        before = self._under_way()
        found = await self._administration.waiting(selection, limit=limit)
        under_way = before | self._under_way()
        return replace(
            found,
            events=[self._event(event, under_way) for event in found.events],
            deliveries=[self._delivery(delivery, under_way) for delivery in found.deliveries],
        )

    async def find(self, request_id: str) -> Remembered:
        """What is known of one asynchronous invocation."""
        before = self._under_way()
        found = await self._administration.find(request_id)
        under_way = before | self._under_way()
        return replace(
            found,
            waiting=None if found.waiting is None else self._event(found.waiting, under_way),
            deliveries=[self._delivery(delivery, under_way) for delivery in found.deliveries],
        )

    async def finished(self, selection: Selection, *, failed_only: bool, limit: int) -> list[FinishedEvent]:
        """What is over, the latest first."""
        return await self._administration.finished(selection, failed_only=failed_only, limit=limit)

    async def retry(self, selection: Selection) -> tuple[int, int]:
        """Have what waits tried now, its retries counted as ever; how many events and deliveries."""
        hastened = await self._administration.hasten(selection, now_ms=self._clock.now_ms())
        self._on_hastened()
        return hastened

    async def purge(self, selection: Selection) -> tuple[int, int]:
        """Give up what waits, nothing being sent; how many events and deliveries. What runs, runs on."""
        async with self._held(selection):
            return await self._administration.purge(selection, now_ms=self._clock.now_ms())

    async def run(self) -> None:
        """Sweep the history until cancelled."""
        while True:
            try:
                before_ms = self._clock.now_ms() - round(self._limits.hours * _HOUR_MS)
                await self._administration.sweep(before_ms=before_ms, keep=self._limits.events)
            except StoreUnavailable:
                logger.exception("The history of asynchronous invocations could not be swept.")
            await asyncio.sleep(_SWEEP_SECONDS)

    def _event(self, event: EventState, under_way: UnderWay) -> EventState:
        """An event that is under a lease and isn't invoked yet is due."""
        is_so = event.next_attempt_ms is not None or event.request_id in under_way.events
        return event if is_so else replace(event, next_attempt_ms=self._clock.now_ms())

    def _delivery(self, delivery: DeliveryState, under_way: UnderWay) -> DeliveryState:
        """As `_event`."""
        is_leased = delivery.outcome == WAITING and delivery.next_attempt_ms is None
        if not is_leased or (delivery.request_id, delivery.kind) in under_way.deliveries:
            return delivery
        return replace(delivery, next_attempt_ms=self._clock.now_ms())
