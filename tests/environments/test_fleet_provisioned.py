"""Provisioned environments in the fleet: started ahead, used first, never evicted, replaced when they end."""

import asyncio
from collections.abc import Callable

import pytest

from lambent.core.provisioned import INIT_FAILURE, Allocation, Demand, Status
from lambent.core.report import InitializationType
from lambent.sandbox.errors import SandboxFailed
from tests.environments.test_fleet import SCOPE, FakeEnvironment, House, MakeHouse, function, make_house, settle

__all__ = ["make_house"]

FN = function()
AHEAD = InitializationType.PROVISIONED_CONCURRENCY
SetTimer = Callable[..., None]


async def provisioned(house: House, count: int, *, asked: int = 1) -> list[FakeEnvironment]:
    """That many environments, none of them initialised yet."""
    before = len(house.environments)
    house.fleet.provision(SCOPE, "fn", [(FN, Demand(count, asked))])
    await settle()
    return house.environments[before:]


async def ready(house: House, count: int) -> list[FakeEnvironment]:
    environments = await provisioned(house, count)
    for environment in environments:
        environment.idle()
    return environments


async def test_they_are_started_before_anybody_invokes(make_house: MakeHouse) -> None:
    house = make_house()
    environments = await provisioned(house, 6)
    assert [environment.initialization for environment in environments] == [AHEAD] * 6
    assert all(environment.started for environment in environments)
    assert house.fleet.allocation(FN) == Allocation(0, 0)


async def test_they_are_ready_when_all_have_been_initialised(make_house: MakeHouse) -> None:
    house = make_house()
    first, second = await provisioned(house, 2)
    first.idle()
    assert house.fleet.allocation(FN) == Allocation(1, 1)
    assert house.fleet.allocation(FN).status is Status.IN_PROGRESS
    second.idle()
    assert house.fleet.allocation(FN) == Allocation(2, 2, complete=True)
    assert house.fleet.allocation(FN).status is Status.READY


async def test_invocations_use_them_first_and_others_when_they_are_busy(make_house: MakeHouse) -> None:
    house = make_house()
    on_demand = await house.serve(FN)
    on_demand.idle()
    (ahead,) = await ready(house, 1)
    assert await house.serve(FN) is ahead
    assert await house.serve(FN) is on_demand
    assert house.fleet.allocation(FN) == Allocation(1, 1, complete=True)
    ahead.idle()
    assert await house.serve(FN) is ahead


async def test_what_waits_for_a_start_goes_to_one_that_has_just_been_initialised(make_house: MakeHouse) -> None:
    house = make_house()
    (ahead,) = await provisioned(house, 1)
    house.sandboxes.held = True
    work = house.invoke(FN)
    await settle()
    ahead.idle()
    assert ahead.invocations == [work.invocation]


async def test_they_are_neither_evicted_nor_too_long_idle(make_house: MakeHouse) -> None:
    house = make_house(capacity_mb=256, wait_seconds=0.01, idle_seconds=0.01)
    environments = await ready(house, 2)
    sweep = asyncio.get_running_loop().create_task(house.fleet.run())
    work = house.invoke(function("other"))
    await asyncio.sleep(0.3)
    sweep.cancel()
    assert len(work.refused) == 1
    assert not any(environment.shut_down for environment in environments)


async def test_an_idle_environment_makes_room_for_one(make_house: MakeHouse) -> None:
    house = make_house(capacity_mb=128)
    idle = await house.serve(function("other"))
    idle.idle()
    house.fleet.provision(SCOPE, "fn", [(FN, Demand(1, 1))])
    await settle()
    assert idle.shut_down
    house.vanish(idle)
    await settle()
    assert house.environments[-1].initialization is AHEAD


async def test_an_init_that_fails_ends_all_of_them(make_house: MakeHouse) -> None:
    house = make_house()
    good, bad, late = await provisioned(house, 3)
    good.idle()
    house.vanish(bad)
    assert house.fleet.allocation(FN) == Allocation(failure=INIT_FAILURE)
    assert house.fleet.allocation(FN).status is Status.FAILED
    assert good.shut_down
    assert late.shut_down
    house.vanish(good)
    house.vanish(late)
    await settle()
    assert len(house.environments) == 3


async def test_after_a_failure_they_are_tried_again_when_asked_anew(make_house: MakeHouse) -> None:
    house = make_house()
    (bad,) = await provisioned(house, 1)
    house.vanish(bad)
    assert await provisioned(house, 1) == []
    (good,) = await provisioned(house, 1, asked=2)
    good.idle()
    assert house.fleet.allocation(FN) == Allocation(1, 1, complete=True)


async def test_a_sandbox_that_cant_be_made_is_a_failure_that_says_why(make_house: MakeHouse) -> None:
    house = make_house()
    house.sandboxes.fails = SandboxFailed("no namespaces")
    await provisioned(house, 1)
    failure = house.fleet.allocation(FN).failure
    assert failure is not None
    assert "no namespaces" in failure


@pytest.mark.parametrize("memory_mb", [256, 512])
async def test_without_memory_they_cant_be_had(make_house: MakeHouse, memory_mb: int) -> None:
    house = make_house(capacity_mb=256, wait_seconds=0.01)
    busy = await house.serve(function("other"))
    target = function("fn", memory_mb=memory_mb)
    house.fleet.provision(SCOPE, "fn", [(target, Demand(1, 1))])
    await asyncio.sleep(0.1)
    assert house.fleet.allocation(target).failure == "The memory capacity of 256 MB is used up."
    assert not busy.shut_down


async def test_one_that_crashes_is_replaced_and_meanwhile_isnt_available(make_house: MakeHouse) -> None:
    house = make_house()
    environments = await ready(house, 2)
    crashed = await house.serve(FN)
    assert crashed in environments
    house.vanish(crashed)
    assert house.fleet.allocation(FN) == Allocation(2, 1, complete=True)
    await settle()
    replacement = house.environments[-1]
    assert replacement not in environments
    assert replacement.initialization is AHEAD
    replacement.idle()
    assert house.fleet.allocation(FN) == Allocation(2, 2, complete=True)


async def test_one_that_would_be_reset_is_replaced(make_house: MakeHouse) -> None:
    house = make_house()
    (timed_out,) = await ready(house, 1)
    work = house.invoke(FN)
    timed_out.idle(ready=False)
    assert work.ended == 1
    assert timed_out.shut_down
    house.vanish(timed_out)
    await settle()
    assert [one.initialization for one in house.environments] == [AHEAD] * 2


async def test_one_that_ends_before_it_has_served_anything_is_replaced_after_a_pause(make_house: MakeHouse) -> None:
    house = make_house()
    (idle,) = await ready(house, 1)
    house.vanish(idle)
    await settle()
    assert len(house.environments) == 1
    assert house.fleet.allocation(FN) == Allocation(1, 0, complete=True)
    await asyncio.sleep(1.1)
    await settle()
    assert len(house.environments) == 2


async def test_fewer_are_asked_for(make_house: MakeHouse) -> None:
    """Those that are idle end at once, the busy after their work."""
    house = make_house()
    environments = await ready(house, 3)
    busy = await house.serve(FN)
    await provisioned(house, 1, asked=2)
    idle = [environment for environment in environments if environment is not busy]
    assert all(environment.shut_down for environment in idle)
    assert not busy.shut_down
    assert house.fleet.allocation(FN) == Allocation(1, 1, complete=True)
    await provisioned(house, 0, asked=3)
    assert not busy.shut_down
    busy.idle()
    assert busy.shut_down


async def test_fewer_are_asked_for_while_they_are_started(make_house: MakeHouse) -> None:
    house = make_house()
    house.sandboxes.held = True
    await provisioned(house, 6)
    await provisioned(house, 1, asked=2)
    house.sandboxes.let_go()
    await settle()
    kept = [environment for environment in house.environments if not environment.shut_down]
    assert len(kept) == 1
    kept[0].idle()
    assert house.fleet.allocation(FN) == Allocation(1, 1, complete=True)


async def test_more_are_asked_for(make_house: MakeHouse) -> None:
    house = make_house()
    await ready(house, 1)
    more = await provisioned(house, 3, asked=2)
    assert house.fleet.allocation(FN) == Allocation(1, 1)
    assert len(more) == 2
    for environment in more:
        environment.idle()
    assert house.fleet.allocation(FN) == Allocation(3, 3, complete=True)


async def test_they_move_to_the_version_that_they_are_asked_for(make_house: MakeHouse) -> None:
    house = make_house()
    (old,) = await ready(house, 1)
    other = function(revision="2")
    house.fleet.provision(SCOPE, "fn", [(other, Demand(1, 1))])
    await settle()
    assert old.shut_down
    assert house.environments[-1].target is other
    assert house.fleet.allocation(FN) == Allocation()


async def test_a_retired_target_has_none(make_house: MakeHouse) -> None:
    house = make_house()
    (environment,) = await ready(house, 1)
    house.fleet.retire(SCOPE, "fn", keep=[])
    assert environment.shut_down
    house.vanish(environment)
    await settle()
    assert len(house.environments) == 1


async def test_stopping_ends_them_and_starts_none(make_house: MakeHouse) -> None:
    house = make_house(capacity_mb=128)
    (environment,) = await ready(house, 1)
    await provisioned(house, 2, asked=2)  # waits for memory
    stopping = asyncio.get_running_loop().create_task(house.fleet.stop())
    await settle()
    assert environment.shut_down
    house.vanish(environment)
    await asyncio.wait_for(stopping, 1)
    assert house.fleet.counts() == {"environments": 0, "idle": 0, "memory_mb": 0}


async def test_they_count_as_idle(make_house: MakeHouse) -> None:
    house = make_house()
    await ready(house, 2)
    assert house.fleet.counts() == {"environments": 2, "idle": 2, "memory_mb": 256}
