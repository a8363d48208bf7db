"""Tasks that belong to the server and to nobody's request."""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


class Background:
    """The tasks of one server; one that fails says so in the log.

    Attributes:
        failed: set when one that must run has ended.
    """

    def __init__(self, stack: contextlib.AsyncExitStack, stop: asyncio.Event) -> None:
        self.failed = asyncio.Event()
        self._stop = stop
        self._tasks: set[asyncio.Task[None]] = set()
        stack.push_async_callback(self._cancel)

    def start(self, work: Coroutine[Any, Any, None], *, must_run: bool = False) -> None:
        """Run work beside everything else.

        Args:
            must_run: the server can't do without it: if it fails, `failed` is set.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(functools.partial(self._ended, must_run=must_run))

    def _ended(self, task: asyncio.Task[None], *, must_run: bool) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("A part of the server has failed.", exc_info=task.exception())
            if must_run:
                self.failed.set()
                self._stop.set()

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
