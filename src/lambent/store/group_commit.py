"""Many small writes, one fsync: what waits while a transaction is being synced shares the next one.

A *unit of work* here takes several items of its kind at once (`insert_events(connection, [event, …])`), so a burst
costs one statement and one commit. An item's future is resolved after the commit, never before. Nobody waits to make a
group larger: a lone write is committed at once.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine

from lambent.store.database import in_transaction
from lambent.store.errors import StoreUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")
GroupUnit = Callable[[Connection, Sequence[Item]], Sequence[Result]]


class _Waiting(NamedTuple):
    """An item, what is to be done with it, and who wants to know."""

    unit: GroupUnit[Any, Any]
    item: Any
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class GroupCommit:
    """The one thread that writes to one database."""

    def __init__(self, engine: Engine) -> None:
        """Start the thread.

        Args:
            engine: of the database, for this writer alone; disposed of at close.
        """
        self._engine = engine
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-group-commit", daemon=True)
        self._thread.start()

    async def write(self, unit: GroupUnit[Item, Result], item: Item) -> Result:
        """Do `unit` with this item and others of its kind; when this returns, the change is on disk.

        A caller that is cancelled stops waiting; the change may still be made.

        Raises:
            StoreFull: no space left.
            StoreUnavailable: the storage failed.
        """
        return await self.submit(unit, item)

    def submit(self, unit: GroupUnit[Item, Result], item: Item) -> asyncio.Future[Result]:
        """`write` for who wants to be told even if he no longer waits: the future ends with the write.

        Raises:
            StoreUnavailable: this is closed.
        """
        if self._closed:
            raise StoreUnavailable("the queue is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._queue.put(_Waiting(unit, item, future, loop))
        return future

    def close(self) -> None:
        """Commit what was handed in, and let go of the file. A second call does nothing."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()
            self._engine.dispose()

    def _run(self) -> None:
        while True:
            group: list[_Waiting] = []
            following = self._queue.get()
            while following is not None:
                group.append(following)
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
            self._commit(group)
            if following is None:
                return

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            results = in_transaction(self._engine, lambda connection: _perform(connection, group))
        except StoreUnavailable as error:
            _resolve([(waiting, None, error) for waiting in group])
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for this item
            if len(group) == 1:
                _resolve([(group[0], None, error)])
                return
            # One item that can't be stored must not fail its neighbours.
            for waiting in group:
                self._commit([waiting])
        else:
            _resolve([(waiting, result, None) for waiting, result in results])


def _perform(connection: Connection, group: list[_Waiting]) -> list[tuple[_Waiting, Any]]:
    kinds: dict[GroupUnit[Any, Any], list[_Waiting]] = {}
    for waiting in group:
        kinds.setdefault(waiting.unit, []).append(waiting)
    performed: list[tuple[_Waiting, Any]] = []
    for unit, members in kinds.items():
        results = unit(connection, [waiting.item for waiting in members])
        performed.extend(zip(members, results, strict=True))
    return performed


def _resolve(outcomes: list[tuple[_Waiting, Any, BaseException | None]]) -> None:
    """Tell each loop once, however many of its futures there are: waking a loop is a system call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any, BaseException | None]]] = {}
    for waiting, result, error in outcomes:
        by_loop.setdefault(waiting.loop, []).append((waiting.future, result, error))
    for loop, settled in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    for future, result, error in settled:
        if future.done():  # its caller was cancelled
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
