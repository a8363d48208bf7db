"""What a real queue can't be made to do: pollers over queues that are made up."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from lambent.clock import Clock, MovableClock
from lambent.core.arn import FunctionReference
from lambent.core.errors import ResourceNotFound, ServiceFault, TooManyRequests
from lambent.core.function import FunctionTarget
from lambent.core.invocation import InvocationResult
from lambent.core.mappings.mapping import EventSourceMapping, MappingState
from lambent.core.mappings.queues.messages import Message
from lambent.core.mappings.settings import MappingSettings
from lambent.core.mappings.sources import EventSource, SourceKind
from lambent.core.scope import Scope
from lambent.ids import IdMaker
from lambent.observe.mapping_metrics import MappingMetrics
from lambent.services.invoke import InvokeRequest, InvokeService
from lambent.sources import pollers as pollers_module
from lambent.sources import queue_deletions
from lambent.sources.pollers import Pollers
from lambent.sources.queue_batches import QueueBatches
from lambent.sources.queue_poller import QueuePoller, Reading
from lambent.store.queue_client import QueueClients, QueueUnavailable

SCOPE = Scope("123456789012", "eu-west-1")
ARN = "arn:aws:sqs:eu-west-1:123456789012:q"
TARGET = FunctionTarget(
    SCOPE, "f", "$LATEST", "python3.13", "h", 128, 3, 512, {}, "role", "00", "/aws/lambda/f", "", "r"
)
OK = InvocationResult(b"null", None, "$LATEST")


def mapping(uuid: str = "u1", *, kind: SourceKind = SourceKind.SQS, **settings: Any) -> EventSourceMapping:
    return EventSourceMapping(
        scope=SCOPE,
        uuid=uuid,
        function=FunctionReference("f", None),
        source=EventSource(kind, ARN),
        settings=MappingSettings(**{"batch_size": 10, **settings}),
        enabled=True,
        state=MappingState.ENABLED,
        last_modified_ms=0,
        last_processing_result=None,
    )


class MadeUp:
    """A queue, a function, and what was done with them."""

    def __init__(self) -> None:
        self.arrivals: asyncio.Queue[list[Message] | Exception] = asyncio.Queue()
        self.receives = 0
        self.visibility = 30
        self.deleted: list[str] = []
        self.given_back: list[str] = []
        self.refused_deletions = 0
        self.answers: list[InvocationResult | Exception] = []
        self.invoked: list[InvokeRequest] = []
        self.changed = asyncio.Event()

    def send(self, *names: str) -> None:
        self.arrivals.put_nowait([Message(name, name, name) for name in names])

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.001)

    # --- the queue's part ---

    def queue(self, _source: EventSource) -> "MadeUp":
        return self

    async def receive(self, *, most: int, wait_seconds: int, hidden_seconds: int | None) -> list[Message]:
        if not wait_seconds:
            return []
        self.receives += 1
        found = await self.arrivals.get()
        if isinstance(found, Exception):
            raise found
        return found

    async def visibility_seconds(self) -> int:
        return self.visibility

    async def delete(self, messages: Sequence[Message]) -> list[Message]:
        if self.refused_deletions:
            self.refused_deletions -= 1
            return list(messages)
        self.deleted += [one.id for one in messages]
        return []

    async def give_back(self, messages: Sequence[Message]) -> list[Message]:
        self.given_back += [one.id for one in messages]
        return []

    # --- the function's part ---

    def resolve(self, _scope: Scope, _name: str, _qualifier: str | None) -> FunctionTarget | None:
        return TARGET

    async def load(self, _scope: Scope, _name: str, _qualifier: str | None) -> FunctionTarget:
        return TARGET

    async def invoke_and_wait(self, request: InvokeRequest) -> InvocationResult:
        self.invoked.append(request)
        answer = self.answers.pop(0) if self.answers else OK
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def made_up() -> MadeUp:
    return MadeUp()


@pytest.fixture
async def pollers(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pollers]:
    monkeypatch.setattr(pollers_module, "_RESTART_SECONDS", 0)
    monkeypatch.setattr(queue_deletions, "_DELAYS_SECONDS", (0, 0))
    reading = Reading(
        queues=cast("QueueClients", made_up),
        batches=QueueBatches(invoke=cast("InvokeService", made_up), targets=made_up, ids=IdMaker(), clock=Clock()),
        metrics=MappingMetrics(),
        clock=Clock(),
        window_clock=MovableClock(Clock()),
    )
    async with asyncio.TaskGroup() as tasks:

        def spawn(work: Coroutine[Any, Any, None]) -> None:
            tasks.create_task(work)

        made = Pollers(reading, spawn=spawn)
        yield made
        every = [*made._pollers.values(), *made._ending]
        made.stop_receiving()
        async with asyncio.timeout(10):
            await made.over(grace_seconds=5)
        assert [poller._held_bytes for poller in every] == [0] * len(every)
        assert reading.memory._taken == 0


async def test_sources_of_other_kinds_are_not_read(pollers: Pollers, made_up: MadeUp) -> None:
    pollers.follow(mapping(kind=SourceKind.KINESIS), reads=True)
    assert pollers._pollers == {}


async def test_a_refused_invocation_is_tried_again(pollers: Pollers, made_up: MadeUp) -> None:
    lost = InvocationResult(b"", None, "$LATEST", environment_lost=True)
    made_up.answers = [TooManyRequests(reason="Why"), ServiceFault("broken"), lost]
    pollers.follow(mapping(), reads=True)
    made_up.send("a")
    await made_up.until(lambda: made_up.deleted == ["a"])
    assert len({request.request_id for request in made_up.invoked}) == 4


async def test_messages_that_waited_for_too_long_are_left(
    pollers: Pollers, made_up: MadeUp, caplog: pytest.LogCaptureFixture
) -> None:
    """Others may have them by then."""
    made_up.visibility = 0
    pollers.follow(mapping(), reads=True)
    made_up.send("a")
    await made_up.until(lambda: "longer than they were hidden" in caplog.text)
    assert made_up.invoked == []


async def test_a_function_that_goes_between_receive_and_invocation(pollers: Pollers, made_up: MadeUp) -> None:
    made_up.answers = [ResourceNotFound("gone")]
    pollers.follow(mapping(), reads=True)
    made_up.send("a")
    await made_up.until(lambda: made_up.given_back == ["a"])


async def test_what_is_refused_when_the_server_stops_is_given_back(pollers: Pollers, made_up: MadeUp) -> None:
    made_up.answers = [TooManyRequests(reason="Why")] * 100
    pollers.follow(mapping(), reads=True)
    made_up.send("a")
    await made_up.until(lambda: made_up.invoked)
    pollers.stop_receiving()
    await made_up.until(lambda: made_up.given_back == ["a"])


async def test_what_a_function_had_begun_with_is_left_when_the_server_stops(
    pollers: Pollers, made_up: MadeUp, caplog: pytest.LogCaptureFixture
) -> None:
    """It is for the visibility timeout to say when it comes again."""
    made_up.answers = [InvocationResult(b"", None, "$LATEST", environment_lost=True)] * 100
    pollers.follow(mapping(), reads=True)
    made_up.send("a")
    await made_up.until(lambda: made_up.invoked)
    pollers.stop_receiving()
    await made_up.until(lambda: "will come again: the execution environment went away" in caplog.text)
    assert made_up.given_back == []


async def test_what_is_refused_when_a_mapping_is_disabled_is_given_back(pollers: Pollers, made_up: MadeUp) -> None:
    """The queue hides messages for hours, if it likes; the function isn't invoked for all that time."""
    made_up.visibility = 43_200
    made_up.answers = [TooManyRequests(reason="Why")] * 100
    pollers.follow(mapping(), reads=True)
    made_up.send("a")
    await made_up.until(lambda: made_up.invoked)
    pollers.follow(mapping(), reads=False)
    await made_up.until(lambda: made_up.given_back == ["a"])
    assert len(made_up.invoked) <= 2


async def test_what_one_function_has_refused_is_for_the_next_that_the_mapping_is_given(
    pollers: Pollers, made_up: MadeUp
) -> None:
    made_up.visibility = 43_200
    made_up.answers = [TooManyRequests(reason="Why")] * 100
    pollers.follow(mapping(), reads=True)
    made_up.send("a")
    await made_up.until(lambda: made_up.invoked)
    pollers.follow(replace(mapping(), function=FunctionReference("g", None)), reads=True)
    await made_up.until(lambda: made_up.given_back == ["a"])
    made_up.answers.clear()
    made_up.send("a")  # as the queue would
    await made_up.until(lambda: made_up.deleted == ["a"])
    assert [request.function_name for request in made_up.invoked][-2:] == ["f", "g"]


async def test_what_a_function_may_have_begun_with_is_left_though_it_was_refused_later(
    pollers: Pollers, made_up: MadeUp, caplog: pytest.LogCaptureFixture
) -> None:
    lost = InvocationResult(b"", None, "$LATEST", environment_lost=True)
    made_up.answers = [lost, *[TooManyRequests(reason="Why")] * 100]
    pollers.follow(mapping(), reads=True)
    made_up.send("a")
    await made_up.until(lambda: len(made_up.invoked) == 2)
    pollers.follow(mapping(), reads=False)
    await made_up.until(lambda: "will come again: TooManyRequestsException" in caplog.text)
    assert made_up.given_back == []


async def test_what_waits_for_its_window_is_given_back_at_the_end(pollers: Pollers, made_up: MadeUp) -> None:
    waits = mapping(maximum_batching_window_in_seconds=300)
    pollers.follow(waits, reads=True)
    made_up.send("a")
    await made_up.until(lambda: made_up.receives == 2)
    pollers.follow(waits, reads=False)
    await made_up.until(lambda: made_up.given_back == ["a"])
    made_up.send("late")
    await made_up.until(lambda: made_up.given_back == ["a", "late"])
    assert made_up.invoked == []


async def test_a_new_mapping_takes_over_the_long_poll_of_the_old_one(pollers: Pollers, made_up: MadeUp) -> None:
    pollers.follow(mapping("u1"), reads=True)
    await made_up.until(lambda: made_up.receives == 1)
    pollers.follow(mapping("u1"), reads=False)
    pollers.follow(mapping("u2"), reads=True)
    made_up.send("a")
    await made_up.until(lambda: made_up.deleted == ["a"])
    assert made_up.given_back == []


async def test_what_waits_gets_into_batches_by_the_new_settings(pollers: Pollers, made_up: MadeUp) -> None:
    pollers.follow(mapping(maximum_batching_window_in_seconds=300), reads=True)
    made_up.send("a", "b")
    await made_up.until(lambda: made_up.receives == 2)
    pollers.follow(mapping(batch_size=1), reads=True)
    await made_up.until(lambda: made_up.deleted == ["a", "b"])
    assert len(made_up.invoked) == 2


async def test_a_mapping_whose_messages_take_all_memory_leaves_the_others_some(
    pollers: Pollers, made_up: MadeUp
) -> None:
    """One that has nothing may receive; one that has taken its share waits until some of it is over."""
    memory = pollers._reading.memory
    memory._max_bytes = 5_000
    gathers = mapping("u1", maximum_batching_window_in_seconds=300)
    pollers.follow(gathers, reads=True)
    large = "a" * 2_000
    made_up.send(large)
    await made_up.until(lambda: memory._taken > 5_000)
    pollers.follow(mapping("u2"), reads=True)
    made_up.send("b")
    await made_up.until(lambda: made_up.deleted == ["b"])
    made_up.send("c")
    await made_up.until(lambda: made_up.deleted == ["b", "c"])
    pollers.follow(gathers, reads=False)
    await made_up.until(lambda: made_up.given_back == [large])


async def test_deletions_are_tried_again_and_then_told(
    pollers: Pollers, made_up: MadeUp, caplog: pytest.LogCaptureFixture
) -> None:
    made_up.refused_deletions = 2
    pollers.follow(mapping(), reads=True)
    made_up.send("a")
    await made_up.until(lambda: made_up.deleted == ["a"])
    made_up.refused_deletions = 3
    made_up.send("b")
    await made_up.until(lambda: "1 messages of a queue could not be deleted" in caplog.text)


async def test_a_queue_that_can_not_be_asked_is_asked_again(
    pollers: Pollers, made_up: MadeUp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for _ in range(3):
        made_up.arrivals.put_nowait(QueueUnavailable("no route"))
    made_up.arrivals.put_nowait(KeyError("QueueUrl"))
    pollers.follow(mapping(), reads=True)
    made_up.send("a")
    await made_up.until(lambda: made_up.deleted == ["a"])
    told = [record.getMessage() for record in caplog.records if record.name == "lambent.sources.queue_poller"]
    assert told == [
        "An event source mapping gets no messages: no route",
        "An event source mapping gets no messages: KeyError('QueueUrl')",
        "An event source mapping's queue is read again.",
    ]


async def test_a_poller_that_fails_begins_again(
    pollers: Pollers, made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    step, failures = QueuePoller._step, [RuntimeError("a bug")]

    def fails_once(self: QueuePoller) -> float | None:
        if failures and made_up.receives:
            raise failures.pop()
        return step(self)

    monkeypatch.setattr(QueuePoller, "_step", fails_once)
    pollers.follow(mapping(), reads=True)
    await made_up.until(lambda: made_up.receives == 1)
    pollers.wake()
    await made_up.until(lambda: made_up.receives == 2)
    made_up.send("a")
    await made_up.until(lambda: made_up.deleted == ["a"])
    assert "begins again" in caplog.text
