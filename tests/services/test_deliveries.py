"""Deliveries are seen through: a real queue, targets that are fakes, and a clock that is moved by hand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.core.deliveries import Delivery, DeliveryKind, DeliveryOutcome
from lambent.core.errors import ResourceNotFound
from lambent.core.scope import Scope
from lambent.ids import IdMaker
from lambent.observe.event_metrics import EventMetrics
from lambent.services.deliveries import Deliveries
from lambent.services.invoke import InvokeRequest
from lambent.store.deliveries import DeliveryState
from lambent.store.delivery_queue import DeliveryQueue
from lambent.store.destinations import Sent
from lambent.store.event_queue import EventQueue
from lambent.store.events import Ending, Event
from lambent.store.queue_administration import QueueAdministration
from tests.services.test_events import NOON_MS, MovedClock
from tests.store.test_deliveries import over

SCOPE = Scope("000000000000", "eu-west-1")
QUEUE, OTHER = (f"arn:aws:sqs:eu-west-1:000000000000:{name}" for name in ("queue", "other"))
NEXT = "arn:aws:lambda:eu-west-1:000000000000:function:next:live"
ARN = "arn:aws:lambda:eu-west-1:000000000000:function:fn:$LATEST"
RECORD = Delivery(SCOPE, "fn", "r1", ARN, "Success", DeliveryKind.DESTINATION, QUEUE, b"{}", NOON_MS, "Root=1")
AWAY = Sent(DeliveryOutcome.UNREACHABLE, "nobody answers")


class Stage:
    """Everything a test touches."""

    def __init__(self, url: str) -> None:
        self.clock = MovedClock()
        self.events = EventQueue.open(url)
        self.administration = QueueAdministration(url, self.events.writer)
        self.metrics = EventMetrics()
        self.script: list[Sent] = []
        self.sent: list[Delivery] = []
        self.held: Counter[str] = Counter()  # attempts that don't end, by target
        self.accepted: list[Event] = []
        self.missing = False
        self.service = Deliveries(
            queue=DeliveryQueue(self.events.writer),
            send=self.send,
            functions=self,
            on_event=self.accepted.append,
            metrics=self.metrics,
            ids=IdMaker(),
            clock=self.clock,
        )

    async def send(self, delivery: Delivery) -> Sent:
        self.sent.append(delivery)
        if delivery.target in self.held:
            self.held[delivery.target] += 1
            await asyncio.Event().wait()
        return self.script.pop(0) if self.script else Sent(DeliveryOutcome.DELIVERED)

    async def check(self, request: InvokeRequest) -> None:
        if self.missing:
            raise ResourceNotFound("Function not found")

    async def end_event(self, *deliveries: Delivery) -> None:
        """An event is over, and those are to be sent."""
        await self.events.enqueue(Event(SCOPE, "fn", None, "r1", b"{}", 1))
        [claimed] = await self.events.claim(limit=1, now_ms=NOON_MS, lease_until_ms=NOON_MS + 1)
        assert await self.events.finish(Ending(claimed, over(), deliveries))
        self.service.wake()

    async def state(self, *, attempts: int, target: str = QUEUE) -> DeliveryState:
        """Of the delivery to a target, once it was tried so often."""
        async with asyncio.timeout(20):
            while True:
                for one in (await self.administration.find("r1")).deliveries:
                    if one.target == target and one.attempts >= attempts:
                        return one
                await asyncio.sleep(0.005)

    def move(self, seconds: float) -> None:
        self.clock.wall_ms += round(seconds * 1_000)
        self.service.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.service.run())
            yield
            await self.service.stop(grace_seconds=0)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(f"sqlite:///{tmp_path}/queue.db")
    yield stage
    stage.administration.close()
    stage.events.close()


async def test_what_is_to_be_sent_is_sent_once(stage: Stage) -> None:
    async with stage.running():
        await stage.end_event(RECORD)
        assert (await stage.state(attempts=1)).outcome == "Delivered"
    assert stage.sent == [RECORD]


async def test_what_nobody_answers_for_is_tried_again_after_one_second_then_two(stage: Stage) -> None:
    stage.script = [AWAY, AWAY]
    async with stage.running():
        await stage.end_event(RECORD)
        waiting = await stage.state(attempts=1)
        assert (waiting.next_attempt_ms, waiting.failure) == (NOON_MS + 1_000, "nobody answers")
        stage.move(1)
        assert (await stage.state(attempts=2)).next_attempt_ms == NOON_MS + 3_000
        stage.move(2)
        assert (await stage.state(attempts=3)).outcome == "Delivered"


@pytest.mark.parametrize("kind", list(DeliveryKind))
async def test_what_cannot_be_sent_is_given_up_counted_and_logged(
    stage: Stage, kind: DeliveryKind, caplog: pytest.LogCaptureFixture
) -> None:
    """Source: developer guide: DeadLetterErrors, DestinationDeliveryFailures."""
    stage.script = [Sent(DeliveryOutcome.IMPOSSIBLE, "too long")]
    async with stage.running():
        await stage.end_event(replace(RECORD, kind=kind))
        given_up = await stage.state(attempts=1)
    assert (given_up.outcome, given_up.failure) == ("GivenUp", "too long")
    counters = stage.metrics.of(SCOPE, "fn")
    is_letter = kind is DeliveryKind.DEAD_LETTER
    assert (counters.dead_letter_errors, counters.delivery_failures) == (int(is_letter), int(not is_letter))
    assert "could not be sent: too long" in caplog.text


async def test_a_target_that_does_not_answer_takes_some_of_the_places_only(stage: Stage) -> None:
    stage.held[QUEUE] = 0
    async with stage.running():
        await stage.end_event(*[RECORD] * 100, replace(RECORD, target=OTHER))
        assert (await stage.state(attempts=1, target=OTHER)).outcome == "Delivered"
        assert stage.held[QUEUE] < 20
    waiting = (await stage.administration.find("r1")).deliveries
    assert sum(one.next_attempt_ms is not None for one in waiting) == 100, "a stop gives back what isn't over"


async def test_a_function_gets_an_event_with_a_request_id_of_its_own(stage: Stage) -> None:
    async with stage.running():
        await stage.end_event(replace(RECORD, target=NEXT))
        assert (await stage.state(attempts=1, target=NEXT)).outcome == "Delivered"
    [accepted] = stage.accepted
    assert (accepted.function_name, accepted.qualifier, accepted.payload) == ("next", "live", b"{}")
    assert accepted.request_id != "r1"
    [claimed] = await stage.events.claim(limit=9, now_ms=NOON_MS, lease_until_ms=NOON_MS + 1)
    assert claimed.event == accepted
    assert stage.sent == []


async def test_a_function_that_is_gone_is_a_refusal_and_a_long_record_never_fits(stage: Stage) -> None:
    stage.missing = True
    long = replace(RECORD, target=NEXT.replace("live", "long"), body=bytes(1_048_577))
    async with stage.running():
        await stage.end_event(replace(RECORD, target=NEXT), long)
        refused = await stage.state(attempts=1, target=NEXT)
        assert (refused.outcome, refused.failure) == ("", "Function not found")
        assert (await stage.state(attempts=1, target=long.target)).outcome == "GivenUp"
    assert stage.accepted == []
