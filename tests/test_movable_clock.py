"""A clock that is moved ahead by hand."""

import pytest

from lambent.clock import Clock, MovableClock
from lambent.core.errors import InvalidParameterValue
from lambent.gateway.clock_routes import clock_routes


class Stopped(Clock):
    def now_us(self) -> int:
        return 1_700_000_000_000_000

    def now_ms(self) -> int:
        return 1_700_000_000_000

    def monotonic(self) -> float:
        return 5.0


def test_it_is_ahead_of_the_other_clock_by_all_that_it_was_moved() -> None:
    clock = MovableClock(Stopped())
    assert (clock.now_ms(), clock.monotonic(), clock.ahead_ms) == (1_700_000_000_000, 5.0, 0)
    clock.advance(60_000)
    clock.advance(500)
    assert (clock.now_ms(), clock.now_us()) == (1_700_000_060_500, 1_700_000_060_500_000)
    assert (clock.monotonic(), clock.ahead_ms) == (65.5, 60_500)


def test_who_sleeps_is_told() -> None:
    clock = MovableClock(Stopped())
    told: list[int] = []
    clock.on_moved(lambda: told.append(clock.ahead_ms))
    clock.advance(1)
    assert told == [1]


async def test_the_control_endpoint_shows_and_moves_it() -> None:
    clock = MovableClock(Stopped())
    show, advance = clock_routes(clock)
    assert await show.handle({}) == {"now": "2023-11-14T22:13:20.000Z", "aheadSeconds": 0.0}
    assert await advance.handle({"seconds": "90.5"}) == {"now": "2023-11-14T22:14:50.500Z", "aheadSeconds": 90.5}


@pytest.mark.parametrize("seconds", ["", "x", "0", "-1", "43201", "1e99", "nan", "inf", "-inf", "0.0001"])
async def test_it_is_moved_ahead_by_half_a_day_at_most(seconds: str) -> None:
    clock = MovableClock(Stopped())
    _, advance = clock_routes(clock)
    with pytest.raises(InvalidParameterValue):
        await advance.handle({"seconds": seconds})
    assert clock.ahead_ms == 0
