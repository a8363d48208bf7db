"""The durable queue of asynchronous invocations: see `events`, whose statements it groups into few transactions."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from lambent.core.event_records import Response
from lambent.core.retry import EventProgress
from lambent.store.database import driver_errors, in_transaction, open_engine
from lambent.store.errors import StoreOverloaded, StoreUnavailable
from lambent.store.events import (
    Accepted,
    Claim,
    ClaimedEvent,
    Ending,
    Event,
    Function,
    Reschedule,
    claim_events,
    count_events,
    end_all_leases,
    find_functions,
    finish_events,
    insert_events,
    reschedule_events,
)
from lambent.store.group_commit import GroupCommit
from lambent.store.lanes import Found, Share
from lambent.store.migrations import migrate, queue

# Of payloads that aren't on disk yet: a disk that is slower means 429, not memory.
_MAX_WAITING_BYTES = 64 * 1024 * 1024


class EventQueue:
    """The queue of one server. `open` and `close` block, and belong to start and stop."""

    def __init__(self, writer: GroupCommit) -> None:
        self._writer = writer
        self._waiting_bytes = 0

    @classmethod
    def open(cls, url: str, *, now_ms: int | None = None) -> Self:
        """Open the queue's database, bring its schema up to date and end the leases of the server before.

        Args:
            url: as SQLAlchemy has them, `sqlite:////var/lib/lambent/queue.db`.
            now_ms: epoch milliseconds; what waits until a time that no delay leads to was put off by a clock that has
                been set back since, and is due now.

        Raises:
            SchemaTooNew: a newer Lambent has written it.
            StoreUnavailable: it can't be opened, is damaged, or the disk is full.
        """
        engine = open_engine(url, connections=1)
        try:
            with driver_errors():
                migrate(engine, queue)
            in_transaction(engine, lambda connection: end_all_leases(connection, now_ms=now_ms))
        except BaseException:
            engine.dispose()
            raise
        return cls(GroupCommit(engine))

    async def enqueue(self, event: Event) -> None:
        """Accept an event, due at once; when this returns it is on disk.

        Raises:
            StoreOverloaded: too much is waiting for the disk.
            StoreUnavailable: the storage failed; the event was not accepted.
        """
        await self._insert(Accepted(event), lambda _: None)

    async def enqueue_claimed(
        self, event: Event, *, lease_until_ms: int, on_written: Callable[[ClaimedEvent | None], None]
    ) -> None:
        """Accept an event for its owner, who goes on with it at once. Raises as `enqueue`.

        Args:
            on_written: told once it is on disk, also when nobody waits for that any more; None if it was not accepted.
        """

        def written(event_id: int | None) -> None:
            if event_id is None:
                on_written(None)
            else:
                on_written(ClaimedEvent(event_id, event, EventProgress(event.accepted_ms), lease_until_ms))

        await self._insert(Accepted(event, lease_until_ms), written)

    async def _insert(self, accepted: Accepted, on_written: Callable[[int | None], None]) -> None:
        try:
            if self._waiting_bytes > _MAX_WAITING_BYTES:
                raise StoreOverloaded(f"{self._waiting_bytes} bytes of events are waiting for the disk")
            inserted = self._writer.submit(insert_events, accepted)
        except StoreUnavailable:
            on_written(None)
            raise
        size = len(accepted.event.payload)
        self._waiting_bytes += size

        def done(inserted: asyncio.Future[int]) -> None:
            self._waiting_bytes -= size
            on_written(None if inserted.exception() else inserted.result())

        inserted.add_done_callback(done)
        await asyncio.shield(inserted)

    async def lanes(self) -> list[tuple[Function, int]]:
        """Functions that have events, and when the first is due or its lease ends."""
        return await self._writer.write(find_functions, None)

    async def claim(
        self, shares: Sequence[Share[Function]], *, now_ms: int, lease_until_ms: int
    ) -> list[Found[ClaimedEvent]]:
        """Lease due events of functions, those that have been due for longest; the oldest is the first."""
        return await self._writer.write(claim_events, Claim(shares, now_ms, lease_until_ms))

    async def finish(self, ending: Ending) -> bool:
        """Take out an event that is over, and keep what follows from it.

        Returns:
            False, and nothing happens, if the lease is no longer ours.
        """
        return await self._writer.write(finish_events, ending)

    async def reschedule(
        self,
        claimed: ClaimedEvent,
        *,
        visible_after_ms: int,
        progress: EventProgress,
        failure: str = "",
        last_response: Response | None = None,
    ) -> None:
        """Give an event back, due again at a later time; nothing happens if the lease is no longer ours."""
        again = Reschedule(claimed, visible_after_ms, progress, failure, last_response)
        await self._writer.write(reschedule_events, again)

    async def release(self, claimed: ClaimedEvent) -> None:
        """Give an event back as it was, due at once; for a server that stops."""
        await self.reschedule(
            claimed,
            visible_after_ms=claimed.event.accepted_ms,
            progress=claimed.progress,
            failure=claimed.failure,
            last_response=claimed.last_response,
        )

    @property
    def writer(self) -> GroupCommit:
        """The one thread that writes to the queue's database, for whoever else has tables there."""
        return self._writer

    async def count(self) -> int:
        """How many events aren't over: due, waiting or under a lease."""
        return await self._writer.write(count_events, None)

    def close(self) -> None:
        """Commit what was handed in, and let go of the file. A second call does nothing."""
        self._writer.close()
