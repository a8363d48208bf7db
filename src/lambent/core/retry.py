"""When an asynchronous invocation is tried again, and when it is over.

A function error uses up one of the retries and waits a minute, then two. A throttle or a system error uses up none: it
goes back to the queue with an exponential delay, one second to five minutes, for as long as the event is young enough.
The age is checked ahead: an event whose next attempt would start after its last moment is given up now.

Source: invocation.md §2; developer guide, "How Lambda handles errors and retries with asynchronous invocation".
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

_RETRY_DELAYS_MS = (60_000, 120_000)
_FIRST_DEFERRAL_MS = 1_000
_LONGEST_DEFERRAL_MS = 300_000
LONGEST_DELAY_MS = max(*_RETRY_DELAYS_MS, _LONGEST_DEFERRAL_MS)
"""No event waits for longer between two attempts."""


class EventOutcome(Enum):
    """What came of one attempt to deliver an event."""

    SUCCESS = auto()
    FUNCTION_ERROR = auto()
    """It ran and failed: an exception, a timeout, a crash."""
    THROTTLED = auto()
    SYSTEM_ERROR = auto()
    """It couldn't run, or what ran was lost, through no fault of the function."""
    ZERO_RESERVED_CONCURRENCY = auto()
    """The function was switched off by reserving no concurrency for it."""
    FUNCTION_NOT_FOUND = auto()
    """The function, version or alias was deleted after the event had been accepted."""
    RECURSIVE_LOOP = auto()
    """The event is part of a loop of invocations, and was stopped."""


class Condition(Enum):
    """Why an event is over; the values are those of a destination record, the last two are ours.

    What AWS says in the record of an event that recursion detection has stopped is unverified.
    """

    SUCCESS = "Success"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    EVENT_AGE_EXCEEDED = "EventAgeExceeded"
    ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"
    FUNCTION_NOT_FOUND = "FunctionNotFound"
    RECURSIVE_LOOP = "RecursiveLoop"


_OVER = {
    EventOutcome.SUCCESS: Condition.SUCCESS,
    EventOutcome.ZERO_RESERVED_CONCURRENCY: Condition.ZERO_RESERVED_CONCURRENCY,
    EventOutcome.FUNCTION_NOT_FOUND: Condition.FUNCTION_NOT_FOUND,
    EventOutcome.RECURSIVE_LOOP: Condition.RECURSIVE_LOOP,
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A function's event invoke config, as far as retries go; the defaults are AWS's.

    Attributes:
        maximum_retry_attempts: 0 to 2, after the first attempt.
        maximum_event_age_seconds: 60 to 21,600.
    """

    maximum_retry_attempts: int = 2
    maximum_event_age_seconds: int = 21_600


@dataclass(frozen=True, slots=True)
class EventProgress:
    """How far an event has come.

    Attributes:
        accepted_ms: when it was accepted, epoch milliseconds.
        attempts: how often the function ran and failed.
        deferrals: throttles and system errors since it was accepted or last ran.
    """

    accepted_ms: int
    attempts: int = 0
    deferrals: int = 0


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The event waits until `at_ms` (epoch) and is then attempted again."""

    at_ms: int
    progress: EventProgress


@dataclass(frozen=True, slots=True)
class Finished:
    """The event is over."""

    condition: Condition
    progress: EventProgress


def after_attempt(
    outcome: EventOutcome, progress: EventProgress, policy: RetryPolicy, *, now_ms: int
) -> TryAgain | Finished:
    """What follows from one attempt that has just ended."""
    if outcome in _OVER:
        return Finished(_OVER[outcome], progress)
    if outcome is EventOutcome.FUNCTION_ERROR:
        progress = EventProgress(progress.accepted_ms, attempts=progress.attempts + 1)
        if progress.attempts > policy.maximum_retry_attempts:
            return Finished(Condition.RETRIES_EXHAUSTED, progress)
        delay_ms = _RETRY_DELAYS_MS[min(progress.attempts, len(_RETRY_DELAYS_MS)) - 1]
    else:
        # The exponent is bounded before the power is taken: six hours of throttles make a large number of them.
        delay_ms = min(_FIRST_DEFERRAL_MS << min(progress.deferrals, 16), _LONGEST_DEFERRAL_MS)
        progress = replace(progress, deferrals=progress.deferrals + 1)
    if is_too_old(progress, policy, now_ms=now_ms + delay_ms):
        return Finished(Condition.EVENT_AGE_EXCEEDED, progress)
    return TryAgain(now_ms + delay_ms, progress)


def is_too_old(progress: EventProgress, policy: RetryPolicy, *, now_ms: int) -> bool:
    """Whether an attempt at `now_ms` would start after the event's maximum age."""
    return now_ms > too_old_after_ms(progress, policy)


def too_old_after_ms(progress: EventProgress, policy: RetryPolicy) -> int:
    """The last moment at which an attempt may start."""
    return progress.accepted_ms + policy.maximum_event_age_seconds * 1_000
