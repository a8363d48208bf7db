"""The durable queue of asynchronous invocations: accepted events, until they are over.

An event is *due* when its `visible_after_ms` has passed. Whoever claims a due event gets a *lease*: until its end the
event is invisible, then it is due again. A lease also is the proof of ownership: `complete` and `reschedule` change an
event only under the lease that it was claimed with, so an owner that was too slow changes nothing. At start all leases
are those of a server that is dead, and end.

So each accepted event is delivered at least once: also after a SIGKILL or a power cut, and twice at worst.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from lambent.core.retry import EventProgress
from lambent.core.scope import Scope
from lambent.store.database import driver_errors, in_transaction, open_engine
from lambent.store.errors import StoreOverloaded
from lambent.store.group_commit import GroupCommit
from lambent.store.migrations import migrate, queue
from lambent.store.tables import queue_schema

# Of payloads that aren't on disk yet: a disk that is slower means 429, not memory.
_MAX_WAITING_BYTES = 64 * 1024 * 1024

events = Table(
    "events",
    queue_schema,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("function_name", Text, nullable=False),
    Column("qualifier", Text, doc="Null where the caller gave none."),
    Column("request_id", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("client_context", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("deferrals", Integer, nullable=False),
    Column("visible_after_ms", BigInteger, nullable=False),
    Column("lease_until_ms", BigInteger, nullable=False, doc="0 while nobody has a lease."),
    Column("payload", LargeBinary, nullable=False),
    Index("ix_events_visible_after_ms", "visible_after_ms"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Event:
    """One asynchronous invocation, as it was accepted.

    Attributes:
        qualifier: as the caller gave it, None if not at all.
        payload: the caller's bytes.
        accepted_ms: epoch milliseconds.
        trace_id, client_context, tenant_id: as in `core.invocation.Invocation`.
    """

    scope: Scope
    function_name: str
    qualifier: str | None
    request_id: str
    payload: bytes = field(repr=False)
    accepted_ms: int
    trace_id: str = ""
    client_context: str = ""
    tenant_id: str = ""


@dataclass(frozen=True, slots=True)
class ClaimedEvent:
    """An event under a lease."""

    event_id: int
    event: Event
    progress: EventProgress
    lease_until_ms: int


@dataclass(frozen=True, slots=True)
class _Claim:
    limit: int
    now_ms: int
    lease_until_ms: int


@dataclass(frozen=True, slots=True)
class _Reschedule:
    claimed: ClaimedEvent
    visible_after_ms: int
    progress: EventProgress


class EventQueue:
    """The queue of one server. `open` and `close` block, and belong to start and stop."""

    def __init__(self, writer: GroupCommit) -> None:
        self._writer = writer
        self._waiting_bytes = 0

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the queue's database, bring its schema up to date and end the leases of the server before.

        Args:
            url: as SQLAlchemy has them, `sqlite:////var/lib/lambent/queue.db`.

        Raises:
            SchemaTooNew: a newer Lambent has written it.
            StoreUnavailable: it can't be opened, is damaged, or the disk is full.
        """
        engine = open_engine(url, connections=1)
        try:
            with driver_errors():
                migrate(engine, queue)
            in_transaction(engine, end_all_leases)
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
        if self._waiting_bytes > _MAX_WAITING_BYTES:
            raise StoreOverloaded(f"{self._waiting_bytes} bytes of events are waiting for the disk")
        size = len(event.payload)
        self._waiting_bytes += size
        try:
            await self._writer.write(insert_events, event)
        finally:
            self._waiting_bytes -= size

    async def claim(self, *, limit: int, now_ms: int, lease_until_ms: int) -> list[ClaimedEvent]:
        """Lease at most `limit` due events, those that have been due for longest; the oldest is the first."""
        return await self._writer.write(claim_events, _Claim(limit, now_ms, lease_until_ms))

    async def complete(self, claimed: ClaimedEvent) -> None:
        """Forget an event that is over; nothing happens if the lease is no longer ours."""
        await self._writer.write(delete_events, claimed)

    async def reschedule(self, claimed: ClaimedEvent, *, visible_after_ms: int, progress: EventProgress) -> None:
        """Give an event back, due again at a later time; nothing happens if the lease is no longer ours."""
        await self._writer.write(reschedule_events, _Reschedule(claimed, visible_after_ms, progress))

    async def release(self, claimed: ClaimedEvent) -> None:
        """Give an event back as it was, due at once; for a server that stops."""
        await self.reschedule(claimed, visible_after_ms=claimed.event.accepted_ms, progress=claimed.progress)

    async def next_visible_ms(self) -> int | None:
        """When the next event becomes due, or a lease ends (in the past: an event is due now); None: queue is empty."""
        return await self._writer.write(find_next_visible, None)

    async def count(self) -> int:
        """How many events aren't over: due, waiting or under a lease."""
        return await self._writer.write(count_events, None)

    def close(self) -> None:
        """Commit what was handed in, and let go of the file. A second call does nothing."""
        self._writer.close()


def insert_events(connection: Connection, accepted: Sequence[Event]) -> list[None]:
    """Add events, due at once."""
    connection.execute(insert(events), [_to_row(event) for event in accepted])
    return [None] * len(accepted)


def claim_events(connection: Connection, claims: Sequence[_Claim]) -> list[list[ClaimedEvent]]:
    """Lease due events to each of the claims."""
    return [_claim(connection, claim) for claim in claims]


def _claim(connection: Connection, claim: _Claim) -> list[ClaimedEvent]:
    due = (
        select(events.c.id)
        .where(events.c.visible_after_ms <= claim.now_ms)
        .order_by(events.c.visible_after_ms)
        .limit(claim.limit)
        .with_for_update(skip_locked=True)  # for PostgreSQL; SQLite has one writer anyway
    )
    leased = (
        update(events)
        .where(events.c.id.in_(due))
        .values(visible_after_ms=claim.lease_until_ms, lease_until_ms=claim.lease_until_ms)
        .returning(*events.c)
    )
    return sorted(map(_from_row, connection.execute(leased)), key=lambda claimed: claimed.event_id)


_UNDER_LEASE = (events.c.id == bindparam("event_id")) & (events.c.lease_until_ms == bindparam("lease"))


def delete_events(connection: Connection, over: Sequence[ClaimedEvent]) -> list[None]:
    """Remove events that are over."""
    connection.execute(
        delete(events).where(_UNDER_LEASE),
        [{"event_id": claimed.event_id, "lease": claimed.lease_until_ms} for claimed in over],
    )
    return [None] * len(over)


def reschedule_events(connection: Connection, requests: Sequence[_Reschedule]) -> list[None]:
    """End leases, with the time of the next attempt and the progress so far."""
    connection.execute(
        update(events)
        .where(_UNDER_LEASE)
        .values(
            lease_until_ms=0,
            visible_after_ms=bindparam("visible"),
            attempts=bindparam("attempts_so_far"),
            deferrals=bindparam("deferrals_so_far"),
        ),
        [
            {
                "event_id": request.claimed.event_id,
                "lease": request.claimed.lease_until_ms,
                "visible": request.visible_after_ms,
                "attempts_so_far": request.progress.attempts,
                "deferrals_so_far": request.progress.deferrals,
            }
            for request in requests
        ],
    )
    return [None] * len(requests)


def end_all_leases(connection: Connection) -> None:
    """Make everything that was under a lease due again: its owner is dead."""
    connection.execute(
        update(events)
        .where(events.c.lease_until_ms != 0)
        .values(lease_until_ms=0, visible_after_ms=events.c.accepted_ms)
    )


def find_next_visible(connection: Connection, askers: Sequence[None]) -> list[int | None]:
    """The smallest visible_after_ms, the same for everyone who asks."""
    return [connection.scalar(select(func.min(events.c.visible_after_ms)))] * len(askers)


def count_events(connection: Connection, askers: Sequence[None]) -> list[int]:
    """The number of events, the same for everyone who asks."""
    return [connection.scalars(select(func.count()).select_from(events)).one()] * len(askers)


def _to_row(event: Event) -> dict[str, Any]:
    return {
        "account": event.scope.account,
        "region": event.scope.region,
        "function_name": event.function_name,
        "qualifier": event.qualifier,
        "request_id": event.request_id,
        "trace_id": event.trace_id,
        "client_context": event.client_context,
        "tenant_id": event.tenant_id,
        "accepted_ms": event.accepted_ms,
        "attempts": 0,
        "deferrals": 0,
        "visible_after_ms": event.accepted_ms,
        "lease_until_ms": 0,
        "payload": event.payload,
    }


def _from_row(row: Row[Any]) -> ClaimedEvent:
    return ClaimedEvent(
        event_id=row.id,
        event=Event(
            scope=Scope(row.account, row.region),
            function_name=row.function_name,
            qualifier=row.qualifier,
            request_id=row.request_id,
            payload=row.payload,
            accepted_ms=row.accepted_ms,
            trace_id=row.trace_id,
            client_context=row.client_context,
            tenant_id=row.tenant_id,
        ),
        progress=EventProgress(row.accepted_ms, row.attempts, row.deferrals),
        lease_until_ms=row.lease_until_ms,
    )
