"""How long messages are hidden. Source: event-sources.md §2."""

import pytest

from lambent.core.mappings.queues.visibility import hidden_seconds, retry_delay_seconds


@pytest.mark.parametrize(
    ("queue", "window", "timeout", "hidden"),
    [
        (30, 0, 3, 30),  # the queue's own
        (30, 0, 40, 30),  # without a window never another
        (30, 20, 10, 30),
        (30, 20, 11, 61),  # window + timeout + 30
        (43_200, 300, 900, 43_200),
        (30, 43_190, 20, 43_200),  # SQS allows no more
    ],
)
def test_a_window_may_need_more_time_than_the_queue_gives(queue: int, window: int, timeout: int, hidden: int) -> None:
    assert hidden_seconds(queue_seconds=queue, window_seconds=window, timeout_seconds=timeout) == hidden


def test_retries_are_further_and_further_apart() -> None:
    delays = [retry_delay_seconds(n, left_seconds=1_000, timeout_seconds=3) for n in range(1, 9)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert retry_delay_seconds(100_000, left_seconds=1_000, timeout_seconds=3) == 5.0


def test_a_retry_leaves_the_function_its_time() -> None:
    assert retry_delay_seconds(1, left_seconds=3.1, timeout_seconds=3) == 0.1
    assert retry_delay_seconds(1, left_seconds=3.05, timeout_seconds=3) is None
