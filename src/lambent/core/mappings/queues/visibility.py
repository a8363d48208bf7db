"""For how long messages are hidden while they are with a function, and how long a refused invocation is tried again.

Source: event-sources.md §2; developer guide, "Handling errors for an SQS event source". That a retry shall leave the
function its timeout is ours: on AWS it may end after the messages have become visible again (unverified).
"""

from typing import Final

_MARGIN_SECONDS: Final = 30
_MOST_SECONDS: Final = 43_200
_FIRST_DELAY_SECONDS: Final = 0.1
_LONGEST_DELAY_SECONDS: Final = 5.0


def hidden_seconds(*, queue_seconds: int, window_seconds: int, timeout_seconds: int) -> int:
    """How long a mapping hides what it receives.

    Args:
        queue_seconds: the queue's own visibility timeout.
        timeout_seconds: the function's.
    """
    needed = window_seconds + timeout_seconds
    if window_seconds and needed > queue_seconds:
        return min(needed + _MARGIN_SECONDS, _MOST_SECONDS)
    return queue_seconds


def retry_delay_seconds(refusals: int, *, left_seconds: float, timeout_seconds: int) -> float | None:
    """How long to wait before an invocation is tried again that was refused so many times; None: its messages are left.

    Args:
        left_seconds: for which the messages stay hidden.
    """
    delay = min(_FIRST_DELAY_SECONDS * 2 ** min(refusals - 1, 16), _LONGEST_DELAY_SECONDS)
    return delay if left_seconds - delay >= timeout_seconds else None
