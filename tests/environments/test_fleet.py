"""The fleet alone: sandboxes and environments are fakes that do what the test says, when it says it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from lambent.clock import Clock
from lambent.core.errors import ServiceFault, TooManyRequests
from lambent.core.function import FunctionTarget
from lambent.core.invocation import Invocation
from lambent.core.scope import Scope
from lambent.environments.fleet import Fleet, FleetSettings
from lambent.sandbox.errors import SandboxFailed
from tests.environments import fakes

SCOPE = Scope("000000000000", "eu-west-1")


class FakeClock(Clock):
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class FakeSandbox:
    def __init__(self) -> None:
        self.memory_mb = 0
        self.trees: Sequence[tuple[str, Path]] = ()
        self.specialise_fails = False
        self.destroyed = False

    def specialise(self, memory_mb: int, trees: Sequence[tuple[str, Path]]) -> None:
        if self.specialise_fails:
            raise SandboxFailed("sandbox 1: mount /var/task: no such device")
        self.memory_mb = memory_mb
        self.trees = trees

    async def destroy(self) -> None:
        self.destroyed = True


class FakeSandboxes:
    """Gives one at once, unless `held`; then when the test says so."""

    def __init__(self) -> None:
        self.held = False
        self.fails: Exception | None = None
        self.specialise_fails = False
        self.acquired: list[FakeSandbox] = []
        self._gate = asyncio.Event()

    async def acquire(self, runtime: str, tmp_mb: int, *, fresh: bool, flags: tuple[str, ...]) -> Any:
        while self.held:
            await self._gate.wait()
        if self.fails is not None:
            raise self.fails
        sandbox = FakeSandbox()
        sandbox.specialise_fails = self.specialise_fails
        self.acquired.append(sandbox)
        return sandbox

    def let_go(self) -> None:
        self.held = False
        self._gate.set()


class FakeEnvironment:
    """Notes what it is given; ends its work and itself when the test says so."""

    def __init__(
        self, target: FunctionTarget, sandbox: FakeSandbox, on_idle: Any, on_ended: Any, initialization: Any
    ) -> None:
        self.target = target
        self.initialization = initialization
        self.ready = False
        self.sandbox = sandbox
        self.started = False
        self.invocations: list[Invocation] = []
        self.shut_down = False
        self.invoke_raises: Exception | None = None
        self._on_idle = on_idle
        self._on_ended = on_ended
        self._closed = asyncio.Event()
        self._ended = False

    def start(self) -> None:
        self.started = True

    def invoke(self, invocation: Invocation) -> None:
        assert self.started
        assert not self.shut_down
        if self.invoke_raises is not None:
            raise self.invoke_raises
        self.invocations.append(invocation)

    def shutdown(self) -> None:
        self.shut_down = True

    async def wait_closed(self) -> None:
        await self._closed.wait()

    def idle(self, *, ready: bool = True) -> None:
        """Its invocation is over, or its Init ahead of all of them."""
        self.ready = ready
        self._on_idle(self)

    def end(self) -> None:
        """Its processes have gone; its sandbox not yet."""
        self._ended = True
        self._on_ended(self)

    def end_if_shut_down(self) -> None:
        if self.shut_down and not self._ended:
            self.end()
        if self._ended:
            self.close()

    def close(self) -> None:
        """Nothing is left of it."""
        self._closed.set()


@dataclass(eq=False)
class Work:
    """One invocation, and what it was told."""

    invocation: Invocation
    refused: list[Exception] = field(default_factory=list)
    ended: int = 0

    def on_ended(self) -> None:
        self.ended += 1


@dataclass
class House:
    """A fleet and everything around it."""

    fleet: Fleet
    clock: FakeClock
    sandboxes: FakeSandboxes
    environments: list[FakeEnvironment]
    request_ids: Iterator[int] = field(default_factory=itertools.count)

    def invoke(self, target: FunctionTarget, tenant: str = "") -> Work:
        work = Work(fakes.invocation(request_id=str(next(self.request_ids)), tenant_id=tenant))
        self.fleet.invoke(target, work.invocation, on_refused=work.refused.append, on_ended=work.on_ended)
        return work

    async def serve(self, target: FunctionTarget, tenant: str = "") -> FakeEnvironment:
        """An invocation that is in its environment when this returns."""
        work = self.invoke(target, tenant)
        await settle()
        return self.environment_of(work)

    def environment_of(self, work: Work) -> FakeEnvironment:
        (found,) = [one for one in self.environments if work.invocation in one.invocations]
        return found

    def vanish(self, environment: FakeEnvironment) -> None:
        environment.end()
        environment.close()


async def settle() -> None:
    """Until nothing happens any more without the test's doing: a task or two, each a turn or two of the loop."""
    for _ in range(20):
        await asyncio.sleep(0)


def function(name: str = "fn", *, revision: str = "1", memory_mb: int = 128) -> FunctionTarget:
    return replace(fakes.target(), function_name=name, revision=f"{name}-{revision}", memory_mb=memory_mb)


MakeHouse = Callable[..., House]


@pytest.fixture
async def make_house() -> AsyncIterator[MakeHouse]:
    made: list[House] = []

    def make(*, capacity_mb: int = 1024, wait_seconds: float = 60, idle_seconds: float = 600) -> House:
        clock, sandboxes, environments = FakeClock(), FakeSandboxes(), list[FakeEnvironment]()

        def create(target: Any, sandbox: Any, *, on_idle: Any, on_ended: Any, initialization: Any) -> Any:
            environment = FakeEnvironment(target, sandbox, on_idle, on_ended, initialization)
            environments.append(environment)
            return environment

        async def code_trees(target: FunctionTarget) -> list[tuple[str, Path]]:
            return [("/var/task", Path("/code", target.code_sha256))]

        fleet = Fleet(
            settings=FleetSettings(capacity_mb, idle_seconds, wait_seconds),
            clock=clock,
            sandboxes=sandboxes,
            create=create,
            code_trees=code_trees,
        )
        made.append(House(fleet, clock, sandboxes, environments))
        return made[-1]

    yield make
    for house in made:
        stopping = asyncio.get_running_loop().create_task(house.fleet.stop())
        house.sandboxes.let_go()
        while not stopping.done():
            for environment in house.environments:
                environment.end_if_shut_down()
            await asyncio.sleep(0)
        await stopping
        await settle()
        assert house.fleet.counts() == {"environments": 0, "idle": 0, "memory_mb": 0}
        assert house.fleet._groups == {}
        assert house.fleet._memory._leaving_mb == 0


# --- serving ---


async def test_the_first_invocation_starts_an_environment_with_the_functions_code_and_memory(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    environment = await house.serve(function(memory_mb=256))
    assert environment.sandbox.memory_mb == 256
    assert environment.sandbox.trees == [("/var/task", Path("/code", "0" * 64))]
    assert house.fleet.counts() == {"environments": 1, "idle": 0, "memory_mb": 256}


async def test_a_free_environment_serves_the_next_invocation_at_once(make_house: MakeHouse) -> None:
    house = make_house()
    environment = await house.serve(function())
    environment.idle()
    work = house.invoke(function())
    assert house.environment_of(work) is environment
    assert len(house.environments) == 1


async def test_concurrent_invocations_get_an_environment_each(make_house: MakeHouse) -> None:
    house = make_house()
    works = [house.invoke(function()) for _ in range(5)]
    await settle()
    assert len({id(house.environment_of(work)) for work in works}) == 5


async def test_the_environment_used_last_is_used_first(make_house: MakeHouse) -> None:
    house = make_house()
    first, second = await house.serve(function()), await house.serve(function())
    second.idle()
    first.idle()
    assert house.environment_of(house.invoke(function())) is first


async def test_an_invocation_is_over_when_its_environment_says_so(make_house: MakeHouse) -> None:
    house = make_house()
    work = house.invoke(function())
    await settle()
    assert work.ended == 0
    house.environments[0].idle()
    assert work.ended == 1
    assert work.refused == []


async def test_an_invocation_is_over_when_its_environment_is(make_house: MakeHouse) -> None:
    house = make_house()
    work = house.invoke(function())
    await settle()
    house.environments[0].end()
    assert work.ended == 1


async def test_what_waits_for_a_start_goes_to_the_environment_that_is_free_first(make_house: MakeHouse) -> None:
    house = make_house()
    environment = await house.serve(function())
    house.sandboxes.held = True
    work = house.invoke(function())
    await settle()
    environment.idle()
    assert house.environment_of(work) is environment
    house.sandboxes.let_go()
    await settle()
    assert house.fleet.counts()["idle"] == 1  # the one that was started for it
    environment.idle()
    assert house.environment_of(house.invoke(function())) is environment, "the one that is ready comes first"


async def test_functions_revisions_and_versions_dont_share_environments(make_house: MakeHouse) -> None:
    house = make_house()
    (await house.serve(function())).idle()
    for target in (function("other"), function(revision="2"), replace(function(), version="1")):
        assert (await house.serve(target)).target is target


async def test_tenants_dont_share_environments(make_house: MakeHouse) -> None:
    house = make_house()
    blue, green = await house.serve(function(), "blue"), await house.serve(function(), "green")
    assert blue is not green
    blue.idle()
    waiting = house.invoke(function(), "green")
    assert waiting.invocation not in blue.invocations, "an idle environment of another tenant isn't taken"
    green.idle()
    assert house.environment_of(waiting) is green, "but the tenant's own is, once it is free"
    assert await house.serve(function(), "blue") is blue


async def test_every_tenants_environments_are_retired(make_house: MakeHouse) -> None:
    house = make_house()
    environments = [await house.serve(function(), tenant) for tenant in ("blue", "green")]
    kept = await house.serve(function(revision="2"), "blue")
    for environment in (*environments, kept):
        environment.idle()
    house.fleet.retire(SCOPE, "fn", keep=[function(revision="2")])
    assert [one.shut_down for one in (*environments, kept)] == [True, True, False]


# --- what fails ---


async def test_an_invocation_is_refused_when_there_is_no_sandbox_and_its_memory_is_free_again(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    house.sandboxes.fails = SandboxFailed("sandbox 1: clone: not permitted")
    work = house.invoke(function())
    await settle()
    assert [type(error) for error in work.refused] == [ServiceFault]
    assert "clone: not permitted" in str(work.refused[0])
    assert work.ended == 1
    assert house.fleet.counts()["memory_mb"] == 0


async def test_a_sandbox_that_cant_become_the_functions_is_destroyed(make_house: MakeHouse) -> None:
    house = make_house()
    house.sandboxes.specialise_fails = True
    work = house.invoke(function())
    await settle()
    assert work.ended == len(work.refused) == 1
    assert house.sandboxes.acquired[0].destroyed
    assert house.fleet.counts()["memory_mb"] == 0


async def test_a_failed_start_refuses_one_invocation_not_those_with_starts_of_their_own(make_house: MakeHouse) -> None:
    house = make_house()
    house.sandboxes.held = True
    house.sandboxes.fails = SandboxFailed("once")
    works = [house.invoke(function()) for _ in range(2)]
    await settle()
    sandboxes, acquire = house.sandboxes, house.sandboxes.acquire

    async def fail_once(runtime: str, tmp_mb: int, *, fresh: bool, flags: tuple[str, ...]) -> Any:
        try:
            return await acquire(runtime, tmp_mb, fresh=fresh, flags=flags)
        finally:
            sandboxes.fails = None

    sandboxes.acquire = fail_once  # type: ignore[method-assign]
    sandboxes.let_go()
    await settle()
    assert sorted(len(work.refused) for work in works) == [0, 1] or all(work.refused for work in works)
    assert all(work.ended == len(work.refused) for work in works)


async def test_a_bug_while_starting_is_told_to_the_caller_too(make_house: MakeHouse) -> None:
    house = make_house()
    house.sandboxes.fails = ZeroDivisionError()
    work = house.invoke(function())
    await settle()
    assert [type(error) for error in work.refused] == [ZeroDivisionError]
    assert work.ended == 1


async def test_a_bug_while_delivering_is_told_to_the_caller_and_ends_the_environment(make_house: MakeHouse) -> None:
    house = make_house()
    environment = await house.serve(function())
    environment.idle()
    environment.invoke_raises = ZeroDivisionError()
    work = house.invoke(function())
    assert [type(error) for error in work.refused] == [ZeroDivisionError]
    assert work.ended == 1
    assert environment.shut_down
    environment.end()
    assert work.ended == 1


# --- the host's memory ---


async def test_an_idle_environment_makes_room_and_its_memory_counts_until_nothing_is_left_of_it(
    make_house: MakeHouse,
) -> None:
    house = make_house(capacity_mb=128)
    old = await house.serve(function("old"))
    old.idle()
    work = house.invoke(function("new"))
    await settle()
    assert old.shut_down
    old.end()
    await settle()
    assert len(house.environments) == 1
    old.close()
    await settle()
    assert house.environment_of(work).target.function_name == "new"


async def test_the_idle_environment_that_is_worth_least_goes(make_house: MakeHouse) -> None:
    house = make_house(capacity_mb=256)
    dear = house.invoke(function("dear"))
    await settle()
    house.clock.now += 10  # its Init and first invocation
    house.environment_of(dear).idle()
    (await house.serve(function("cheap"))).idle()
    house.invoke(function("new"))
    await settle()
    assert [one.target.function_name for one in house.environments if one.shut_down] == ["cheap"]


async def test_an_environment_that_becomes_idle_makes_room_for_who_waits_already(make_house: MakeHouse) -> None:
    house = make_house(capacity_mb=128)
    old = await house.serve(function("old"))
    work = house.invoke(function("new"))
    await settle()
    assert [old.shut_down] == [False]
    old.idle()
    assert old.shut_down
    house.vanish(old)
    await settle()
    house.environment_of(work)


async def test_without_room_an_invocation_waits_and_is_then_throttled(make_house: MakeHouse) -> None:
    house = make_house(capacity_mb=128, wait_seconds=0.01)
    await house.serve(function("busy"))
    work = house.invoke(function("new"))
    while not work.refused:
        await asyncio.sleep(0.001)
    (error,) = work.refused
    assert isinstance(error, TooManyRequests)
    assert error.reason == "ConcurrentInvocationLimitExceeded"
    assert work.ended == 1
    assert house.fleet.counts()["memory_mb"] == 128


async def test_a_function_larger_than_the_host_is_throttled_at_once_and_nothing_ends_for_it(
    make_house: MakeHouse,
) -> None:
    house = make_house(capacity_mb=128)
    idle = await house.serve(function("idle"))
    idle.idle()
    work = house.invoke(function("large", memory_mb=129))
    await settle()
    assert [type(error) for error in work.refused] == [TooManyRequests]
    assert not idle.shut_down


async def test_a_start_that_waits_for_memory_isnt_made_when_its_invocation_was_served_elsewhere(
    make_house: MakeHouse,
) -> None:
    house = make_house(capacity_mb=256)
    first = await house.serve(function())
    other = await house.serve(function("other"))
    work = house.invoke(function())
    await settle()
    first.idle()
    assert house.environment_of(work) is first
    other.idle()
    await settle()
    assert not other.shut_down
    assert house.fleet.counts() == {"environments": 2, "idle": 1, "memory_mb": 256}
    later = house.invoke(function())  # the withdrawn start isn't counted on
    await settle()
    house.vanish(other)
    await settle()
    assert house.environment_of(later) is not first


async def test_a_flood_of_one_function_doesnt_keep_another_from_its_first_environment(make_house: MakeHouse) -> None:
    house = make_house(capacity_mb=384)
    flood = [house.invoke(function("flood")) for _ in range(50)]
    await settle()
    assert len(house.environments) == 3
    other = house.invoke(function("other"))
    await settle()
    yielding = house.environments[0]
    yielding.idle()
    assert yielding.shut_down
    house.environments[1].idle()
    assert not house.environments[1].shut_down, "one is enough"
    house.vanish(yielding)
    await settle()
    house.environment_of(other)
    assert sum(len(one.invocations) for one in house.environments) == 5
    assert not any(work.refused for work in flood)


# --- ending ---


async def test_a_retired_revision_ends_its_idle_environments_now_and_its_busy_ones_after_their_work(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    idle, busy, other = [await house.serve(target) for target in (function(), function(), function("other"))]
    kept = await house.serve(function(revision="2"))
    for environment in (idle, other, kept):
        environment.idle()
    house.fleet.retire(SCOPE, "fn", keep=[function(revision="2")])
    assert [one.shut_down for one in (idle, busy, other, kept)] == [True, False, False, False]
    busy.idle()
    assert busy.shut_down


async def test_latest_is_retired_though_a_version_has_the_same_revision(make_house: MakeHouse) -> None:
    house = make_house()
    latest, version = await house.serve(function()), await house.serve(replace(function(), version="1"))
    latest.idle()
    version.idle()
    house.fleet.retire(SCOPE, "fn", keep=[replace(function(), version="1"), function(revision="2")])
    assert (latest.shut_down, version.shut_down) == (True, False)


async def test_an_environment_of_a_revision_retired_during_its_start_serves_what_waits_and_ends(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    house.sandboxes.held = True
    work = house.invoke(function())
    await settle()
    house.fleet.retire(SCOPE, "fn", keep=())
    house.sandboxes.let_go()
    await settle()
    environment = house.environment_of(work)
    environment.idle()
    assert environment.shut_down


async def test_an_environment_that_is_idle_for_too_long_is_shut_down(make_house: MakeHouse) -> None:
    house = make_house(idle_seconds=0.05)
    old, busy = await house.serve(function()), await house.serve(function())
    old.idle()
    sweeping = asyncio.get_running_loop().create_task(house.fleet.run())
    house.clock.now += 1
    while not old.shut_down:
        await asyncio.sleep(0.01)
    sweeping.cancel()
    assert not busy.shut_down
    assert house.fleet.counts()["idle"] == 0


async def test_stop_refuses_what_waits_and_ends_what_there_is(make_house: MakeHouse) -> None:
    house = make_house(capacity_mb=256)
    idle = await house.serve(function("idle"))
    busy = await house.serve(function())
    idle.idle()
    idle_later = house.invoke(function("idle"))  # takes it
    starting = house.invoke(function())  # waits for memory
    await settle()
    stopping = asyncio.get_running_loop().create_task(house.fleet.stop())
    await settle()
    assert [type(error) for error in starting.refused] == [ServiceFault]
    assert starting.ended == 1
    assert idle.shut_down
    assert busy.shut_down
    assert not stopping.done()
    late = house.invoke(function("late"))
    assert [type(error) for error in late.refused] == [ServiceFault]
    house.vanish(idle)
    await settle()
    assert not stopping.done()
    house.vanish(busy)
    await stopping
    assert idle_later.ended == 1


async def test_stop_ends_an_environment_whose_sandbox_comes_only_then(make_house: MakeHouse) -> None:
    house = make_house()
    house.sandboxes.held = True
    work = house.invoke(function())
    await settle()
    stopping = asyncio.get_running_loop().create_task(house.fleet.stop())
    await settle()
    assert work.ended == len(work.refused) == 1
    house.sandboxes.let_go()
    await settle()
    (environment,) = house.environments
    assert environment.shut_down
    house.vanish(environment)
    await stopping
