"""A clock that nobody can set while it runs."""

import time

import pytest

from lambent.clock import Clock, SteadyClock


def test_it_begins_as_the_wall_clock_and_goes_on_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    steady = SteadyClock()
    assert abs(steady.now_ms() - Clock().now_ms()) < 1_000
    before = steady.now_ms()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert 0 <= steady.now_ms() - before < 10_000
    assert steady.now_us() // 1_000 - steady.now_ms() <= 1
