"""What one environment may take of the event loop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.core.loop_share import BURST_SECONDS, SHARE, LoopShare


def test_a_burst_is_free_and_what_follows_waits_until_it_is_paid_for() -> None:
    share = LoopShare(share=0.2, burst_seconds=0.005)
    assert share.spend(0.004, 100.0) == 0
    assert share.spend(0.003, 100.0) == pytest.approx(0.01 + 0.002 / 0.2)
    assert share.spend(0.001, 100.02) == 0  # 4 ms came in, 2 ms of them were owed


def test_who_was_quiet_for_long_has_no_more_than_a_burst() -> None:
    share = LoopShare(share=0.2, burst_seconds=0.005)
    share.spend(0, 1.0)
    assert share.spend(0.005, 1_000.0) > 0


@given(st.lists(st.floats(0, 0.01), min_size=1, max_size=100))
def test_over_time_nobody_has_more_than_its_share(costs: list[float]) -> None:
    share = LoopShare()
    now = 1.0
    spent = 0.0
    for cost in costs:
        spent += cost
        now += share.spend(cost, now)
        assert spent <= BURST_SECONDS + (now - 1.0) * SHARE + 1e-9
