"""How much of the server's one thread a single execution environment may take for what nobody asked it to send.

Bytes are the wrong measure for that: an empty line, a frame without a body or a datagram costs the event loop as much
as a long one. So the work is counted in seconds, at prices that were measured and are the same on every machine, which
a clock wouldn't be: it would charge an environment for the time that others took from the thread. Whoever has used its
share isn't read from for a moment. The function then waits in its own write, and the server for nobody.
"""

from typing import Final

SHARE: Final = 0.2
"""Seconds of the thread in a second, over time."""
BURST_SECONDS: Final = 0.005
"""What may be used at once, after a while of less than the share."""
_SLICE_SECONDS: Final = 0.01


class LoopShare:
    """One environment's account; times are those of any clock that doesn't go back, in seconds."""

    __slots__ = ("_burst", "_left", "_share", "_time")

    def __init__(self, *, share: float = SHARE, burst_seconds: float = BURST_SECONDS) -> None:
        self._share = share
        self._burst = burst_seconds
        self._left = burst_seconds
        self._time = 0.0

    def spend(self, seconds: float, now: float) -> float:
        """Charge for work that was done; it may have been more than was left.

        Returns:
            how many seconds to leave the environment alone now; 0 while something is left.
        """
        self._left = min(self._burst, self._left + (now - self._time) * self._share) - seconds
        self._time = now
        if self._left > 0:
            return 0.0
        return _SLICE_SECONDS - self._left / self._share
