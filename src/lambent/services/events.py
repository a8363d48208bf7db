"""Asynchronous invocations: accepted when on disk, then invoked, and tried again by AWS's rules until they are over.

One loop claims due events, the oldest first, as long as there is room, and starts a task for each; the task invokes,
asks `core.retry` what follows by the function's event invoke configuration, and completes or reschedules. The loop
sleeps until something was accepted, room was made, or the next event becomes due: nothing is polled.

A server that stops gives the unfinished events back; one that is killed leaves leases, which end at the next start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from lambent.clock import Clock
from lambent.core.admission import Admission
from lambent.core.errors import ApiError, ResourceNotFound, TooManyRequests
from lambent.core.retry import Condition, EventOutcome, Finished, RetryPolicy, TryAgain, after_attempt, is_too_old
from lambent.services.invoke import InvokeRequest, InvokeService
from lambent.store.errors import StoreOverloaded, StoreUnavailable
from lambent.store.events import ClaimedEvent, Event, EventQueue

InvokeEvent = Callable[[Event], Awaitable[EventOutcome]]
PolicyOf = Callable[[Event], Awaitable[RetryPolicy]]

MAX_IN_FLIGHT = 1_000
"""The account's default concurrency: admission, not the queue, is what throttles."""

_MAX_IN_FLIGHT_BYTES = 64 * 1024 * 1024
_CLAIM_LIMIT = 64
# Leases end when their server starts again, and hardly by time: this is more than an event's greatest age, so that a
# clock that was moved to try retries out (DESIGN 3.11) doesn't double what is being invoked.
_LEASE_MS = 24 * 3_600_000
_STORE_BACK_OFF_SECONDS = 1.0

logger = logging.getLogger(__name__)


class EventInvoker:
    """Invokes the function of an event, and says in the retry rules' words what came of it.

    Args:
        admission: knows which functions were switched off by reserving no concurrency for them.
    """

    def __init__(self, invoke: InvokeService, admission: Admission) -> None:
        self._invoke = invoke
        self._admission = admission

    async def __call__(self, event: Event) -> EventOutcome:
        """Run the function; its answer is of no interest, only whether it succeeded."""
        if self._admission.reserved(event.scope, event.function_name) == 0:
            return EventOutcome.ZERO_RESERVED_CONCURRENCY
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
        except TooManyRequests:
            return EventOutcome.THROTTLED
        except ResourceNotFound:
            return EventOutcome.FUNCTION_NOT_FOUND
        except ApiError as error:
            logger.warning(
                "An event could not be delivered: %s", error, extra={"request_id": event.request_id, "code": error.code}
            )
            return EventOutcome.SYSTEM_ERROR
        if result.environment_lost:
            return EventOutcome.SYSTEM_ERROR
        return EventOutcome.SUCCESS if result.function_error is None else EventOutcome.FUNCTION_ERROR


class EventService:
    """Accepts events and sees each of them through."""

    def __init__(
        self,
        *,
        queue: EventQueue,
        invoke_event: InvokeEvent,
        clock: Clock,
        policy_of: PolicyOf,
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        """Nothing runs before `run`.

        Args:
            invoke_event: runs one event to its end; what it raises counts as a system error.
            policy_of: how often and how long an event is tried, as its function wants it now.
            max_in_flight: how many events may be invoked at the same time.
        """
        self._queue = queue
        self._invoke_event = invoke_event
        self._clock = clock
        self._policy_of = policy_of
        self._max_in_flight = max_in_flight
        self._in_flight: dict[asyncio.Task[None], ClaimedEvent] = {}
        self._in_flight_bytes = 0
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()

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
            await self._queue.enqueue(event)
        except StoreOverloaded as error:
            raise TooManyRequests(reason="CallerRateLimitExceeded") from error
        self.wake()

    def wake(self) -> None:
        """Look at the queue now: something was accepted, or the clock was moved."""
        self._wake.set()

    async def run(self) -> None:
        """Invoke what is due until `stop`; then returns when every event is over or given back."""
        async with asyncio.TaskGroup() as tasks:
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    next_visible_ms = await self._start_due(tasks)
                except StoreUnavailable:
                    logger.exception("The queue of events can't be read; trying again in a second.")
                    next_visible_ms = self._clock.now_ms() + round(_STORE_BACK_OFF_SECONDS * 1_000)
                await self._sleep_until(next_visible_ms)

    async def stop(self, *, grace_seconds: float) -> None:
        """Claim nothing more, wait for what runs, and give back what isn't over after the grace period.

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

    async def _release(self, unfinished: Iterable[ClaimedEvent]) -> None:
        try:
            await asyncio.gather(*map(self._queue.release, unfinished))
        except StoreUnavailable:
            logger.exception("Unfinished events could not be given back; the next start will find them.")

    def _room(self) -> int:
        if self._in_flight_bytes >= _MAX_IN_FLIGHT_BYTES:
            return 0
        return self._max_in_flight - len(self._in_flight)

    def _start(self, tasks: asyncio.TaskGroup, claimed: ClaimedEvent) -> None:
        task = tasks.create_task(self._see_through(claimed), name=f"event {claimed.event.request_id}")
        self._in_flight[task] = claimed
        self._in_flight_bytes += len(claimed.event.payload)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        was_full = self._room() == 0
        claimed = self._in_flight.pop(task)
        self._in_flight_bytes -= len(claimed.event.payload)
        if was_full:
            self.wake()

    async def _see_through(self, claimed: ClaimedEvent) -> None:
        """One attempt, and what follows from it."""
        event, progress = claimed.event, claimed.progress
        if is_too_old(progress, await self._policy(event), now_ms=self._clock.now_ms()):
            following: TryAgain | Finished = Finished(Condition.EVENT_AGE_EXCEEDED, progress)
        else:
            outcome = await self._attempt(event)
            following = after_attempt(outcome, progress, await self._policy(event), now_ms=self._clock.now_ms())
        while True:
            try:
                await self._settle(claimed, following)
                return
            except StoreUnavailable:
                logger.exception("An event's end could not be written.", extra={"request_id": claimed.event.request_id})
                await asyncio.sleep(_STORE_BACK_OFF_SECONDS)

    async def _settle(self, claimed: ClaimedEvent, following: TryAgain | Finished) -> None:
        match following:
            case TryAgain(at_ms, progress):
                await self._queue.reschedule(claimed, visible_after_ms=at_ms, progress=progress)
                self.wake()
            case Finished(condition, progress):
                await self._queue.complete(claimed)
                self._report(claimed.event, condition, progress.attempts)

    async def _policy(self, event: Event) -> RetryPolicy:
        while True:
            try:
                return await self._policy_of(event)
            except StoreUnavailable:
                logger.exception("How an event is retried can't be read.", extra={"request_id": event.request_id})
                await asyncio.sleep(_STORE_BACK_OFF_SECONDS)

    async def _attempt(self, event: Event) -> EventOutcome:
        try:
            return await self._invoke_event(event)
        except Exception:
            logger.exception("An event could not be invoked.", extra={"request_id": event.request_id})
            return EventOutcome.SYSTEM_ERROR

    def _report(self, event: Event, condition: Condition, attempts: int) -> None:
        if condition is not Condition.SUCCESS:
            logger.warning(
                "An event was given up.",
                extra={
                    "action": "event",
                    "request_id": event.request_id,
                    "function": event.function_name,
                    "condition": condition.value,
                    "attempts": attempts,
                },
            )

    async def _sleep_until(self, at_ms: int | None) -> None:
        if at_ms is None:
            await self._wake.wait()
            return
        try:
            async with asyncio.timeout(max(0, at_ms - self._clock.now_ms()) / 1_000):
                await self._wake.wait()
        except TimeoutError:
            pass
