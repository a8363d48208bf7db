"""The durable queue, on a real SQLite file."""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from lambent.core.finished_events import FinishedEvent
from lambent.core.retry import EventProgress
from lambent.core.scope import Scope
from lambent.store.database import open_engine
from lambent.store.errors import StoreFull, StoreOverloaded, StoreUnavailable
from lambent.store.event_queue import EventQueue
from lambent.store.events import Claim, ClaimedEvent, Ending, Event, claim_events, find_functions
from lambent.store.lanes import Share
from lambent.store.migrations import migrate
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


async def claim(queue: EventQueue, *, limit: int, now_ms: int, lease_until_ms: int) -> list[ClaimedEvent]:
    """Due events, at most so many of each function."""
    shares = [Share(function, limit) for function, _ in await queue.lanes()]
    if not shares:
        return []
    found = await queue.claim(shares, now_ms=now_ms, lease_until_ms=lease_until_ms)
    return [claimed for of_function in found for claimed in of_function.claimed]


async def next_ms(queue: EventQueue) -> int | None:
    """When the first is due, or a lease ends."""
    return min((due_ms for _, due_ms in await queue.lanes()), default=None)


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
    [claimed] = await claim(queue, limit=10, now_ms=1_000, lease_until_ms=5_000)
    assert claimed.event == EVENT
    assert claimed.progress == EventProgress(accepted_ms=1_000)


async def test_bytes_and_a_missing_qualifier_survive(queue: EventQueue) -> None:
    event = replace(EVENT, qualifier=None, payload=bytes(range(256)))
    await queue.enqueue(event)
    [claimed] = await claim(queue, limit=1, now_ms=1_000, lease_until_ms=5_000)
    assert claimed.event == event


async def test_an_event_under_a_lease_is_invisible_until_its_end(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    await claim(queue, limit=1, now_ms=1_000, lease_until_ms=5_000)
    assert await claim(queue, limit=1, now_ms=4_999, lease_until_ms=9_000) == []
    assert len(await claim(queue, limit=1, now_ms=5_000, lease_until_ms=9_000)) == 1


async def test_a_completed_event_is_gone(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    [claimed] = await claim(queue, limit=1, now_ms=1_000, lease_until_ms=5_000)
    assert await queue.finish(ending(claimed))
    assert await queue.count() == 0
    assert await next_ms(queue) is None


async def test_a_rescheduled_event_comes_again_at_its_time_with_its_progress(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    [claimed] = await claim(queue, limit=1, now_ms=1_000, lease_until_ms=5_000)
    progress = EventProgress(accepted_ms=1_000, attempts=1, deferrals=3)
    await queue.reschedule(claimed, visible_after_ms=61_000, progress=progress)
    assert await next_ms(queue) == 61_000
    assert await claim(queue, limit=1, now_ms=60_999, lease_until_ms=99_000) == []
    [again] = await claim(queue, limit=1, now_ms=61_000, lease_until_ms=99_000)
    assert (again.event, again.progress) == (EVENT, progress)


async def test_an_owner_whose_lease_has_ended_changes_nothing(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    [slow] = await claim(queue, limit=1, now_ms=1_000, lease_until_ms=5_000)
    [owner] = await claim(queue, limit=1, now_ms=6_000, lease_until_ms=9_000)
    assert not await queue.finish(ending(slow))
    await queue.reschedule(slow, visible_after_ms=0, progress=slow.progress)
    assert await next_ms(queue) == 9_000
    assert await queue.finish(ending(owner))
    assert await queue.count() == 0


async def test_a_released_event_is_due_at_once_as_it_was(queue: EventQueue) -> None:
    await queue.enqueue(EVENT)
    [claimed] = await claim(queue, limit=1, now_ms=1_000, lease_until_ms=5_000)
    await queue.release(claimed)
    [again] = await claim(queue, limit=1, now_ms=1_000, lease_until_ms=6_000)
    assert (again.event, again.progress) == (claimed.event, claimed.progress)


async def test_the_events_that_were_due_first_are_claimed_first(queue: EventQueue) -> None:
    for accepted_ms in (3_000, 1_000, 2_000):
        await queue.enqueue(replace(EVENT, accepted_ms=accepted_ms))
    claimed = [
        (await claim(queue, limit=1, now_ms=9_000, lease_until_ms=10_000))[0].event.accepted_ms for _ in range(3)
    ]
    assert claimed == [1_000, 2_000, 3_000]


async def test_no_two_claims_get_the_same_event(queue: EventQueue) -> None:
    await asyncio.gather(*(queue.enqueue(replace(EVENT, request_id=str(number))) for number in range(100)))
    claims = await asyncio.gather(
        *(claim(queue, limit=7, now_ms=1_000, lease_until_ms=5_000 + number) for number in range(20))
    )
    request_ids = [claimed.event.request_id for claim in claims for claimed in claim]
    assert sorted(request_ids) == sorted(str(number) for number in range(100))


async def test_leases_of_the_server_before_end_at_the_start(url: str) -> None:
    before = EventQueue.open(url)
    await before.enqueue(EVENT)
    await claim(before, limit=1, now_ms=1_000, lease_until_ms=9_999_999)
    before.close()
    after = EventQueue.open(url)
    assert len(await claim(after, limit=1, now_ms=1_000, lease_until_ms=9_999_999)) == 1
    after.close()


async def test_waiting_retries_keep_their_time_over_a_restart(url: str) -> None:
    before = EventQueue.open(url)
    await before.enqueue(EVENT)
    [claimed] = await claim(before, limit=1, now_ms=1_000, lease_until_ms=5_000)
    await before.reschedule(claimed, visible_after_ms=61_000, progress=EventProgress(1_000, attempts=1))
    before.close()
    after = EventQueue.open(url)
    assert await next_ms(after) == 61_000
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


async def test_a_claim_finds_the_oldest_of_each_function_and_says_what_is_left(queue: EventQueue) -> None:
    for number, name in enumerate(("one", "two", "one", "one")):
        await queue.enqueue(replace(EVENT, function_name=name, request_id=str(number), accepted_ms=1_000 + number))
    one, two, three = ((EVENT.scope, name) for name in ("one", "two", "three"))
    shares = [Share(one, 2), Share(two, 2), Share(three, 2)]
    of_one, of_two, of_three = await queue.claim(shares, now_ms=1_002, lease_until_ms=9_000)
    assert [claimed.event.request_id for claimed in of_one.claimed] == ["0", "2"]
    assert of_one.next_ms is not None
    assert of_one.next_ms <= 1_003
    assert [claimed.event.request_id for claimed in of_two.claimed] == ["1"]
    assert of_two.next_ms == 9_000
    assert (of_three.claimed, of_three.next_ms) == ([], None)
    [nothing] = await queue.claim([Share(one, 2)], now_ms=1_002, lease_until_ms=9_000)
    assert (nothing.claimed, nothing.next_ms) == ([], 1_003)


async def test_lanes_are_the_functions_of_every_account_and_region(queue: EventQueue) -> None:
    functions = [
        (Scope(account, region), name)
        for account in ("000000000000", "111111111111", "222222222222")
        for region in ("eu-west-1", "us-east-1")
        for name in ("a", "b", "b" * 64)
    ]
    for scope, name in random.sample(functions, k=len(functions)):
        for accepted_ms in (2_000, 1_000):
            await queue.enqueue(replace(EVENT, scope=scope, function_name=name, accepted_ms=accepted_ms))
    assert await queue.lanes() == [(function, 1_000) for function in functions]


def test_no_functions_events_are_read_to_find_anothers(url: str) -> None:
    engine = open_engine(url, connections=1)
    migrate(engine, migrations)
    with engine.begin() as connection, recorded_plans(connection) as plans:
        claim_events(connection, [Claim([Share((EVENT.scope, "a"), 4), Share((EVENT.scope, "b"), 4)], 1_000, 9_000)])
        find_functions(connection, [None])
    engine.dispose()
    scanned = [step for step in plans if step.startswith("SCAN events")]
    assert scanned == ["SCAN events USING COVERING INDEX ix_events_function"], "the first one of all, for lanes"
    searched = [step for step in plans if step.startswith("SEARCH events USING COVERING INDEX")]
    of_a_function = "(account=? AND region=? AND function_name=?"
    assert sum(of_a_function in step for step in searched) == 5, searched


@contextlib.contextmanager
def recorded_plans(connection: Connection) -> Iterator[list[str]]:
    """The steps of SQLite's plan of each statement that is run meanwhile."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    said: list[str] = []
    plans: list[str] = []
    driver.set_trace_callback(said.append)
    yield plans
    driver.set_trace_callback(None)
    for statement in said:
        plans += [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}")]
