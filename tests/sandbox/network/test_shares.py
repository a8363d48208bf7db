"""One environment's flows take neither the loop nor the descriptors from the others."""

import asyncio
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from lambent.core.loop_share import LoopShare
from lambent.sandbox.network.limits import DescriptorBudget
from lambent.sandbox.network.turns import Turns


async def test_those_who_wait_go_on_a_few_at_a_time_and_the_longest_waiting_first() -> None:
    turns = Turns(asyncio.get_running_loop(), LoopShare())
    gone: list[int] = []
    last = asyncio.Event()
    turns.spend(400)
    turns.spend(1)
    assert turns.over
    for number in range(40):
        turns.wait(number, partial(gone.append, number))
    turns.wait("last", last.set)
    turns.leave(3)
    turns.leave("nobody")
    first = [number for number in range(17) if number != 3]
    async with asyncio.timeout(10):
        while not gone:
            await asyncio.sleep(0)
        assert gone == first
        await last.wait()
    assert gone == [number for number in range(40) if number != 3]
    turns.close()


async def test_nobody_goes_on_after_the_end() -> None:
    turns = Turns(asyncio.get_running_loop(), LoopShare())
    turns.spend(400)
    turns.wait(1, lambda: None)
    turns.close()
    assert turns._timer is None
    turns.close()


def test_alone_an_environment_may_have_half_of_the_budget_and_no_more() -> None:
    budget = DescriptorBudget(1000)
    greedy = budget.account()
    while greedy.take(2):
        pass
    assert budget.left == 500


def test_many_greedy_environments_leave_something_for_those_who_come_later() -> None:
    budget = DescriptorBudget(1000)
    for _ in range(20):
        greedy = budget.account()
        while greedy.take(2):
            pass
    assert budget.left > 0
    assert budget.account().take(2)
    assert budget.account().take(1)  # a name


def test_what_was_given_back_may_be_taken_again() -> None:
    budget = DescriptorBudget(2)
    one, other = budget.account(), budget.account()
    assert one.take(2)
    assert not other.take(1)
    one.give_back(2)
    assert (budget.left, budget.holders) == (2, 0)
    assert other.take(2)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 30), st.booleans())), st.integers(1, 400))
def test_the_budget_is_never_overdrawn_and_holders_are_counted(
    steps: list[tuple[int, int, bool]], descriptors: int
) -> None:
    budget = DescriptorBudget(descriptors)
    accounts = [budget.account() for _ in range(6)]
    held = [0] * 6
    for number, count, taking in steps:
        if taking:
            held[number] += count * accounts[number].take(count)
        elif held[number]:
            accounts[number].give_back(min(count, held[number]))
            held[number] -= min(count, held[number])
        assert budget.left == descriptors - sum(held) >= 0
        assert budget.holders == sum(1 for count in held if count)
