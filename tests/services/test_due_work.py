"""Whatever happens in whatever order, what was accepted is seen through, and no lane has more under way than it may."""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambent.clock import Clock
from lambent.core.deliveries import EventTerms
from lambent.core.retry import EventOutcome
from lambent.core.scope import Scope
from lambent.observe.event_metrics import EventMetrics
from lambent.services.event_invoker import Attempt
from lambent.services.events import EventService
from lambent.services.invoke import InvokeRequest
from lambent.store.errors import StoreUnavailable
from lambent.store.event_queue import EventQueue
from lambent.store.events import ClaimedEvent, Event, Function
from lambent.store.lanes import Found, Share

SCOPE = Scope("000000000000", "eu-west-1")
FUNCTIONS = {"one": 1, "two": 2, "many": 50}
"""And how many of each may run."""
TROUBLE = (EventOutcome.FUNCTION_ERROR, EventOutcome.THROTTLED, EventOutcome.SYSTEM_ERROR, None)
"""None: it raises."""


class MovedClock(Clock):
    def __init__(self) -> None:
        self.wall_ms = 1_700_000_000_000

    def now_ms(self) -> int:
        return self.wall_ms


class UnreliableQueue(EventQueue):
    """The real one, some of whose claims fail."""

    chance = random.Random()

    async def claim(
        self, shares: Sequence[Share[Function]], *, now_ms: int, lease_until_ms: int
    ) -> list[Found[ClaimedEvent]]:
        if self.chance.random() < 0.1:
            raise StoreUnavailable("disk I/O error")
        return await super().claim(shares, now_ms=now_ms, lease_until_ms=lease_until_ms)


class Scene:
    """A service whose functions take a while and go wrong now and then."""

    def __init__(self, queue: UnreliableQueue, chance: random.Random) -> None:
        self.queue = queue
        self.chance = chance
        self.clock = MovedClock()
        self.running: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        self.limits = dict(FUNCTIONS)
        self.service = EventService(
            queue=queue,
            invoke_event=self.invoke,
            terms_of=self.terms_of,
            metrics=EventMetrics(),
            clock=self.clock,
            limit_of=lambda function: self.limits[function[1]],
        )

    async def terms_of(self, _event: Event) -> EventTerms:
        return EventTerms()

    async def invoke(self, event: Event) -> Attempt:
        name = event.function_name
        self.running[name] += 1
        self.running[event.request_id] += 1
        assert self.running[event.request_id] == 1, "it runs already"
        assert self.running[name] <= FUNCTIONS[name]
        try:
            for _ in range(self.chance.randrange(20)):
                await asyncio.sleep(0)
        finally:
            self.running[name] -= 1
            self.running[event.request_id] -= 1
        self.runs[event.request_id] += 1
        if self.runs[event.request_id] < 5 and self.chance.random() < 0.3:
            trouble = self.chance.choice(TROUBLE)
            if trouble is None:
                raise RuntimeError("bug")
            return Attempt(trouble)
        return Attempt(EventOutcome.SUCCESS)

    async def something(self, number: int) -> None:
        """Mostly an event; or time passes, somebody tidies up, a reservation is changed, or nothing happens."""
        match self.chance.randrange(10):
            case 0:
                self.clock.wall_ms += self.chance.choice([1, 999, 1_000, 60_000])
                self.service.wake()
            case 1:
                self.service.look_around()
            case 2:
                self.limits["many"] = self.chance.randint(1, FUNCTIONS["many"])
            case 3:
                await asyncio.sleep(0)
            case _:
                name = self.chance.choice(list(FUNCTIONS))
                await self.service.accept(InvokeRequest(SCOPE, name, None, f"r{number}", b"{}"))
                self.runs[f"r{number}"] += 0

    async def until_all_are_over(self) -> None:
        """Nobody says anything any more, but time passes."""
        for turn in range(4_000):
            if not await self.queue.count():
                return
            if turn % 10 == 9:
                self.clock.wall_ms += 1_000
                self.service.wake()
        raise AssertionError(f"{await self.queue.count()} events wait for ever")


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_whatever_happens_every_event_has_its_end_and_no_function_more_than_its_limit(seed: int) -> None:
    asyncio.run(play(seed))


async def play(seed: int) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        queue = UnreliableQueue.open(f"sqlite:///{directory}/queue.db")
        queue.chance = chance
        scene = Scene(queue, chance)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(scene.service.run())
            await asyncio.gather(*(scene.something(number) for number in range(chance.randrange(5, 150))))
            await scene.until_all_are_over()
            await scene.service.stop(grace_seconds=5)
        queue.close()
    assert all(scene.runs.values()), "some never ran"
