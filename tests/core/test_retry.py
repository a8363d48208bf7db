"""Source of the expectations: invocation.md §2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.core.retry import (
    Condition,
    EventOutcome,
    EventProgress,
    Finished,
    RetryPolicy,
    TryAgain,
    after_attempt,
    is_too_old,
)

AWS_DEFAULT = RetryPolicy()
HOUR_MS = 3_600_000


def test_a_function_error_is_retried_after_one_minute_then_after_two_then_given_up() -> None:
    first = after_attempt(EventOutcome.FUNCTION_ERROR, EventProgress(0), AWS_DEFAULT, now_ms=100)
    assert first == TryAgain(60_100, EventProgress(0, attempts=1))
    second = after_attempt(EventOutcome.FUNCTION_ERROR, first.progress, AWS_DEFAULT, now_ms=60_200)
    assert second == TryAgain(180_200, EventProgress(0, attempts=2))
    third = after_attempt(EventOutcome.FUNCTION_ERROR, second.progress, AWS_DEFAULT, now_ms=180_300)
    assert third == Finished(Condition.RETRIES_EXHAUSTED, EventProgress(0, attempts=3))


@pytest.mark.parametrize("outcome", [EventOutcome.THROTTLED, EventOutcome.SYSTEM_ERROR])
def test_throttles_and_system_errors_wait_from_one_second_to_five_minutes_and_use_up_no_retry(
    outcome: EventOutcome,
) -> None:
    progress, delays = EventProgress(0), []
    for _ in range(11):
        following = after_attempt(outcome, progress, AWS_DEFAULT, now_ms=0)
        assert isinstance(following, TryAgain)
        delays.append(following.at_ms)
        progress = following.progress
    assert delays == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000]
    assert progress.attempts == 0


def test_after_the_function_has_run_throttles_start_again_at_one_second() -> None:
    following = after_attempt(EventOutcome.FUNCTION_ERROR, EventProgress(0, deferrals=7), AWS_DEFAULT, now_ms=0)
    assert following.progress == EventProgress(0, attempts=1, deferrals=0)


@pytest.mark.parametrize(
    ("outcome", "condition"),
    [
        (EventOutcome.SUCCESS, Condition.SUCCESS),
        (EventOutcome.ZERO_RESERVED_CONCURRENCY, Condition.ZERO_RESERVED_CONCURRENCY),
        (EventOutcome.FUNCTION_NOT_FOUND, Condition.FUNCTION_NOT_FOUND),
        (EventOutcome.RECURSIVE_LOOP, Condition.RECURSIVE_LOOP),
    ],
)
def test_what_is_over_at_once(outcome: EventOutcome, condition: Condition) -> None:
    progress = EventProgress(0, attempts=1)
    assert after_attempt(outcome, progress, AWS_DEFAULT, now_ms=5) == Finished(condition, progress)


def test_no_retries_when_the_policy_says_so() -> None:
    following = after_attempt(
        EventOutcome.FUNCTION_ERROR, EventProgress(0), RetryPolicy(maximum_retry_attempts=0), now_ms=0
    )
    assert following == Finished(Condition.RETRIES_EXHAUSTED, EventProgress(0, attempts=1))


def test_an_event_whose_next_attempt_would_be_too_late_is_given_up_now() -> None:
    policy = RetryPolicy(maximum_event_age_seconds=60)
    on_time = after_attempt(EventOutcome.FUNCTION_ERROR, EventProgress(0), policy, now_ms=0)
    assert isinstance(on_time, TryAgain)
    too_late = after_attempt(EventOutcome.FUNCTION_ERROR, EventProgress(0), policy, now_ms=1)
    assert too_late == Finished(Condition.EVENT_AGE_EXCEEDED, EventProgress(0, attempts=1))


def test_an_event_may_wait_six_hours() -> None:
    assert not is_too_old(EventProgress(0), AWS_DEFAULT, now_ms=6 * HOUR_MS)
    assert is_too_old(EventProgress(0), AWS_DEFAULT, now_ms=6 * HOUR_MS + 1)


@given(
    outcomes=st.lists(st.sampled_from(EventOutcome), max_size=400),
    retries=st.integers(0, 2),
    age=st.integers(60, 21_600),
    duration_ms=st.integers(0, 900_000),
)
def test_every_event_ends_in_time_with_at_most_the_allowed_attempts(
    outcomes: list[EventOutcome], retries: int, age: int, duration_ms: int
) -> None:
    policy = RetryPolicy(maximum_retry_attempts=retries, maximum_event_age_seconds=age)
    progress, now_ms = EventProgress(0), 0
    for outcome in outcomes:
        following = after_attempt(outcome, progress, policy, now_ms=now_ms + duration_ms)
        assert following.progress.attempts <= retries + 1
        if isinstance(following, Finished):
            break
        assert now_ms < following.at_ms <= age * 1_000
        progress, now_ms = following.progress, following.at_ms
