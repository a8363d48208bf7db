"""Time as a collaborator: wall clock, monotonic clock, nothing global."""

import time
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
