"""Whose turn it is: what all flows of one environment together may take of the event loop.

Each flow takes little at a time, but the loop calls all that are ready before it comes to anybody else. So the work of
an environment's flows is charged to one share, and a flow that is called when the share is used up stands in line
instead. Those in line are let go on a few at a time, the longest waiting first.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from lambent.core.loop_share import LoopShare

_LET_GO: Final = 16
# Where those that were let go had nothing to do, the next few need not wait for long.
_NEXT_SECONDS: Final = 0.002
_CALL_SECONDS: Final = 15e-6
_BYTE_SECONDS: Final = 0.4e-9


class Turns:
    """The line of one environment's flows."""

    __slots__ = ("_line", "_loop", "_share", "_timer", "over")

    def __init__(self, loop: asyncio.AbstractEventLoop, share: LoopShare | None = None) -> None:
        self._loop = loop
        self._share = share or LoopShare()
        self._line: dict[object, Callable[[], None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.over = False
        """The share is used up: who is called now must `wait`."""

    def spend(self, calls: float, size: int = 0) -> None:
        """Charge for work that was done: how many calls of a flow's worth, and the bytes that were copied."""
        pause_seconds = self._share.spend(calls * _CALL_SECONDS + size * _BYTE_SECONDS, self._loop.time())
        if pause_seconds and not self.over:
            self.over = True
            self._let_go_after(pause_seconds)

    def wait(self, who: object, go_on: Callable[[], None]) -> None:
        """Stand in line: `go_on` is called once, later, unless `who` has left."""
        self._line[who] = go_on

    def leave(self, who: object) -> None:
        """Stand in line no longer; nothing happens to those who don't."""
        self._line.pop(who, None)

    def close(self) -> None:
        """Let nobody go on any more."""
        self._line.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _let_go_after(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._let_go)

    def _let_go(self) -> None:
        self._timer = None
        self.over = False
        for who in list(self._line)[:_LET_GO]:
            go_on = self._line.pop(who, None)
            if go_on is not None:
                go_on()
        if self._line:
            self._let_go_after(_NEXT_SECONDS)
