"""Time as a collaborator: wall clock, monotonic clock, nothing global."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime


class Clock:
    """The one source of time; handed to whatever needs it, so that tests may hand over another."""

    def now_ms(self) -> int:
        """Wall time in whole milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def now_us(self) -> int:
        """Wall time in whole microseconds since the epoch."""
        return time.time_ns() // 1_000

    def today(self) -> date:
        """The date of `now_ms` in UTC."""
        return datetime.fromtimestamp(self.now_ms() // 1000, UTC).date()

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean something."""
        return time.monotonic()


class MovableClock(Clock):
    """Another clock's time, which can be moved ahead by hand: for the queue, schedules and idle timers (DESIGN 3.11).

    Never for what a function sees or is held to: deadlines, timeouts, credentials, log timestamps.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ms = 0
        self._told: list[Callable[[], None]] = []

    @property
    def ahead_ms(self) -> int:
        """How far it was moved, in all."""
        return self._ahead_ms

    def on_moved(self, told: Callable[[], None]) -> None:
        """Have somebody told each time that it is moved: who sleeps until a time must look again."""
        self._told.append(told)

    def advance(self, ahead_ms: int) -> None:
        """Move it by a number of milliseconds, which is positive: time doesn't run backwards."""
        self._ahead_ms += ahead_ms
        for told in self._told:
            told()

    def now_ms(self) -> int:
        """Wall time in whole milliseconds since the epoch, as it would be."""
        return self._clock.now_ms() + self._ahead_ms

    def now_us(self) -> int:
        """The same in microseconds."""
        return self._clock.now_us() + self._ahead_ms * 1_000

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return self._clock.monotonic() + self._ahead_ms / 1_000


class SteadyClock(Clock):
    """Wall time that doesn't jump: the wall's when it was made, carried on by the time since the machine was started.

    For what waits until a time: somebody who sets the clock of the machine (or a daemon that has just found out how
    late it is) makes nothing due, and keeps nothing waiting. The time for which a machine sleeps counts.
    """

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - _since_boot_ns()

    def now_ms(self) -> int:
        """Epoch milliseconds, as the wall clock would say had nobody set it since."""
        return self.now_us() // 1_000

    def now_us(self) -> int:
        """The same in microseconds."""
        return (self._offset_ns + _since_boot_ns()) // 1_000


def _since_boot_ns() -> int:
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))  # macOS has only the latter
