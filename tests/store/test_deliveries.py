"""The durable queue of deliveries, the history of events, and who looks at both: on a real SQLite file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.core.deliveries import Delivery, DeliveryKind, DeliveryProgress
from lambent.core.finished_events import FinishedEvent
from lambent.core.scope import Scope
from lambent.store.deliveries import DELIVERED, GIVEN_UP, ClaimedDelivery, Settled
from lambent.store.delivery_queue import DeliveryQueue
from lambent.store.event_queue import EventQueue
from lambent.store.events import ClaimedEvent, Ending, Event, finish_events
from lambent.store.lanes import Share
from lambent.store.queue_administration import QueueAdministration
from lambent.store.queue_selection import EVERYTHING, Selection

SCOPE = Scope("000000000000", "eu-west-1")
GOOD, BAD = (f"arn:aws:sqs:eu-west-1:000000000000:{name}" for name in ("good", "bad"))
EVENT = Event(SCOPE, "fn", None, "r1", b"{}", 1_000)
DELIVERY = Delivery(
    SCOPE,
    "fn",
    "r1",
    "arn:aws:lambda:eu-west-1:000000000000:function:fn:$LATEST",
    "Success",
    DeliveryKind.DEAD_LETTER,
    GOOD,
    b"body",
    2_000,
    "Root=1",
    "200",
    "boom",
)
LEASE = 9_999_999


class Queues:
    """Both queues and their administration."""

    def __init__(self, url: str, *, now_ms: int | None = None) -> None:
        self.events = EventQueue.open(url, now_ms=now_ms)
        self.deliveries = DeliveryQueue(self.events.writer)
        self.administration = QueueAdministration(url, self.events.writer)

    def close(self) -> None:
        self.administration.close()
        self.events.close()

    async def claim_event(self) -> ClaimedEvent:
        return (await self.claim_events(1, now_ms=5_000))[0]

    async def claim_events(self, limit: int, *, now_ms: int) -> list[ClaimedEvent]:
        shares = [Share(function, limit) for function, _ in await self.events.lanes()]
        found = await self.events.claim(shares, now_ms=now_ms, lease_until_ms=LEASE)
        return [claimed for of_function in found for claimed in of_function.claimed]

    async def claim(self, limit: int, *, now_ms: int) -> list[ClaimedDelivery]:
        """Deliveries, at most so many to each target."""
        shares = [Share(target, limit) for target, _ in await self.deliveries.lanes()]
        if not shares:
            return []
        found = await self.deliveries.claim(shares, now_ms=now_ms, lease_until_ms=LEASE)
        return [claimed for of_target in found for claimed in of_target.claimed]

    async def next_due_ms(self) -> int | None:
        return min((due_ms for _, due_ms in await self.deliveries.lanes()), default=None)

    async def finished(self, *deliveries: Delivery, request_id: str = "r1", condition: str = "Success") -> None:
        """An event that is over."""
        await self.events.enqueue(replace(EVENT, request_id=request_id))
        made = [replace(delivery, request_id=request_id) for delivery in deliveries]
        assert await self.events.finish(Ending(await self.claim_event(), over(request_id, condition), made))


def over(request_id: str = "r1", condition: str = "Success") -> FinishedEvent:
    return FinishedEvent(SCOPE, "fn", None, request_id, 1_000, 2_000, condition, 1, "$LATEST")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
def queues(url: str) -> Iterator[Queues]:
    opened = Queues(url)
    yield opened
    opened.close()


async def test_an_event_that_is_over_leaves_its_history_and_what_is_to_be_sent(queues: Queues) -> None:
    await queues.finished(DELIVERY)
    found = await queues.administration.find("r1")
    assert (found.waiting, found.finished) == (None, over())
    assert [(one.target, one.outcome, one.next_attempt_ms) for one in found.deliveries] == [(GOOD, "", 2_000)]
    [claimed] = await queues.claim(9, now_ms=2_000)
    assert claimed.delivery == DELIVERY
    assert claimed.progress == DeliveryProgress(2_000)


async def test_of_two_owners_of_an_event_only_one_ends_it(queues: Queues) -> None:
    await queues.events.enqueue(EVENT)
    claimed = await queues.claim_event()
    stale = replace(claimed, lease_until_ms=7)
    assert not await queues.events.finish(Ending(stale, over(), [DELIVERY]))
    assert await queues.events.finish(Ending(claimed, over(), [DELIVERY]))
    assert not await queues.events.finish(Ending(claimed, over(), [DELIVERY]))
    assert len(await queues.claim(9, now_ms=5_000)) == 1


async def test_an_event_whose_lease_was_lost_does_not_keep_its_neighbours_from_ending(queues: Queues) -> None:
    for number in range(4):
        await queues.events.enqueue(replace(EVENT, request_id=str(number)))
    claimed = await queues.claim_events(4, now_ms=5_000)
    endings = [Ending(one, over(one.event.request_id)) for one in claimed]
    endings[1] = replace(endings[1], claimed=replace(claimed[1], event_id=99))
    futures = [queues.events.writer.submit(finish_events, ending) for ending in endings]
    assert [await future for future in futures] == [True, False, True, True]
    assert await queues.events.count() == 1


async def test_each_target_is_claimed_by_itself(queues: Queues) -> None:
    await queues.finished(DELIVERY, replace(DELIVERY, target=BAD))
    assert await queues.deliveries.lanes() == [(BAD, 2_000), (GOOD, 2_000)]
    [found] = await queues.deliveries.claim([Share(BAD, 9)], now_ms=5_000, lease_until_ms=LEASE)
    assert [claimed.delivery.target for claimed in found.claimed] == [BAD]
    assert await queues.deliveries.lanes() == [(BAD, LEASE), (GOOD, 2_000)]


async def test_a_delivery_waits_until_its_time_and_remembers_why(queues: Queues) -> None:
    await queues.finished(DELIVERY)
    [claimed] = await queues.claim(9, now_ms=5_000)
    progress = DeliveryProgress(2_000, attempts=1, refusals=1)
    assert await queues.deliveries.settle(Settled(claimed, progress, "no such queue", visible_after_ms=8_000))
    assert await queues.claim(9, now_ms=7_999) == []
    [state] = (await queues.administration.find("r1")).deliveries
    assert (state.attempts, state.next_attempt_ms, state.failure) == (1, 8_000, "no such queue")
    [again] = await queues.claim(9, now_ms=8_000)
    assert again.progress == progress


@pytest.mark.parametrize("outcome", [DELIVERED, GIVEN_UP])
async def test_a_delivery_that_is_over_is_known_but_not_its_body(queues: Queues, outcome: str) -> None:
    await queues.finished(DELIVERY)
    [claimed] = await queues.claim(9, now_ms=5_000)
    assert await queues.deliveries.settle(Settled(claimed, DeliveryProgress(2_000, 1), "", outcome))
    assert not await queues.deliveries.settle(Settled(claimed, DeliveryProgress(2_000, 1), "", GIVEN_UP))
    assert await queues.next_due_ms() is None
    [state] = (await queues.administration.find("r1")).deliveries
    assert (state.outcome, state.next_attempt_ms) == (outcome, None)


async def test_a_delivery_to_a_function_is_its_event_and_just_one(queues: Queues) -> None:
    await queues.finished(DELIVERY)
    [claimed] = await queues.claim(9, now_ms=5_000)
    settled = Settled(claimed, DeliveryProgress(2_000, 1), "", DELIVERED)
    following = replace(EVENT, function_name="next", request_id="r2")
    assert await queues.deliveries.hand_over(settled, following)
    assert not await queues.deliveries.hand_over(settled, following)
    assert (await queues.claim_event()).event == following
    assert await queues.events.count() == 1


async def test_leases_of_deliveries_end_at_the_start_and_times_of_a_clock_that_was_set_back(url: str) -> None:
    before = Queues(url)
    await before.finished(DELIVERY, replace(DELIVERY, target=BAD, created_ms=10**12))
    await before.claim(1, now_ms=5_000)
    await before.events.enqueue(replace(EVENT, accepted_ms=10**12))
    before.close()
    after = Queues(url, now_ms=50_000)
    claimed = await after.claim(9, now_ms=50_000)
    assert sorted(one.delivery.created_ms for one in claimed) == [2_000, 50_000]
    assert (await after.claim_events(9, now_ms=50_000))[0].event.accepted_ms == 50_000
    after.close()


async def test_what_waits_is_listed_and_counted(queues: Queues) -> None:
    await queues.finished(DELIVERY, request_id="r0")
    for number, function in enumerate(("fn", "other", "fn")):
        await queues.events.enqueue(replace(EVENT, function_name=function, request_id=f"r{number + 1}"))
    waiting = await queues.administration.waiting(EVERYTHING, limit=2)
    assert (waiting.event_count, waiting.delivery_count) == (3, 1)
    assert [event.request_id for event in waiting.events] == ["r1", "r2"]
    assert [delivery.request_id for delivery in waiting.deliveries] == ["r0"]
    of_fn = await queues.administration.waiting(Selection(function_name="fn"), limit=9)
    assert [event.request_id for event in of_fn.events] == ["r1", "r3"]


async def test_what_is_claimed_is_running_and_what_waits_can_be_hastened_and_purged(queues: Queues) -> None:
    for number in range(3):
        await queues.events.enqueue(replace(EVENT, request_id=f"r{number}"))
    claimed = await queues.claim_event()
    assert await queues.administration.hasten(Selection(request_id="r1"), now_ms=500) == (1, 0)
    states = (await queues.administration.waiting(Selection(function_name="fn"), limit=9)).events
    assert [(one.request_id, one.next_attempt_ms) for one in states] == [("r0", None), ("r1", 500), ("r2", 1_000)]
    assert await queues.administration.purge(EVERYTHING, now_ms=6_000) == (2, 0)
    assert await queues.events.count() == 1
    assert await queues.events.finish(Ending(claimed, over("r0")))
    finished = (await queues.administration.find("r2")).finished
    assert finished is not None
    assert (finished.condition, finished.finished_ms) == ("Purged", 6_000)


async def test_what_is_due_already_is_not_put_off_by_being_hastened(queues: Queues) -> None:
    for number in range(2):
        await queues.events.enqueue(replace(EVENT, request_id=f"r{number}"))
    await queues.finished(DELIVERY, request_id="r2")
    assert await queues.administration.hasten(EVERYTHING, now_ms=9_000) == (2, 1)
    waiting = await queues.administration.waiting(EVERYTHING, limit=9)
    assert [one.next_attempt_ms for one in waiting.events] == [1_000, 1_000]
    assert [one.next_attempt_ms for one in waiting.deliveries] == [2_000]


async def test_a_purged_delivery_is_over(queues: Queues) -> None:
    await queues.finished(DELIVERY)
    assert await queues.administration.hasten(EVERYTHING, now_ms=100) == (0, 1)
    assert await queues.next_due_ms() == 100
    assert await queues.administration.purge(EVERYTHING, now_ms=6_000) == (0, 1)
    assert await queues.next_due_ms() is None
    [state] = (await queues.administration.find("r1")).deliveries
    assert state.outcome == "Purged"


async def test_the_history_is_bounded_by_age_and_by_number(queues: Queues) -> None:
    for number in range(5):
        await queues.finished(DELIVERY, request_id=f"r{number}")
    assert await queues.administration.sweep(before_ms=2_000, keep=3) == 2
    listed = await queues.administration.finished(EVERYTHING, failed_only=False, limit=9)
    assert [event.request_id for event in listed] == ["r4", "r3", "r2"]
    assert await queues.administration.sweep(before_ms=2_001, keep=3) == 3
    assert len((await queues.administration.find("r0")).deliveries) == 1, "what isn't sent yet is kept"


async def test_the_history_is_listed_by_function_and_by_failure(queues: Queues) -> None:
    await queues.finished(request_id="r1")
    await queues.finished(request_id="r2", condition="RetriesExhausted")
    failed = await queues.administration.finished(EVERYTHING, failed_only=True, limit=9)
    assert [event.request_id for event in failed] == ["r2"]
    assert await queues.administration.finished(Selection(function_name="no"), failed_only=False, limit=9) == []
