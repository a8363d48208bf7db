"""Asynchronous invocations: accepted when on disk, then invoked, and tried again by AWS's rules until they are over.

Each event that is due is invoked; then `core.retry` says what follows by the function's event invoke configuration, as
it is at that moment. When an event is over, what is to be sent because of it (`core.deliveries`) and its history are
written in the transaction that takes it out of the queue; `services.deliveries` does the sending.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

from lambent.clock import Clock
from lambent.core.arn import function_arn
from lambent.core.deliveries import Delivery, EventTerms, deliveries_of
from lambent.core.errors import TooManyRequests
from lambent.core.event_records import EventEnd
from lambent.core.finished_events import FinishedEvent
from lambent.core.function import LATEST
from lambent.core.retry import Condition, EventOutcome, Finished, TryAgain, after_attempt, is_too_old, too_old_after_ms
from lambent.observe.event_metrics import EventMetrics
from lambent.services.due_work import LEASED_UNTIL_MS, STORE_BACK_OFF_SECONDS, DueWork
from lambent.services.event_invoker import Attempt
from lambent.services.invoke import InvokeRequest
from lambent.store.errors import StoreOverloaded, StoreUnavailable
from lambent.store.event_queue import EventQueue
from lambent.store.events import ClaimedEvent, Ending, Event, Function
from lambent.store.queue_selection import Selection

_MAX_BYTES = 128 * 1024 * 1024

logger = logging.getLogger(__name__)


InvokeEvent = Callable[[Event], Awaitable[Attempt]]
TermsOf = Callable[[Event], Awaitable[EventTerms]]

# What couldn't run: neither could another event of its function, for the moment.
_AS_WOULD_THE_NEXT = frozenset({EventOutcome.THROTTLED, EventOutcome.SYSTEM_ERROR})

_NEVER_RAN = {
    Condition.EVENT_AGE_EXCEEDED: "The event's next attempt would have started after its maximum age.",
    Condition.ZERO_RESERVED_CONCURRENCY: "The function's reserved concurrency is 0.",
}


class EventService:
    """Accepts events and sees each of them through."""

    def __init__(
        self,
        *,
        queue: EventQueue,
        invoke_event: InvokeEvent,
        clock: Clock,
        terms_of: TermsOf,
        metrics: EventMetrics,
        on_deliveries: Callable[[Sequence[Delivery]], None] = lambda _: None,
        limit_of: Callable[[Function], int] = lambda _: 1_000,
    ) -> None:
        """Nothing runs before `run`.

        Args:
            invoke_event: runs one event to its end; what it raises counts as a system error.
            terms_of: how often and how long an event is tried, and what is sent when it is over, as its function wants
                it now.
            on_deliveries: told what is to be sent, which is on disk.
            limit_of: how many events of one function may be invoked at the same time, now.
        """
        self._queue = queue
        self._invoke_event = invoke_event
        self._clock = clock
        self._terms_of = terms_of
        self._metrics = metrics
        self._on_deliveries = on_deliveries
        self._work: DueWork[Function, ClaimedEvent] = DueWork(
            queue,
            self._see_through,
            bytes_of=lambda claimed: len(claimed.event.payload),
            limit_of=limit_of,
            clock=clock,
            max_bytes=_MAX_BYTES,
            name="event",
            give_up_if_aged=self._give_up_if_aged,
        )
        self.wake = self._work.wake
        self.look_around = self._work.look_around
        self.run = self._work.run
        self.stop = self._work.stop

    def held(self, selection: Selection) -> AbstractAsyncContextManager[None]:
        """While these events are changed in the store by hand. Raises as `DueWork.held`."""
        return self._work.held(lambda function: selection.may_have_of(*function))

    def under_way(self) -> frozenset[str]:
        """The request ids of the events that are being invoked."""
        return frozenset(claimed.event.request_id for claimed in self._work.under_way())

    async def accept(self, request: InvokeRequest) -> None:
        """Take an event on; when this returns it is on disk and will be invoked, whatever happens to this process.

        Raises:
            TooManyRequests: the disk can't keep up.
            StoreUnavailable: it could not be written (no space left, for instance), and was not accepted.
        """
        event = Event(
            scope=request.scope,
            function_name=request.function_name,
            qualifier=request.qualifier,
            request_id=request.request_id,
            payload=request.payload,
            accepted_ms=self._clock.now_ms(),
            trace_id=request.trace_id,
            client_context=request.client_context,
            tenant_id=request.tenant_id,
        )
        try:
            size = len(event.payload)
            if self._work.keeps_room(event.function, size):
                # Under a lease, to go on with it instead of looking for it in the queue.
                take = partial(self._work.take, event.function, size)
                await self._queue.enqueue_claimed(event, lease_until_ms=LEASED_UNTIL_MS, on_written=take)
            else:
                await self._queue.enqueue(event)
                self._work.expect(event.function, event.accepted_ms)
        except StoreOverloaded as error:
            raise TooManyRequests(reason="CallerRateLimitExceeded") from error
        self._metrics.of(event.scope, event.function_name).received += 1

    def accepted(self, event: Event) -> None:
        """An event is on disk that somebody else has written."""
        self._metrics.of(event.scope, event.function_name).received += 1
        self._work.expect(event.function, event.accepted_ms)

    async def _see_through(self, claimed: ClaimedEvent) -> None:
        """One attempt, and what follows from it."""
        event, progress = claimed.event, claimed.progress
        terms = await self._terms(event)
        started_ms = self._clock.now_ms()
        if is_too_old(progress, terms.retry, now_ms=started_ms):
            await self._give_up_aged(claimed, terms)
            return
        attempt = await self._attempt(event)
        if attempt.outcome in _AS_WOULD_THE_NEXT:
            self._work.slow_down(event.function)
        terms = await self._terms(event)
        following = after_attempt(attempt.outcome, progress, terms.retry, now_ms=self._clock.now_ms())
        if attempt.response is not None:
            self._metrics.of(event.scope, event.function_name).ran(started_ms - event.accepted_ms)
        await self._settle(claimed, attempt, following, terms)

    async def _give_up_if_aged(self, claimed: ClaimedEvent) -> int | None:
        """End an event that is too old, though it isn't its turn; when it will be if it isn't."""
        terms = await self._terms(claimed.event)
        aged_ms = too_old_after_ms(claimed.progress, terms.retry)
        if self._clock.now_ms() <= aged_ms:
            return aged_ms
        await self._give_up_aged(claimed, terms)
        return None

    async def _give_up_aged(self, claimed: ClaimedEvent, terms: EventTerms) -> None:
        attempt = Attempt(EventOutcome.THROTTLED, failure=claimed.failure)
        await self._settle(claimed, attempt, Finished(Condition.EVENT_AGE_EXCEEDED, claimed.progress), terms)

    async def _settle(
        self, claimed: ClaimedEvent, attempt: Attempt, following: TryAgain | Finished, terms: EventTerms
    ) -> None:
        while True:
            try:
                await self._write(claimed, attempt, following, terms)
                return
            except StoreUnavailable:
                logger.exception("An event's end could not be written.", extra={"request_id": claimed.event.request_id})
                await asyncio.sleep(STORE_BACK_OFF_SECONDS)

    async def _write(
        self, claimed: ClaimedEvent, attempt: Attempt, following: TryAgain | Finished, terms: EventTerms
    ) -> None:
        match following:
            case TryAgain(at_ms, progress):
                await self._queue.reschedule(
                    claimed,
                    visible_after_ms=at_ms,
                    progress=progress,
                    failure=attempt.failure,
                    last_response=attempt.response or claimed.last_response,
                )
                self._work.expect(claimed.event.function, at_ms)
            case Finished():
                ending = _ending(claimed, attempt, following, terms, now_ms=self._clock.now_ms())
                if await self._queue.finish(ending):
                    self._report(claimed.event, ending.finished)
                    self._on_deliveries(ending.deliveries)

    async def _terms(self, event: Event) -> EventTerms:
        while True:
            try:
                return await self._terms_of(event)
            except StoreUnavailable:
                logger.exception("How an event is retried can't be read.", extra={"request_id": event.request_id})
                await asyncio.sleep(STORE_BACK_OFF_SECONDS)

    async def _attempt(self, event: Event) -> Attempt:
        try:
            return await self._invoke_event(event)
        except Exception as error:
            logger.exception("An event could not be invoked.", extra={"request_id": event.request_id})
            return Attempt(EventOutcome.SYSTEM_ERROR, failure=f"ServiceException: {error!r}")

    def _report(self, event: Event, finished: FinishedEvent) -> None:
        if finished.condition != Condition.SUCCESS.value:
            self._metrics.of(event.scope, event.function_name).dropped += 1
            logger.warning(
                "An event was given up.",
                extra={
                    "action": "event",
                    "request_id": event.request_id,
                    "function": event.function_name,
                    "condition": finished.condition,
                    "attempts": finished.attempts,
                },
            )


def _ending(claimed: ClaimedEvent, attempt: Attempt, over: Finished, terms: EventTerms, *, now_ms: int) -> Ending:
    """What is written of an event that is over."""
    event = claimed.event
    response = attempt.response or claimed.last_response
    succeeded = over.condition is Condition.SUCCESS
    # `progress` counts what failed.
    attempts = over.progress.attempts + 1 if succeeded else over.progress.attempts
    end = EventEnd(
        event.request_id,
        function_arn(event.scope, event.function_name, event.qualifier or LATEST),
        over.condition,
        attempts,
        event.payload,
        response,
    )
    finished = FinishedEvent(
        scope=event.scope,
        function_name=event.function_name,
        qualifier=event.qualifier,
        request_id=event.request_id,
        accepted_ms=event.accepted_ms,
        finished_ms=now_ms,
        condition=over.condition.value,
        attempts=attempts,
        executed_version=response.executed_version if response else "",
        failure="" if succeeded else attempt.failure or claimed.failure or _NEVER_RAN.get(over.condition, ""),
    )
    deliveries = deliveries_of(
        end,
        terms,
        scope=event.scope,
        function_name=event.function_name,
        trace_id=attempt.trace_id or event.trace_id,
        now_ms=now_ms,
    )
    return Ending(claimed, finished, deliveries)
