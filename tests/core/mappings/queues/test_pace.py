"""How a queue is asked. The rules are ours."""

from hypothesis import given
from hypothesis import strategies as st

from lambent.core.mappings.queues.pace import Pace


def test_an_idle_queue_is_asked_by_one_receive_that_waits_longer_and_longer() -> None:
    pace = Pace()
    waits = []
    for _ in range(7):
        waits.append(pace.wait_seconds)
        pace.answered([], asked=10, waited=True)
    assert waits == [1, 2, 4, 8, 16, 20, 20]
    assert pace.receives == 1


def test_a_message_makes_the_next_wait_short() -> None:
    pace = Pace()
    pace.answered([], asked=10, waited=True)
    pace.answered([5], asked=10, waited=True)
    assert (pace.receives, pace.wait_seconds) == (1, 1)


def test_full_answers_bring_more_receives_and_an_empty_one_leaves_one() -> None:
    pace = Pace()
    counts = []
    for _ in range(7):
        pace.answered([5] * 10, asked=10, waited=False)
        counts.append(pace.receives)
    assert counts == [2, 4, 8, 16, 32, 32, 32]
    pace.answered([5] * 3, asked=10, waited=False)
    assert pace.receives == 32
    pace.answered([], asked=10, waited=False)
    assert (pace.receives, pace.wait_seconds) == (1, 1)  # who didn't wait says nothing of patience


def test_answers_that_are_half_full_bring_one_more() -> None:
    pace = Pace()
    pace.answered([5] * 5, asked=10, waited=True)
    assert pace.receives == 2


def test_what_comes_is_thought_to_be_as_large_as_what_came() -> None:
    pace = Pace()
    assert pace.bytes_of(320) == 0
    pace.answered([7, 1_000, 5], asked=10, waited=True)
    pace.answered([], asked=10, waited=False)
    assert pace.bytes_of(20) == 20_000


@given(st.lists(st.tuples(st.integers(0, 10), st.booleans())))
def test_it_stays_within_its_bounds(answers: list[tuple[int, bool]]) -> None:
    pace = Pace()
    for count, waited in answers:
        pace.answered([5] * count, asked=10, waited=waited)
        assert 1 <= pace.receives <= 32
        assert 1 <= pace.wait_seconds <= 20
    pace.begin_anew()
    assert (pace.receives, pace.wait_seconds) == (1, 1)
