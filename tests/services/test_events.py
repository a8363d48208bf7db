"""Events are seen through: a real queue, a function that is a fake, and a clock that is moved by hand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from lambent.clock import Clock
from lambent.core.deliveries import EventTerms
from lambent.core.errors import TooManyRequests
from lambent.core.event_invoke_configs import Destinations
from lambent.core.event_records import Response
from lambent.core.retry import EventOutcome, RetryPolicy
from lambent.core.scope import Scope
from lambent.observe.event_metrics import EventMetrics
from lambent.services.event_invoker import Attempt
from lambent.services.events import EventService
from lambent.services.invoke import InvokeRequest
from lambent.store.errors import StoreOverloaded, StoreUnavailable
from lambent.store.event_queue import EventQueue
from lambent.store.events import ClaimedEvent, Ending, Event, Function, hasten_events, purge_events
from lambent.store.lanes import Found, Share
from lambent.store.queue_selection import EVERYTHING, Selection

NOON_MS = 1_700_000_000_000
SCOPE = Scope("000000000000", "eu-west-1")


class MovedClock(Clock):
    """Wall time that a test moves."""

    def __init__(self) -> None:
        self.wall_ms = NOON_MS

    def now_ms(self) -> int:
        return self.wall_ms


class Invoked:
    """What is invoked: answers from a script, else succeeds; may be held up, all of it or some functions."""

    def __init__(self) -> None:
        self.script: list[EventOutcome | Attempt | Exception] = []
        self.calls: list[str] = []
        self.called_functions: list[str] = []
        self.running = 0
        self.most_running = 0
        self.open = asyncio.Event()
        self.open.set()
        self.held: dict[str, asyncio.Event] = {}  # by function
        self.always: dict[str, EventOutcome] = {}  # by function
        self._changed = asyncio.Condition()

    async def __call__(self, event: Event) -> Attempt:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.calls.append(event.request_id)
        self.called_functions.append(event.function_name)
        async with self._changed:
            self._changed.notify_all()
        try:
            await self.held.get(event.function_name, self.open).wait()
            outcome = self.script.pop(0) if self.script else EventOutcome.SUCCESS
            outcome = self.always.get(event.function_name, outcome)
        finally:
            self.running -= 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome if isinstance(outcome, Attempt) else Attempt(outcome)

    async def called(self, times: int) -> None:
        await self.until(lambda: len(self.calls) >= times)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(true)


class WatchedQueue(EventQueue):
    """The real queue, whose endings a test can wait for, and which can fail on demand."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]  # passed on as they are
        self.settled: asyncio.Queue[str] = asyncio.Queue()
        self.endings: list[Ending] = []
        self.failures: list[Exception] = []

    async def finish(self, ending: Ending) -> bool:
        if self.failures:
            raise self.failures.pop()
        ours = await super().finish(ending)
        self.endings.append(ending)
        self.settled.put_nowait("completed")
        return ours

    async def reschedule(self, claimed: ClaimedEvent, **arguments: object) -> None:
        await super().reschedule(claimed, **arguments)  # type: ignore[arg-type]  # passed on as they are
        self.settled.put_nowait("rescheduled")

    async def next(self) -> str:
        async with asyncio.timeout(20):
            return await self.settled.get()


class Stage:
    """Everything a test touches."""

    def __init__(self, queue: WatchedQueue, **arguments: object) -> None:
        self.terms = EventTerms()
        self.metrics = EventMetrics()
        self.clock = MovedClock()
        self.function = Invoked()
        self.queue = queue
        self.service = EventService(
            queue=queue,
            invoke_event=self.function,
            terms_of=self.terms_of,
            metrics=self.metrics,
            clock=self.clock,
            **arguments,  # type: ignore[arg-type]  # passed on as they are
        )

    async def terms_of(self, event: Event) -> EventTerms:
        return self.terms

    async def accept(self, request_id: str = "r1", payload: bytes = b"{}", function: str = "greet") -> None:
        await self.service.accept(InvokeRequest(SCOPE, function, None, request_id, payload))

    async def accept_many(self, count: int, function: str) -> None:
        """At the same time, in the order of their numbers."""
        await asyncio.gather(*(self.accept(f"{function}{number}", function=function) for number in range(count)))

    async def next_ms(self) -> int | None:
        """When the first event is due, or its lease ends."""
        return min((due_ms for _, due_ms in await self.queue.lanes()), default=None)

    async def looked_around(self) -> None:
        """Until the loop has seen to all that there was to see to."""
        for _ in range(50):
            await self.queue.count()  # behind whatever it has asked the store for

    def move(self, seconds: float) -> None:
        self.clock.wall_ms += round(seconds * 1_000)
        self.service.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.service.run())
            yield
            await self.service.stop(grace_seconds=5)


@pytest.fixture
def queue(tmp_path: Path) -> WatchedQueue:
    return WatchedQueue.open(f"sqlite:///{tmp_path}/queue.db")


@pytest.fixture
async def stage(queue: WatchedQueue) -> AsyncIterator[Stage]:
    yield Stage(queue)
    queue.close()


async def test_an_accepted_event_is_invoked_once_and_forgotten(stage: Stage) -> None:
    async with stage.running():
        await stage.accept()
        assert await stage.queue.next() == "completed"
    assert stage.function.calls == ["r1"]
    assert await stage.queue.count() == 0


async def test_what_waited_in_the_queue_is_invoked_at_the_start(stage: Stage) -> None:
    await stage.accept()
    async with stage.running():
        assert await stage.queue.next() == "completed"
    assert stage.function.calls == ["r1"]


async def test_a_function_error_is_retried_after_one_minute_and_after_two_with_the_same_request_id(
    stage: Stage,
) -> None:
    stage.function.script = [EventOutcome.FUNCTION_ERROR] * 3
    async with stage.running():
        await stage.accept()
        assert await stage.queue.next() == "rescheduled"
        for delay_seconds, end in ((60, "rescheduled"), (120, "completed")):
            stage.move(delay_seconds - 0.001)
            assert await stage.next_ms() == stage.clock.wall_ms + 1
            stage.move(0.001)
            assert await stage.queue.next() == end
    assert stage.function.calls == ["r1", "r1", "r1"]
    assert await stage.queue.count() == 0


async def test_a_throttled_event_comes_again_after_a_second_without_anybody_waking_the_service(stage: Stage) -> None:
    stage.function.script = [EventOutcome.THROTTLED]
    stage.service._clock = stage.service._work._clock = Clock()  # the real one: the timer must fire by itself
    async with stage.running():
        await stage.accept()
        assert await stage.queue.next() == "rescheduled"
        assert await stage.queue.next() == "completed"
    assert stage.function.calls == ["r1", "r1"]


async def test_an_exception_of_the_invocation_is_a_system_error_and_costs_no_retry(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.function.script = [RuntimeError("bug"), EventOutcome.SUCCESS]
    async with stage.running():
        await stage.accept()
        assert await stage.queue.next() == "rescheduled"
        stage.move(1)
        assert await stage.queue.next() == "completed"
    assert "RuntimeError: bug" in caplog.text


async def test_an_event_that_is_too_old_is_given_up_without_an_attempt(
    queue: WatchedQueue, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(queue)
    stage.terms = EventTerms(RetryPolicy(maximum_event_age_seconds=60))
    await stage.accept()
    stage.move(61)
    async with stage.running():
        assert await stage.queue.next() == "completed"
    assert stage.function.calls == []
    [given_up] = [record for record in caplog.records if record.message == "An event was given up."]
    assert vars(given_up)["condition"] == "EventAgeExceeded"
    queue.close()


async def test_no_more_of_a_function_run_at_a_time_than_its_limit_and_all_get_their_turn(queue: WatchedQueue) -> None:
    stage = Stage(queue, limit_of=lambda _: 3)
    for number in range(10):
        await stage.accept(str(number))
    stage.function.open.clear()
    async with stage.running():
        await stage.function.called(3)
        stage.function.open.set()
        for _ in range(10):
            assert await stage.queue.next() == "completed"
    assert stage.function.most_running == 3
    assert Counter(stage.function.calls) == Counter(map(str, range(10)))
    queue.close()


async def test_large_payloads_count_as_well(stage: Stage) -> None:
    stage.service._work._lanes._memory._max_bytes = 1
    for number in range(5):
        await stage.accept(str(number), b'"large"')
    async with stage.running():
        for _ in range(5):
            assert await stage.queue.next() == "completed"
    assert stage.function.most_running == 1


async def test_a_hundred_accepted_at_once_are_each_invoked_once(stage: Stage) -> None:
    async with stage.running():
        await asyncio.gather(*(stage.accept(str(number)) for number in range(100)))
        for _ in range(100):
            assert await stage.queue.next() == "completed"
    assert Counter(stage.function.calls) == Counter(map(str, range(100)))


# --- none of the functions holds another up ---


async def test_a_function_whose_events_run_for_long_holds_up_nobody(queue: WatchedQueue) -> None:
    stage = Stage(queue, limit_of=lambda function: 2 if function[1] == "slow" else 1_000)
    stage.function.held["slow"] = asyncio.Event()
    async with stage.running():
        await stage.accept_many(5_000, "slow")
        await stage.function.until(lambda: stage.function.called_functions.count("slow") == 2)
        await stage.accept("quick", function="quick")
        assert await stage.queue.next() == "completed"
        assert stage.queue.endings[0].finished.function_name == "quick"
        assert stage.function.called_functions.count("slow") == 2, "the others wait, and nobody has tried them"
        assert await queue.count() == 5_000
        stage.function.held["slow"].set()
        for _ in range(5_000):
            assert await stage.queue.next() == "completed"
    assert stage.function.most_running <= 3
    queue.close()


async def test_what_waits_at_the_start_holds_up_nobody_who_came_later(queue: WatchedQueue) -> None:
    before = Stage(queue)
    await before.accept_many(3_000, "slow")
    await before.accept("last", function="quick")
    after = Stage(queue, limit_of=lambda _: 2)
    after.function.held["slow"] = asyncio.Event()
    async with after.running():
        assert await after.queue.next() == "completed"
        assert after.queue.endings[0].finished.request_id == "last"
        after.function.held["slow"].set()
        await after.function.called(3_001)
    queue.close()


async def test_a_function_that_is_throttled_is_tried_once_a_second_then_more_and_more(queue: WatchedQueue) -> None:
    stage = Stage(queue, limit_of=lambda _: 8)
    stage.function.always["busy"] = EventOutcome.THROTTLED
    stage.function.held["busy"] = asyncio.Event()
    async with stage.running():
        await stage.accept_many(500, "busy")
        await stage.function.called(8)
        stage.function.held["busy"].set()
        for _ in range(8):
            assert await stage.queue.next() == "rescheduled"
        await stage.accept("r1", function="other")
        assert await stage.queue.next() == "completed"
        for _ in range(3):
            stage.move(1)
            assert await stage.queue.next() == "rescheduled"
        assert stage.function.called_functions.count("busy") == 8 + 3
        del stage.function.always["busy"]
        for more in (1, 2, 4):
            stage.move(1)
            for _ in range(more):  # each makes room for the next one
                assert await stage.queue.next() == "completed"
        stage.move(400)  # those that were put off as well
        await stage.function.until(lambda: stage.function.called_functions.count("busy") == 8 + 3 + 500)
    queue.close()


async def test_retries_of_one_function_hold_up_no_fresh_event_of_another(queue: WatchedQueue) -> None:
    stage = Stage(queue, limit_of=lambda _: 10)
    stage.function.always["failing"] = EventOutcome.FUNCTION_ERROR
    async with stage.running():
        await stage.accept_many(300, "failing")
        for _ in range(300):
            assert await stage.queue.next() == "rescheduled"
        stage.function.held["failing"] = asyncio.Event()
        stage.move(60)
        await stage.function.called(310)
        await stage.accept("fresh", function="other")
        assert await stage.queue.next() == "completed"
        assert stage.function.calls[310:] == ["fresh"]
        stage.function.held["failing"].set()
        for _ in range(300):
            assert await stage.queue.next() == "rescheduled"
    queue.close()


async def test_no_function_waits_until_others_have_had_many_turns(queue: WatchedQueue) -> None:
    stage = Stage(queue, limit_of=lambda _: 1)
    functions = [f"f{number}" for number in range(300)]
    for _ in range(12):
        for name in functions:
            await stage.accept(function=name)
    async with stage.running():
        for _ in range(12 * 300):
            assert await stage.queue.next() == "completed"
        await stage.looked_around()
        assert list(stage.service._work._lanes) == [], "nothing is remembered of functions that have nothing"
    turns: Counter[str] = Counter()
    for name in stage.function.called_functions:
        turns[name] += 1
        if turns[name] > 8:
            assert len(turns) == len(functions), "somebody had his ninth turn before another had his first"
    assert set(turns.values()) == {12}
    queue.close()


async def test_events_of_a_function_run_in_the_order_of_their_age(queue: WatchedQueue) -> None:
    stage = Stage(queue, limit_of=lambda _: 1)
    await stage.accept_many(150, "greet")
    async with stage.running():
        await stage.function.called(20)
        for number in range(150, 200):  # while older ones wait
            await stage.accept(f"greet{number}")
        await stage.function.called(200)
    assert stage.function.calls == [f"greet{number}" for number in range(200)]
    queue.close()


async def test_an_event_that_grows_too_old_while_its_function_is_busy_is_given_up_then(queue: WatchedQueue) -> None:
    """Source: invocation.md §2: the maximum age is that of the event, however busy its function is."""
    stage = Stage(queue, limit_of=lambda _: 1)
    stage.terms = EventTerms(RetryPolicy(maximum_event_age_seconds=90))
    stage.function.open.clear()
    async with stage.running():
        await stage.accept("runs")
        await stage.function.called(1)
        await asyncio.gather(*(stage.accept(f"waits{number}") for number in range(20)))
        for seconds in (30, 30, 29):
            stage.move(seconds)
            await stage.looked_around()
        assert stage.queue.endings == []
        stage.move(2)
        for _ in range(20):
            assert await stage.queue.next() == "completed"
        assert {ending.finished.condition for ending in stage.queue.endings} == {"EventAgeExceeded"}
        assert stage.function.calls == ["runs"]
        stage.function.open.set()
    assert await queue.count() == 0
    queue.close()


async def test_what_large_events_take_of_the_memory_leaves_some_to_others(queue: WatchedQueue) -> None:
    stage = Stage(queue)
    stage.service._work._lanes._memory._max_bytes = 40_000
    stage.function.open.clear()
    async with stage.running():
        await asyncio.gather(*(stage.accept(f"a{number}", b"x" * 1_000, "a") for number in range(400)))
        await stage.function.called(20)
        await stage.accept("b", b"x" * 1_000, "b")
        await stage.function.until(lambda: "b" in stage.function.calls)
        held = sum(len(claimed.event.payload) for _, claimed in stage.service._work._in_flight.values())
        assert held <= 40_000 + 64_000, "no more than one claim beyond it"
        stage.function.open.set()
        for _ in range(401):
            assert await stage.queue.next() == "completed"
    queue.close()


async def test_large_events_of_many_functions_have_their_turn_without_all_being_in_memory(queue: WatchedQueue) -> None:
    stage = Stage(queue)
    stage.service._work._lanes._memory._max_bytes = 10_000
    stage.function.open.clear()
    async with stage.running():
        await asyncio.gather(*(stage.accept(f"r{number}", b"x" * 1_000, f"f{number}") for number in range(200)))
        stage.move(2)
        await stage.looked_around()
        assert 20 <= len(stage.function.calls) <= 20 + 64, "no more than one claim beyond it"
        stage.function.open.set()
        for _ in range(200):
            stage.move(1)
            assert await stage.queue.next() == "completed"
    assert sorted(stage.function.calls) == sorted(f"r{number}" for number in range(200))
    queue.close()


async def test_what_was_made_due_by_hand_is_found_when_the_queue_is_looked_at_anew(stage: Stage) -> None:
    stage.function.script = [EventOutcome.FUNCTION_ERROR]
    async with stage.running():
        await stage.accept()
        assert await stage.queue.next() == "rescheduled"
        await stage.queue.writer.write(_hasten, stage.clock.wall_ms)
        stage.service.look_around()
        assert await stage.queue.next() == "completed"


def _hasten(connection: Connection, moments: Sequence[int]) -> list[int]:
    return [hasten_events(connection, EVERYTHING, now_ms=now_ms) for now_ms in moments]


async def test_stop_waits_for_what_runs(stage: Stage) -> None:
    stage.function.open.clear()
    async with stage.running():
        await stage.accept()
        await stage.function.called(1)
        asyncio.get_running_loop().call_soon(stage.function.open.set)
    assert await stage.queue.count() == 0


async def test_stop_gives_back_what_is_not_over_after_the_grace_period(stage: Stage) -> None:
    stage.function.open.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.service.run())
        await stage.accept()
        await stage.function.called(1)
        await stage.service.stop(grace_seconds=0)
    [(function, due_ms)] = await stage.queue.lanes()
    assert due_ms == stage.clock.wall_ms
    [found] = await stage.queue.claim([Share(function, 1)], now_ms=due_ms, lease_until_ms=due_ms + 1)
    assert [claimed.progress.attempts for claimed in found.claimed] == [0]


async def test_an_end_that_cannot_be_written_is_written_when_the_store_is_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambent.services.events.STORE_BACK_OFF_SECONDS", 0)
    stage.queue.failures = [StoreUnavailable("disk I/O error")] * 2
    async with stage.running():
        await stage.accept()
        assert await stage.queue.next() == "completed"
    assert stage.function.calls == ["r1"]


async def test_a_disk_that_cannot_keep_up_is_a_throttle(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_event: Event) -> None:
        raise StoreOverloaded("busy")

    monkeypatch.setattr(stage.queue, "enqueue", refuse)
    with pytest.raises(TooManyRequests):
        await stage.accept()


async def test_a_queue_that_cannot_be_read_is_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambent.services.due_work.STORE_BACK_OFF_SECONDS", 0)
    claim, failures = stage.queue.claim, [StoreUnavailable("disk I/O error")]

    async def fail_once(shares: Sequence[Share[Function]], **arguments: int) -> list[Found[ClaimedEvent]]:
        if failures:
            raise failures.pop()
        return await claim(shares, **arguments)

    monkeypatch.setattr(stage.queue, "claim", fail_once)
    await stage.accept()
    async with stage.running():
        assert await stage.queue.next() == "completed"


BOOM = Response("$LATEST", "Unhandled", b'{"errorType":"ValueError","errorMessage":"boom"}')
FAILED = Attempt(EventOutcome.FUNCTION_ERROR, BOOM, "ValueError: boom")
THROTTLED = Attempt(EventOutcome.THROTTLED, failure="TooManyRequestsException: no room")
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:letters"
SUCCEEDED_AT, FAILED_AT = (f"arn:aws:sqs:eu-west-1:000000000000:{name}" for name in ("good", "bad"))


async def test_what_is_to_be_sent_is_written_with_the_end_as_the_function_wants_it_then(stage: Stage) -> None:
    """Source: invocation.md §2: both the dead-letter queue and the destination for failures are fed."""
    stage.function.script = [FAILED]
    stage.function.open.clear()
    async with stage.running():
        await stage.accept(payload=b'{"order": 1}')
        await stage.function.called(1)
        stage.terms = EventTerms(RetryPolicy(0), Destinations(SUCCEEDED_AT, FAILED_AT), QUEUE)
        stage.function.open.set()
        assert await stage.queue.next() == "completed"
    [ending] = stage.queue.endings
    record, letter = ending.deliveries
    assert (record.target, record.condition) == (FAILED_AT, "RetriesExhausted")
    assert record.function_arn == "arn:aws:lambda:eu-west-1:000000000000:function:greet:$LATEST"
    assert b'"approximateInvokeCount":1' in record.body
    assert (letter.target, letter.body, letter.error_message) == (QUEUE, b'{"order": 1}', "boom")
    assert (ending.finished.condition, ending.finished.failure) == ("RetriesExhausted", "ValueError: boom")


async def test_a_success_was_invoked_once_more_than_it_failed(stage: Stage) -> None:
    stage.function.script = [FAILED, Attempt(EventOutcome.SUCCESS, Response("7", None, b'"done"'))]
    stage.terms = EventTerms(destinations=Destinations(on_success=SUCCEEDED_AT))
    async with stage.running():
        await stage.accept()
        assert await stage.queue.next() == "rescheduled"
        stage.move(60)
        assert await stage.queue.next() == "completed"
    [ending] = stage.queue.endings
    [record] = ending.deliveries
    assert record.target == SUCCEEDED_AT
    assert b'"approximateInvokeCount":2' in record.body
    assert b'"responsePayload":"done"' in record.body
    assert (ending.finished.attempts, ending.finished.executed_version, ending.finished.failure) == (2, "7", "")


async def test_an_event_that_grows_too_old_keeps_the_response_of_its_last_attempt(stage: Stage) -> None:
    """Source: invocation.md §2.2, recorded."""
    stage.function.script = [FAILED, THROTTLED]
    stage.terms = EventTerms(RetryPolicy(2, 61), Destinations(on_failure=FAILED_AT))
    async with stage.running():
        await stage.accept()
        assert await stage.queue.next() == "rescheduled"
        stage.move(60.5)
        assert await stage.queue.next() == "completed"
    [ending] = stage.queue.endings
    [record] = ending.deliveries
    assert record.condition == ending.finished.condition == "EventAgeExceeded"
    assert b'"responsePayload":{"errorType":"ValueError","errorMessage":"boom"}' in record.body
    assert ending.finished.failure == "TooManyRequestsException: no room"


async def test_what_never_ran_says_why(stage: Stage) -> None:
    stage.function.script = [EventOutcome.ZERO_RESERVED_CONCURRENCY]
    async with stage.running():
        await stage.accept()
        assert await stage.queue.next() == "completed"
    [ending] = stage.queue.endings
    assert (ending.finished.attempts, ending.finished.executed_version) == (0, "")
    assert ending.finished.failure == "The function's reserved concurrency is 0."


async def test_events_are_counted(stage: Stage) -> None:
    """Source: developer guide, "Asynchronous invocation metrics"."""
    stage.function.script = [FAILED]
    stage.terms = EventTerms(RetryPolicy(0))
    async with stage.running():
        await stage.accept()
        assert await stage.queue.next() == "completed"
    counters = stage.metrics.of(SCOPE, "greet")
    assert (counters.received, counters.dropped, counters.started) == (1, 1, 1)


async def full_lane(queue: WatchedQueue) -> Stage:
    """One of three events is to run; the second is to be claimed, for a look at its age."""
    stage = Stage(queue, limit_of=lambda _: 1)
    stage.function.open.clear()
    for number in range(3):
        await stage.accept(f"r{number}")
    return stage


async def test_what_was_claimed_and_has_not_begun_is_in_the_store_while_that_is_changed_by_hand(
    queue: WatchedQueue,
) -> None:
    stage = await full_lane(queue)
    async with stage.running():
        await stage.function.called(1)
        stage.move(1.5)
        await stage.looked_around()
        assert stage.service.under_way() == {"r0"}
        async with stage.service.held(EVERYTHING):
            assert await queue.writer.write(_purge, stage.clock.wall_ms) == 2
        stage.function.open.set()
        await stage.accept("r3")
        await stage.function.called(2)
    assert stage.function.calls == ["r0", "r3"]
    queue.close()


async def test_while_one_functions_events_are_changed_by_hand_the_others_go_on(queue: WatchedQueue) -> None:
    stage = Stage(queue)
    await stage.accept_many(3, "changed")
    await stage.accept("r1", function="other")
    async with stage.service.held(Selection(function_name="changed")), stage.running():
        assert await stage.queue.next() == "completed"
        await stage.looked_around()
        assert stage.function.calls == ["r1"]
    assert await queue.count() == 3
    async with Stage(queue).running():
        for _ in range(3):
            assert await stage.queue.next() == "completed"
    queue.close()


async def test_what_cannot_be_given_back_goes_on(queue: WatchedQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = await full_lane(queue)

    async def fails(_claimed: ClaimedEvent) -> None:
        raise StoreUnavailable("no disk")

    async with stage.running():
        await stage.function.called(1)
        stage.move(1.5)
        await stage.looked_around()
        with monkeypatch.context() as patched:
            patched.setattr(queue, "release", fails)
            with pytest.raises(StoreUnavailable):
                async with stage.service.held(EVERYTHING):
                    raise AssertionError("nothing may be changed")
        stage.function.open.set()
        await stage.function.called(3)
    assert stage.function.calls == ["r0", "r1", "r2"]
    queue.close()


def _purge(connection: Connection, moments: Sequence[int]) -> list[int]:
    return [purge_events(connection, EVERYTHING, limit=9, now_ms=now_ms) for now_ms in moments]
