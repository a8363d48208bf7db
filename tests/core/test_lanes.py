"""Lanes: what is under way in each, who goes next, and how little is claimed in advance."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.core.lanes import Lane, Lanes

NOON_MS = 1_700_000_000_000


def lane_with(*, under_way: int) -> Lane[str, int]:
    lane: Lane[str, int] = Lane("a")
    lane.under_way = under_way
    return lane


def make_lanes(*, limit: int = 2, max_bytes: int = 100) -> Lanes[str, int]:
    return Lanes(lambda _: limit, max_bytes=max_bytes)


def test_a_lane_has_room_up_to_its_limit() -> None:
    assert lane_with(under_way=2).room(5, NOON_MS) == 3
    assert lane_with(under_way=2).room(1, NOON_MS) == -1, "it was lowered"


def test_what_was_throttled_shows_how_many_can_run() -> None:
    lane = lane_with(under_way=8)
    for _ in range(6):  # before the first of them is over
        lane.slow_down(NOON_MS)
    lane.under_way = 2
    assert lane.room(8, NOON_MS) == 0
    lane.under_way = 1
    assert lane.room(8, NOON_MS) == 1, "one that ends is followed by another"


def test_after_a_throttle_one_more_is_tried_after_a_second_then_two_then_four() -> None:
    lane = lane_with(under_way=1)
    lane.slow_down(NOON_MS)
    lane.under_way = 0
    rooms = [(lane.room(1_000, NOON_MS + ms), lane.room(1_000, NOON_MS + ms)) for ms in (0, 999, 1_000, 2_000, 3_000)]
    assert rooms == [(0, 0), (0, 0), (1, 1), (3, 3), (7, 7)]


def test_another_throttle_begins_anew() -> None:
    lane = lane_with(under_way=1)
    lane.slow_down(NOON_MS)
    assert lane.room(1_000, NOON_MS + 1_000) == 0
    assert lane.room(1_000, NOON_MS + 2_000) == 2
    lane.under_way = 3
    lane.slow_down(NOON_MS + 2_500)
    assert lane.room(1_000, NOON_MS + 3_499) == -1
    assert lane.room(1_000, NOON_MS + 3_500) == 0


def test_a_lane_that_has_grown_to_its_limit_forgets_the_throttle() -> None:
    lane = lane_with(under_way=4)
    lane.slow_down(NOON_MS)
    assert lane.room(4, NOON_MS) == -1
    assert lane.room(4, NOON_MS + 1_000) == 0
    assert lane.room(9, NOON_MS + 1_000) == 5


def test_the_first_that_is_due_counts() -> None:
    lane = lane_with(under_way=0)
    assert not lane.expect(None)
    assert lane.expect(20)
    assert lane.expect(10)
    assert not lane.expect(15)
    assert (lane.is_due(9), lane.is_due(10)) == (False, True)


def test_whoever_comes_while_others_wait_is_younger_than_they_are() -> None:
    lane = lane_with(under_way=0)
    assert not lane.is_behind(NOON_MS)
    lane.expect(NOON_MS + 1)
    assert not lane.is_behind(NOON_MS)
    assert lane.is_behind(NOON_MS + 1)
    lane = lane_with(under_way=0)
    lane.is_claiming = True
    assert lane.is_behind(NOON_MS)
    lane.is_claiming = False
    lane.claimed.append(1)
    assert lane.is_behind(NOON_MS)


def test_as_much_is_claimed_as_there_is_room_for_and_more_where_it_lasts_for_less_than_a_second() -> None:
    lane = lane_with(under_way=0)
    assert [lane.claim_size(2, 64, NOON_MS + 100 * turn) for turn in range(7)] == [2, 4, 8, 16, 32, 64, 64]
    assert lane.claim_size(2, 64, NOON_MS + 2_000) == 2
    assert lane.claim_size(100, 64, NOON_MS + 9_000) == 64


def test_a_lane_takes_half_of_the_memory_and_the_next_half_of_what_is_left() -> None:
    lanes = make_lanes()
    taken = []
    for key in ("a", "b", "c"):
        lane = lanes.lane(key)
        while lanes.memory_for(lane, 64) == 64:
            lane.under_way += 1
            lanes.grow(lane, 1)
        taken.append(lane.size)
        assert lanes.memory_for(lane, 64) == 0
    assert taken == [50, 25, 13]


def test_a_lane_that_has_nothing_may_have_one_though_others_have_taken_all_memory() -> None:
    lanes = make_lanes()
    lanes.grow(lanes.lane("a"), 199)
    assert lanes.memory_for(lanes.lane("b"), 64) == 1
    lanes.lane("b").under_way = 1
    assert lanes.memory_for(lanes.lane("b"), 64) == 0
    lanes.grow(lanes.lane("a"), -199)
    assert lanes.memory_for(lanes.lane("b"), 64) == 64


def test_the_first_of_each_lane_take_as_much_memory_again_and_no_more() -> None:
    lanes = make_lanes()
    for number in range(300):
        lane = lanes.lane(str(number))
        if lanes.memory_for(lane, 64):
            lane.under_way = 1
            lanes.grow(lane, 10)
    assert sum(lane.size for lane in lanes) == 200


def test_a_lane_is_forgotten_when_it_has_nothing() -> None:
    lanes = make_lanes()
    lane = lanes.lane("a")
    lane.expect(NOON_MS)
    lanes.forget(lane)
    assert list(lanes) == [lane]
    lane.due_ms = None
    lanes.forget(lane)
    assert list(lanes) == []
    again = lanes.lane("a")
    lanes.forget(lane)  # who still had the old one
    assert list(lanes) == [again]


def test_lanes_stand_in_line_once_and_go_in_turn() -> None:
    lanes = make_lanes()
    a, b = lanes.lane("a"), lanes.lane("b")
    for lane in (a, b, a):
        lanes.line_up(lane)
    assert not lanes.line_up_at(a, NOON_MS), "it stands in line already"
    assert lanes.standing(NOON_MS) == 2
    assert [lanes.next(), lanes.next(), lanes.next()] == [a, b, None]


def test_lanes_stand_in_line_when_their_time_has_come() -> None:
    lanes = make_lanes()
    a, b = lanes.lane("a"), lanes.lane("b")
    assert lanes.line_up_at(a, 30)
    assert lanes.line_up_at(a, 10)
    assert not lanes.line_up_at(a, 20)
    assert lanes.line_up_at(b, 20)
    assert lanes.next_look_ms == 10
    assert lanes.standing(9) == 0
    assert lanes.standing(10) == 1
    assert lanes.next() is a
    assert lanes.next_look_ms == 20
    assert lanes.standing(40) == 1, "what it was told before counts no more"
    assert lanes.next() is b
    assert lanes.next_look_ms is None


def test_of_a_time_that_was_brought_forward_only_the_earlier_counts() -> None:
    lanes = make_lanes()
    a = lanes.lane("a")
    lanes.line_up_at(a, 30)
    lanes.line_up_at(a, 10)
    assert lanes.standing(10) == 1
    lanes.next()
    assert lanes.next_look_ms is None


def test_what_was_put_off_again_and_again_takes_no_memory() -> None:
    """One event waits for its next attempt for minutes, while others come and go."""
    lanes = make_lanes()
    a = lanes.lane("a")
    for ms in range(5_000):
        lanes.line_up_at(a, NOON_MS + ms)
        assert lanes.standing(NOON_MS + ms) == 1
        assert lanes.next() is a
        lanes.line_up_at(a, NOON_MS + 120_000)
    assert len(lanes._looks) < 100
    assert lanes.next_look_ms == NOON_MS + 120_000


@pytest.mark.parametrize("limit", [1, 3])
@given(
    backlog=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_however_things_end_no_lane_has_to_wait_for_another(limit: int, backlog: list[int], order: object) -> None:
    """Lanes line up whenever they have something and room, as the loop has them do, and what runs ends at random."""
    lanes = make_lanes(limit=limit)
    left = Counter({str(number): count for number, count in enumerate(backlog)})
    running: list[Lane[str, int]] = []
    begun: Counter[str] = Counter()
    for key in left:
        lanes.line_up(lanes.lane(key))
    while left.total() or running:
        while (lane := lanes.next()) is not None:
            if left[lane.key] and lanes.room(lane, NOON_MS) > 0:
                left[lane.key] -= 1
                lane.under_way += 1
                begun[lane.key] += 1
                running.append(lane)
                lanes.line_up(lane)
        held = {lane.key: lane.under_way for lane in running}
        assert all(held[key] == limit for key in +left if key in held), "a lane with room waits"
        assert set(+left) <= set(held), "a lane with nothing under way waits"
        assert max(held.values()) <= limit
        ended = running.pop(math.floor(order.random() * len(running)))  # type: ignore[attr-defined]  # a random.Random
        ended.under_way -= 1
        lanes.line_up(ended)
    assert begun == Counter({str(number): count for number, count in enumerate(backlog)})
