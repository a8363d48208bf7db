"""The durable queue, on a real SQLite file."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from lambent.core.finished_events import FinishedEvent
from lambent.core.retry import EventProgress
from lambent.core.scope import Scope
from lambent.store.database import Database
from lambent.store.errors import StoreFull, StoreOverloaded, StoreUnavailable
from lambent.store.event_queue import EventQueue
from lambent.store.events import ClaimedEvent, Ending, Event
from lambent.store.migrations import queue as migrations

EVENT = Event(
    scope=Scope("000000000000", "eu-west-1"),
    function_name="greet",
    qualifier="live",
    request_id="r1",
    payload=b'{"name": "Ada"}',
    accepted_ms=1_000,
    trace_id="Root=1-00000000-000000000000000000000000",
    client_context='{"custom": {}}',
    tenant_id="blue",
)


def ending(claimed: ClaimedEvent) -> Ending:
    event = claimed.event
    return Ending(
        claimed, FinishedEvent(event.scope, event.function_name, "live", event.request_id, 1_000, 2_000, "Success", 1)
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
def queue(url: str) -> Iterator[EventQueue]:
    queue = EventQueue.open(url)
    yield queue
    queue.close()


async def test_what_was_enqueued_is_claimed_unchanged(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    [claimed] = await queue.claim(limit=10, now_ms=1_000, lease_until_ms=5_000)
    assert claimed.event == EVENT
    assert claimed.progress == EventProgress(accepted_ms=1_000)


async def test_bytes_and_a_missing_qualifier_survive(queue: EventQueue) -> None:
    event = replace(EVENT, qualifier=None, payload=bytes(range(256)))
    await queue.enqueue(event)
    [claimed] = await queue.claim(limit=1, now_ms=1_000, lease_until_ms=5_000)
    assert claimed.event == event


async def test_an_event_under_a_lease_is_invisible_until_its_end(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    await queue.claim(limit=1, now_ms=1_000, lease_until_ms=5_000)
    assert await queue.claim(limit=1, now_ms=4_999, lease_until_ms=9_000) == []
    assert len(await queue.claim(limit=1, now_ms=5_000, lease_until_ms=9_000)) == 1


async def test_a_completed_event_is_gone(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    [claimed] = await queue.claim(limit=1, now_ms=1_000, lease_until_ms=5_000)
    assert await queue.finish(ending(claimed))
    assert await queue.count() == 0
    assert await queue.next_visible_ms() is None


async def test_a_rescheduled_event_comes_again_at_its_time_with_its_progress(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    [claimed] = await queue.claim(limit=1, now_ms=1_000, lease_until_ms=5_000)
    progress = EventProgress(accepted_ms=1_000, attempts=1, deferrals=3)
    await queue.reschedule(claimed, visible_after_ms=61_000, progress=progress)
    assert await queue.next_visible_ms() == 61_000
    assert await queue.claim(limit=1, now_ms=60_999, lease_until_ms=99_000) == []
    [again] = await queue.claim(limit=1, now_ms=61_000, lease_until_ms=99_000)
    assert (again.event, again.progress) == (EVENT, progress)


async def test_an_owner_whose_lease_has_ended_changes_nothing(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    [slow] = await queue.claim(limit=1, now_ms=1_000, lease_until_ms=5_000)
    [owner] = await queue.claim(limit=1, now_ms=6_000, lease_until_ms=9_000)
    assert not await queue.finish(ending(slow))
    await queue.reschedule(slow, visible_after_ms=0, progress=slow.progress)
    assert await queue.next_visible_ms() == 9_000
    assert await queue.finish(ending(owner))
    assert await queue.count() == 0


async def test_a_released_event_is_due_at_once_as_it_was(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    [claimed] = await queue.claim(limit=1, now_ms=1_000, lease_until_ms=5_000)
    await queue.release(claimed)
    [again] = await queue.claim(limit=1, now_ms=1_000, lease_until_ms=6_000)
    assert (again.event, again.progress) == (claimed.event, claimed.progress)


async def test_the_events_that_were_due_first_are_claimed_first(queue: EventQueue) -> None:
    for accepted_ms in (3_000, 1_000, 2_000):
        await queue.enqueue(replace(EVENT, accepted_ms=accepted_ms))
    claimed = [(await queue.claim(limit=1, now_ms=9_000, lease_until_ms=10_000))[0].event.accepted_ms for _ in range(3)]
    assert claimed == [1_000, 2_000, 3_000]


async def test_no_two_claims_get_the_same_event(queue: EventQueue) -> None:
    await asyncio.gather(*(queue.enqueue(replace(EVENT, request_id=str(number))) for number in range(100)))
    claims = await asyncio.gather(
        *(queue.claim(limit=7, now_ms=1_000, lease_until_ms=5_000 + number) for number in range(20))
    )
    request_ids = [claimed.event.request_id for claim in claims for claimed in claim]
    assert sorted(request_ids) == sorted(str(number) for number in range(100))


async def test_leases_of_the_server_before_end_at_the_start(url: str) -> None:
    before = EventQueue.open(url)
    await before.enqueue(EVENT)
    await before.claim(limit=1, now_ms=1_000, lease_until_ms=9_999_999)
    before.close()
    after = EventQueue.open(url)
    assert len(await after.claim(limit=1, now_ms=1_000, lease_until_ms=9_999_999)) == 1
    after.close()


async def test_waiting_retries_keep_their_time_over_a_restart(url: str) -> None:
    before = EventQueue.open(url)
    await before.enqueue(EVENT)
    [claimed] = await before.claim(limit=1, now_ms=1_000, lease_until_ms=5_000)
    await before.reschedule(claimed, visible_after_ms=61_000, progress=EventProgress(1_000, attempts=1))
    before.close()
    after = EventQueue.open(url)
    assert await after.next_visible_ms() == 61_000
    after.close()


async def test_what_cannot_be_stored_does_not_fail_its_neighbours(queue: EventQueue) -> None:
    not_text = replace(EVENT, client_context="\ud800")  # a lone surrogate has no UTF-8
    results = await asyncio.gather(
        *(queue.enqueue(EVENT) for _ in range(5)),
        queue.enqueue(not_text),
        *(queue.enqueue(EVENT) for _ in range(5)),
        return_exceptions=True,
    )
    assert [result is None for result in results] == [True] * 5 + [False] + [True] * 5
    assert await queue.count() == 10


async def test_a_full_disk_refuses_the_event_and_keeps_the_accepted_ones(url: str) -> None:
    def limit_pages(connection: Connection, _items: object) -> list[None]:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages + 50}"))
        return [None]

    queue = EventQueue.open(url)
    await queue._writer.write(limit_pages, None)
    accepted = 0

    async def accept_without_end() -> None:
        nonlocal accepted
        while True:
            await queue.enqueue(replace(EVENT, payload=bytes(10_000)))
            accepted += 1

    with pytest.raises(StoreFull):
        await accept_without_end()
    queue.close()
    reopened = EventQueue.open(url)
    assert 0 < accepted == await reopened.count()
    reopened.close()


async def test_more_than_the_disk_can_take_is_refused_not_kept_in_memory(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambent.store.event_queue._MAX_WAITING_BYTES", 3 * 1024)
    queue = EventQueue.open(url)
    results = await asyncio.gather(
        *(queue.enqueue(replace(EVENT, payload=bytes(1024))) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(result, StoreOverloaded) for result in results) == 6
    assert await queue.count() == 4
    await queue.enqueue(EVENT)  # what has reached the disk no longer counts
    queue.close()


async def test_a_closed_queue_says_so(url: str) -> None:
    queue = EventQueue.open(url)
    queue.close()
    queue.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await queue.enqueue(EVENT)


async def test_a_caller_that_no_longer_waits_disturbs_nobody(queue: EventQueue) -> None:
    impatient = asyncio.ensure_future(queue.enqueue(EVENT))  # noqa: TID251 - cancelled on purpose
    await asyncio.sleep(0)
    impatient.cancel()
    await queue.enqueue(EVENT)
    assert impatient.cancelled()
    assert await queue.count() == 2


async def test_claiming_uses_the_index_however_many_events_wait_for_later(queue: EventQueue, url: str) -> None:
    database = Database.open(url, migrations)

    def plan(connection: Connection) -> str:
        statement = "SELECT id FROM events WHERE visible_after_ms <= 1 ORDER BY visible_after_ms LIMIT 5"
        return " ".join(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}")))

    assert "USING COVERING INDEX ix_events_visible_after_ms" in await database.read(plan)
    database.close()
