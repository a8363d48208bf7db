"""The queue's database for who looks at it and tidies it up: reads on a connection of their own, writes in small bites.

A look never waits for the writer, nor the writer for a look; what changes many rows does so some at a time, so that the
events that come in meanwhile don't wait for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from lambent.core.finished_events import FinishedEvent
from lambent.store.database import in_transaction, open_engine
from lambent.store.deliveries import (
    DeliveryState,
    count_waiting_deliveries,
    deliveries_of_event,
    hasten_deliveries,
    list_waiting_deliveries,
    purge_deliveries,
    sweep_deliveries,
)
from lambent.store.events import (
    EventState,
    count_selected_events,
    hasten_events,
    list_waiting_events,
    purge_events,
)
from lambent.store.finished_events import find_finished, list_finished, sweep_finished
from lambent.store.group_commit import GroupCommit
from lambent.store.queue_selection import Selection

T = TypeVar("T")

_BITE = 1_000
"""Rows that are changed at a time: some ten milliseconds."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Some of what was asked for; `event_count` and `delivery_count` are of all of that."""

    events: Sequence[EventState]
    deliveries: Sequence[DeliveryState]
    event_count: int
    delivery_count: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """One event: `waiting` or `finished` or, if nobody knows it, neither; and what is sent because of it."""

    waiting: EventState | None
    finished: FinishedEvent | None
    deliveries: Sequence[DeliveryState]


class QueueAdministration:
    """Looks at one queue and changes it by hand. Raises StoreUnavailable when the storage fails.

    Args:
        url: of the queue's database, as of `EventQueue.open`, which must have been called.
        writer: that queue's.
    """

    def __init__(self, url: str, writer: GroupCommit) -> None:
        self._engine = open_engine(url, connections=1, read_only=True)
        self._reading = ThreadPoolExecutor(1, "queue-reader")
        self._writer = writer

    async def waiting(self, selection: Selection, *, limit: int) -> Waiting:
        """At most `limit` events and deliveries that aren't over, what is next first."""
        return await self._read(partial(_waiting, selection=selection, limit=limit))

    async def find(self, request_id: str) -> Remembered:
        """The event of a request."""
        return await self._read(partial(_find, request_id=request_id))

    async def finished(self, selection: Selection, *, failed_only: bool, limit: int) -> list[FinishedEvent]:
        """At most `limit` events that are over, the latest first."""
        return await self._read(partial(list_finished, selection=selection, failed_only=failed_only, limit=limit))

    async def hasten(self, selection: Selection, *, now_ms: int) -> tuple[int, int]:
        """Make due now what waits; how many events and deliveries."""
        events = await self._write(partial(hasten_events, selection=selection, now_ms=now_ms))
        return events, await self._write(partial(hasten_deliveries, selection=selection, now_ms=now_ms))

    async def purge(self, selection: Selection, *, now_ms: int) -> tuple[int, int]:
        """Take out what waits, without a trace but in the history; how many events and deliveries."""
        events = await self._in_bites(partial(purge_events, selection=selection, limit=_BITE, now_ms=now_ms))
        return events, await self._in_bites(partial(purge_deliveries, selection=selection, limit=_BITE))

    async def sweep(self, *, before_ms: int, keep: int) -> int:
        """Forget the history from before a time and beyond a number of events; how many events."""
        events = await self._in_bites(partial(sweep_finished, finished_before_ms=before_ms, keep=keep, limit=_BITE))
        await self._in_bites(partial(sweep_deliveries, created_before_ms=before_ms, keep=keep, limit=_BITE))
        return events

    def close(self) -> None:
        """Let go of the file."""
        self._reading.shutdown()
        self._engine.dispose()

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, in_transaction, self._engine, work)

    async def _write(self, work: Callable[[Connection], int]) -> int:
        return await self._writer.write(_each, work)

    async def _in_bites(self, work: Callable[[Connection], int]) -> int:
        total = 0
        while True:
            count = await self._write(work)
            total += count
            if count < _BITE:
                return total


def _each(connection: Connection, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
    return [work(connection) for work in works]


def _waiting(connection: Connection, *, selection: Selection, limit: int) -> Waiting:
    return Waiting(
        list_waiting_events(connection, selection, limit=limit),
        list_waiting_deliveries(connection, selection, limit=limit),
        count_selected_events(connection, selection),
        count_waiting_deliveries(connection, selection),
    )


def _find(connection: Connection, *, request_id: str) -> Remembered:
    finished = find_finished(connection, request_id)
    waiting = None
    if finished is None:
        waiting = next(iter(list_waiting_events(connection, Selection(request_id=request_id), limit=1)), None)
    return Remembered(waiting, finished, deliveries_of_event(connection, request_id))
