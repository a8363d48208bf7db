"""What was promised when an event was over is sent: records to destinations, dead letters to queues and topics.

Deliveries are claimed, leased and seen through as events are. Each target is a lane: one that nobody answers for keeps
some of the threads busy, and the others' deliveries pass by. A function is a destination that is reached
without leaving the house: its event is accepted in the transaction that ends the delivery, so that there is just one.

AWS's metrics count what could not be sent in the end.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from lambent.clock import Clock
from lambent.core.arn import parse_function_reference
from lambent.core.deliveries import (
    DeliverAgain,
    Delivery,
    DeliveryKind,
    DeliveryOutcome,
    Target,
    after_delivery,
)
from lambent.core.errors import ApiError
from lambent.core.scope import Scope
from lambent.ids import IdMaker
from lambent.observe.event_metrics import EventMetrics
from lambent.services.due_work import STORE_BACK_OFF_SECONDS, DueWork
from lambent.services.invoke import InvokeRequest
from lambent.store.deliveries import DELIVERED, GIVEN_UP, ClaimedDelivery, Settled
from lambent.store.delivery_queue import DeliveryQueue
from lambent.store.destinations import Sent
from lambent.store.errors import StoreUnavailable
from lambent.store.events import Event

THREADS = 32
"""Of sending to a service: each is one delivery at a time."""

_MAX_BYTES = 64 * 1024 * 1024
_MOST_OF_ONE_TARGET = 8
_EVENT_BYTES = 1_048_576  # of an asynchronous invocation

logger = logging.getLogger(__name__)

Send = Callable[[Delivery], Awaitable[Sent]]


class ChecksInvocations(Protocol):
    """Says whether a function could be invoked."""

    async def check(self, request: InvokeRequest) -> None:
        """Raises ApiError if it couldn't."""


class Deliveries:
    """Sends what is due. `run` does it, `stop` ends it."""

    def __init__(
        self,
        *,
        queue: DeliveryQueue,
        send: Send,
        functions: ChecksInvocations,
        on_event: Callable[[Event], None],
        metrics: EventMetrics,
        ids: IdMaker,
        clock: Clock,
    ) -> None:
        """Nothing runs before `run`.

        Args:
            send: tries once to send to anything but a function.
            on_event: told of each event for a function that is a destination, which is on disk.
        """
        self._queue = queue
        self._send = send
        self._functions = functions
        self._on_event = on_event
        self._metrics = metrics
        self._ids = ids
        self._clock = clock
        self._work: DueWork[str, ClaimedDelivery] = DueWork(
            queue,
            self._see_through,
            bytes_of=lambda claimed: len(claimed.delivery.body),
            limit_of=lambda _target: _MOST_OF_ONE_TARGET,
            clock=clock,
            max_bytes=_MAX_BYTES,
            name="delivery",
        )
        self.wake = self._work.wake
        self.look_around = self._work.look_around
        self.run = self._work.run
        self.stop = self._work.stop

    def held(self) -> AbstractAsyncContextManager[None]:
        """While deliveries are changed in the store by hand. Raises as `DueWork.held`."""
        return self._work.held(lambda _target: True)

    def under_way(self) -> frozenset[tuple[str, str]]:
        """The request id and the kind of each delivery that is being sent."""
        under_way = (claimed.delivery for claimed in self._work.under_way())
        return frozenset((delivery.request_id, delivery.kind.value) for delivery in under_way)

    def expect(self, deliveries: Iterable[Delivery]) -> None:
        """These are on disk, and due."""
        for delivery in deliveries:
            self._work.expect(delivery.target, delivery.created_ms)

    # --- one delivery ---

    async def _see_through(self, claimed: ClaimedDelivery) -> None:
        if Target.of(claimed.delivery.target).service == "lambda":
            await self._to_function(claimed)
        else:
            await self._settle(claimed, await self._send(claimed.delivery))

    async def _to_function(self, claimed: ClaimedDelivery) -> None:
        delivery = claimed.delivery
        if len(delivery.body) > _EVENT_BYTES:
            too_long = f"The record has {len(delivery.body)} bytes; an event may have {_EVENT_BYTES}."
            await self._settle(claimed, Sent(DeliveryOutcome.IMPOSSIBLE, too_long))
            return
        target = Target.of(delivery.target)
        scope = Scope(target.account, target.region)
        try:
            function = parse_function_reference(delivery.target, scope=scope)
            request = InvokeRequest(scope, function.name, function.qualifier, self._ids.uuid(), delivery.body)
            await self._functions.check(request)
        except (ApiError, StoreUnavailable) as error:
            outcome = DeliveryOutcome.REFUSED if isinstance(error, ApiError) else DeliveryOutcome.UNREACHABLE
            await self._settle(claimed, Sent(outcome, str(error)))
            return
        event = Event(
            scope,
            function.name,
            function.qualifier,
            request.request_id,
            delivery.body,
            self._clock.now_ms(),
            delivery.trace_id,
        )
        over = after_delivery(DeliveryOutcome.DELIVERED, claimed.progress, now_ms=event.accepted_ms)
        if await _persistently(lambda: self._queue.hand_over(Settled(claimed, over.progress, "", DELIVERED), event)):
            self._on_event(event)

    async def _settle(self, claimed: ClaimedDelivery, sent: Sent) -> None:
        following = after_delivery(sent.outcome, claimed.progress, now_ms=self._clock.now_ms())
        if isinstance(following, DeliverAgain):
            settled = Settled(claimed, following.progress, sent.failure, visible_after_ms=following.at_ms)
        else:
            outcome = DELIVERED if following.delivered else GIVEN_UP
            settled = Settled(claimed, following.progress, sent.failure, outcome)
        if not await _persistently(lambda: self._queue.settle(settled)):
            return
        if isinstance(following, DeliverAgain):
            self._work.expect(claimed.delivery.target, following.at_ms)
        elif settled.outcome == GIVEN_UP:
            self._given_up(claimed.delivery, settled)

    def _given_up(self, delivery: Delivery, settled: Settled) -> None:
        counters = self._metrics.of(delivery.scope, delivery.function_name)
        if delivery.kind is DeliveryKind.DEAD_LETTER:
            counters.dead_letter_errors += 1
        else:
            counters.delivery_failures += 1
        logger.warning(
            "What became of an event could not be sent: %s",
            settled.failure,
            extra={
                "action": "delivery",
                "request_id": delivery.request_id,
                "function": delivery.function_name,
                "target": delivery.target,
                "attempts": settled.progress.attempts,
            },
        )


async def _persistently(write: Callable[[], Awaitable[bool]]) -> bool:
    """Until the store takes it: what was sent mustn't be sent again for want of a word."""
    while True:
        try:
            return await write()
        except StoreUnavailable:
            logger.exception("What came of a delivery could not be written.")
            await asyncio.sleep(STORE_BACK_OFF_SECONDS)
