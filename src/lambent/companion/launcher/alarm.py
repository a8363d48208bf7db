"""Calls at times to come, all of them in one thread: nobody has to wake up in between to look."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Alarm:
    """Its thread begins with the first call that is asked for, and ends with the process."""

    def __init__(self) -> None:
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()  # of two calls at one time the older is made first
        self._changed = threading.Condition()  # guards the calls; nothing else is taken under it
        self._thread: threading.Thread | None = None

    def call_at(self, when: float, call: Callable[[], None]) -> None:
        """Make a call, which must be short and must not raise.

        Args:
            when: as `time.monotonic` counts.
        """
        with self._changed:
            heapq.heappush(self._calls, (when, next(self._numbers), call))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="alarm", daemon=True)
                self._thread.start()
            elif self._calls[0][0] == when:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            self._next()()

    def _next(self) -> Callable[[], None]:
        """Wait for the next call's time."""
        with self._changed:
            while True:
                wait = self._calls[0][0] - time.monotonic() if self._calls else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._calls)[2]
                self._changed.wait(wait)
