"""Asynchronous invocations: accepted when on disk, then invoked, and tried again by AWS's rules until they are over.

Each event that is due is invoked; then `core.retry` says what follows by the function's event invoke configuration, as
it is at that moment. When an event is over, what is to be sent because of it (`core.deliveries`) and its history are
written in the transaction that takes it out of the queue; `services.deliveries` does the sending.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lambent.clock import Clock
from lambent.core.admission import Admission
from lambent.core.arn import function_arn
from lambent.core.deliveries import Delivery, EventTerms, deliveries_of
from lambent.core.errors import ApiError, RecursiveInvocation, ResourceNotFound, TooManyRequests
from lambent.core.event_records import EventEnd, Response, failure_of
from lambent.core.finished_events import FinishedEvent
from lambent.core.function import LATEST
from lambent.core.retry import Condition, EventOutcome, Finished, TryAgain, after_attempt, is_too_old, too_old_after_ms
from lambent.observe.event_metrics import EventMetrics
from lambent.services.due_work import STORE_BACK_OFF_SECONDS, DueWork, lease_until_ms
from lambent.services.invoke import InvokeRequest, InvokeService, Targets
from lambent.store.errors import StoreOverloaded, StoreUnavailable
from lambent.store.event_queue import EventQueue
from lambent.store.events import ClaimedEvent, Ending, Event, Function

_MAX_BYTES = 128 * 1024 * 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt to invoke an event's function.

    Attributes:
        response: None where it didn't run.
        trace_id: the trace header that the function had; empty where it didn't run.
        failure: what went wrong, in one line; empty after a success.
    """

    outcome: EventOutcome
    response: Response | None = None
    failure: str = ""
    trace_id: str = ""


InvokeEvent = Callable[[Event], Awaitable[Attempt]]
TermsOf = Callable[[Event], Awaitable[EventTerms]]

# What couldn't run: neither could another event of its function, for the moment.
_AS_WOULD_THE_NEXT = frozenset({EventOutcome.THROTTLED, EventOutcome.SYSTEM_ERROR})

_NEVER_RAN = {
    Condition.EVENT_AGE_EXCEEDED: "The event's next attempt would have started after its maximum age.",
    Condition.ZERO_RESERVED_CONCURRENCY: "The function's reserved concurrency is 0.",
}


class EventInvoker:
    """Invokes the function of an event, and says in the retry rules' words what came of it.

    Args:
        admission: knows which functions were switched off by reserving no concurrency for them.
    """

    def __init__(self, invoke: InvokeService, admission: Admission) -> None:
        self._invoke = invoke
        self._admission = admission

    async def __call__(self, event: Event) -> Attempt:
        """Run the function."""
        if self._admission.reserved(event.scope, event.function_name) == 0:
            return Attempt(EventOutcome.ZERO_RESERVED_CONCURRENCY)
        request = InvokeRequest(
            scope=event.scope,
            function_name=event.function_name,
            qualifier=event.qualifier,
            request_id=event.request_id,
            payload=event.payload,
            trace_id=event.trace_id,
            client_context=event.client_context,
            tenant_id=event.tenant_id,
        )
        try:
            result = await self._invoke.invoke_and_wait(request)
        except TooManyRequests as error:
            return Attempt(EventOutcome.THROTTLED, failure=f"{error.code}: {error.reason}")
        except ResourceNotFound as error:
            return Attempt(EventOutcome.FUNCTION_NOT_FOUND, failure=f"{error.code}: {error}")
        except RecursiveInvocation as error:
            return Attempt(EventOutcome.RECURSIVE_LOOP, failure=f"{error.code}: {error}")
        except ApiError as error:
            logger.warning(
                "An event could not be delivered: %s", error, extra={"request_id": event.request_id, "code": error.code}
            )
            return Attempt(EventOutcome.SYSTEM_ERROR, failure=f"{error.code}: {error}")
        if result.environment_lost:
            return Attempt(EventOutcome.SYSTEM_ERROR, failure="The execution environment went away.")
        response = Response(result.executed_version, result.function_error, result.payload)
        if result.function_error is None:
            return Attempt(EventOutcome.SUCCESS, response, trace_id=request.trace_id)
        return Attempt(EventOutcome.FUNCTION_ERROR, response, failure_of(response), request.trace_id)


class ConcurrencyOfEvents:
    """How many events of one function may be invoked at the same time.

    Not more than could run: those beyond it would be throttled, or take from the account's pool while they wait for an
    environment. A function that was switched off has its events all the same, each of which is over at once.

    Args:
        most: of any function.
        memory_capacity_mb: the host's, for all environments.
    """

    def __init__(self, *, admission: Admission, targets: Targets, most: int, memory_capacity_mb: int) -> None:
        self._admission = admission
        self._targets = targets
        self._most = most
        self._memory_capacity_mb = memory_capacity_mb

    def __call__(self, function: Function) -> int:
        """At least 1."""
        reserved = self._admission.reserved(*function) or self._most
        try:
            target = self._targets.resolve(*function, None)
        except ApiError:  # its events will be told
            target = None
        environments = self._most if target is None else max(1, self._memory_capacity_mb // target.memory_mb)
        return min(self._most, reserved, environments)


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
                lease, take = lease_until_ms(event.accepted_ms), partial(self._work.take, event.function, size)
                await self._queue.enqueue_claimed(event, lease_until_ms=lease, on_written=take)
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
