"""Events in SQL: asynchronous invocations that were accepted, until they are over.

An event is *due* when its `visible_after_ms` has passed. Whoever claims a due event gets a *lease*: until its end the
event is invisible, then it is due again. A lease also is the proof of ownership: `finish` and `reschedule` change an
event only under the lease that it was claimed with, so an owner that was too slow changes nothing. At start all leases
are those of a server that is dead, and end. The events of each function are a lane (`lanes`).

So each accepted event is delivered at least once: also after a SIGKILL or a power cut, and twice at worst. When it is
over, one transaction takes it out and adds what is to be sent because of it (`deliveries`) and its history
(`finished_events`): no moment has neither, and none has both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
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
    select,
    update,
)

from lambent.core.deliveries import Delivery
from lambent.core.event_records import Response
from lambent.core.finished_events import PURGED, FinishedEvent
from lambent.core.retry import LONGEST_DELAY_MS, EventProgress
from lambent.core.scope import Scope
from lambent.store.deliveries import end_all_delivery_leases, insert_deliveries
from lambent.store.finished_events import insert_finished
from lambent.store.lanes import Found, LaneTable, Share
from lambent.store.many_rows import ForMany, InsertMany
from lambent.store.queue_selection import EVERYTHING, Selection, by_now, selected
from lambent.store.tables import queue_schema

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
    Column("failure", Text, nullable=False, server_default="", doc="Why the last attempt failed."),
    Column("executed_version", Text, nullable=False, server_default="", doc="Of the last attempt that ran."),
    Column("function_error", Text, doc="Of the last attempt that ran."),
    Column("response_payload", LargeBinary, doc="Of the last attempt that ran; null if none did."),
    Index("ix_events_function", "account", "region", "function_name", "visible_after_ms"),
    sqlite_autoincrement=True,
)


Function = tuple[Scope, str]
"""Whose events they are: a function, whatever the qualifier."""


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

    @property
    def function(self) -> Function:
        """Whose event it is."""
        return self.scope, self.function_name


@dataclass(frozen=True, slots=True)
class ClaimedEvent:
    """An event under a lease.

    Attributes:
        failure: why the attempt before failed, in one line; empty before the first.
        last_response: of the last attempt that ran.
    """

    event_id: int
    event: Event
    progress: EventProgress
    lease_until_ms: int
    failure: str = ""
    last_response: Response | None = None


@dataclass(frozen=True, slots=True)
class EventState:
    """An event that isn't over, as it is shown.

    Attributes:
        attempts: how often the function ran and failed.
        deferrals: throttles and system errors since then.
        next_attempt_ms: epoch milliseconds; None while it is being invoked.
        failure: why the last attempt failed.
    """

    scope: Scope
    function_name: str
    qualifier: str | None
    request_id: str
    accepted_ms: int
    attempts: int
    deferrals: int
    next_attempt_ms: int | None
    failure: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim asks for."""

    shares: Sequence[Share[Function]]
    now_ms: int
    lease_until_ms: int


@dataclass(frozen=True, slots=True)
class Reschedule:
    """What is written when a claimed event is to be tried again."""

    claimed: ClaimedEvent
    visible_after_ms: int
    progress: EventProgress
    failure: str
    last_response: Response | None


@dataclass(frozen=True, slots=True)
class Ending:
    """What is written when a claimed event is over."""

    claimed: ClaimedEvent
    finished: FinishedEvent
    deliveries: Sequence[Delivery] = ()


class Accepted(NamedTuple):
    """An event to be added; due at once, or under a lease if that isn't 0."""

    event: Event
    lease_until_ms: int = 0


_INSERT = InsertMany(
    events,
    (
        "account",
        "region",
        "function_name",
        "qualifier",
        "request_id",
        "trace_id",
        "client_context",
        "tenant_id",
        "accepted_ms",
        "attempts",
        "deferrals",
        "visible_after_ms",
        "lease_until_ms",
        "payload",
    ),
)


def insert_events(connection: Connection, accepted: Sequence[Accepted]) -> list[int]:
    """Add events; their ids."""
    last = _INSERT.execute(connection, [_to_row(event, lease_until_ms) for event, lease_until_ms in accepted])
    return list(range(last - len(accepted) + 1, last + 1))


def claim_events(connection: Connection, claims: Sequence[Claim]) -> list[list[Found[ClaimedEvent]]]:
    """Lease due events to each of the claims; one answer for each of its shares."""
    return [
        _LANES.claim(connection, claim.shares, now_ms=claim.now_ms, lease_until_ms=claim.lease_until_ms)
        for claim in claims
    ]


def find_functions(connection: Connection, askers: Sequence[None]) -> list[list[tuple[Function, int]]]:
    """Functions that have events, and when the first is due or its lease ends; the same for everyone who asks."""
    found = [((Scope(account, region), name), due_ms) for account, region, name, due_ms in _LANES.lanes(connection)]
    return [found] * len(askers)


_UNDER_LEASE = (events.c.id == bindparam("event_id")) & (events.c.lease_until_ms == bindparam("lease"))


_DELETE = ForMany("DELETE FROM events WHERE lease_until_ms = {mark} AND id IN ({ids})")


class LeaseLost(Exception):
    """Some event of a group was no longer its owner's: each must be looked at by itself."""


def finish_events(connection: Connection, endings: Sequence[Ending]) -> list[bool]:
    """Remove events that are over, and add what follows from those that were still their owner's.

    Raises:
        LeaseLost: one of several was not; nothing may be kept of what was done.
    """
    by_lease: dict[int, list[int]] = {}
    for ending in endings:
        by_lease.setdefault(ending.claimed.lease_until_ms, []).append(ending.claimed.event_id)
    removed = sum(_DELETE.execute(connection, event_ids, lease) for lease, event_ids in by_lease.items())
    if removed != len(endings):
        if len(endings) > 1:
            raise LeaseLost
        return [False]
    insert_finished(connection, [ending.finished for ending in endings])
    insert_deliveries(connection, [delivery for ending in endings for delivery in ending.deliveries])
    return [True] * len(endings)


def reschedule_events(connection: Connection, requests: Sequence[Reschedule]) -> list[None]:
    """End leases, with the time of the next attempt and the progress so far."""
    connection.execute(
        update(events)
        .where(_UNDER_LEASE)
        .values(
            lease_until_ms=0,
            visible_after_ms=bindparam("visible"),
            attempts=bindparam("attempts_so_far"),
            deferrals=bindparam("deferrals_so_far"),
            failure=bindparam("last_failure"),
            executed_version=bindparam("last_version"),
            function_error=bindparam("last_error"),
            response_payload=bindparam("last_payload"),
        ),
        [
            {
                "event_id": request.claimed.event_id,
                "lease": request.claimed.lease_until_ms,
                "visible": request.visible_after_ms,
                "attempts_so_far": request.progress.attempts,
                "deferrals_so_far": request.progress.deferrals,
                "last_failure": request.failure,
                "last_version": request.last_response.executed_version if request.last_response else "",
                "last_error": request.last_response.function_error if request.last_response else None,
                "last_payload": request.last_response.payload if request.last_response else None,
            }
            for request in requests
        ],
    )
    return [None] * len(requests)


def end_all_leases(connection: Connection, *, now_ms: int | None) -> None:
    """Make everything that was under a lease due again: its owner is dead. See `EventQueue.open`."""
    leased = update(events).where(_later_than(now_ms or 0), events.c.lease_until_ms != 0)
    connection.execute(leased.values(lease_until_ms=0, visible_after_ms=events.c.accepted_ms))
    end_all_delivery_leases(connection, now_ms=now_ms)
    if now_ms is not None:
        ahead = update(events).where(_later_than(now_ms), events.c.accepted_ms > now_ms)
        connection.execute(ahead.values(accepted_ms=now_ms))
        put_off = update(events).where(_later_than(now_ms + LONGEST_DELAY_MS))
        connection.execute(put_off.values(visible_after_ms=now_ms))


def _later_than(at_ms: int) -> ColumnElement[bool]:
    """What isn't visible until after that, found in the index: no other row is read."""
    return events.c.id.in_(select(events.c.id).where(events.c.visible_after_ms > at_ms))


def count_events(connection: Connection, askers: Sequence[None]) -> list[int]:
    """The number of events, the same for everyone who asks."""
    return [connection.scalars(select(func.count()).select_from(events)).one()] * len(askers)


def count_selected_events(connection: Connection, selection: Selection) -> int:
    """How many of these events aren't over."""
    return connection.scalars(select(func.count()).select_from(events).where(selected(events, selection))).one()


def list_waiting_events(connection: Connection, selection: Selection, *, limit: int) -> list[EventState]:
    """At most `limit` events that aren't over: what runs first, then by the time of the next attempt."""
    in_order = events.c.visible_after_ms, events.c.id
    if selection == EVERYTHING:  # by the index: leases end last
        of_interest: ColumnElement[bool] = events.c.id.in_(select(events.c.id).order_by(*in_order).limit(limit))
    else:
        of_interest = selected(events, selection)
    statement = select(*_SHOWN).where(of_interest).order_by(events.c.lease_until_ms == 0, *in_order).limit(limit)
    return [_state(row) for row in connection.execute(statement)]


def hasten_events(connection: Connection, selection: Selection, *, now_ms: int) -> int:
    """Make waiting events due now; how many. What has been due for longer stays ahead of what becomes due."""
    waiting = (events.c.lease_until_ms == 0) & selected(events, selection)
    return connection.execute(update(events).where(waiting).values(visible_after_ms=by_now(events, now_ms))).rowcount


def purge_events(connection: Connection, selection: Selection, *, limit: int, now_ms: int) -> int:
    """Take at most `limit` waiting events out, without sending anything; how many. Their history says so."""
    waiting = (events.c.lease_until_ms == 0) & selected(events, selection)
    some = select(events.c.id).where(waiting).limit(limit)
    purged = connection.execute(delete(events).where(events.c.id.in_(some)).returning(*_SHOWN)).all()
    insert_finished(connection, [_purged(_state(row), now_ms) for row in purged])
    return len(purged)


def _purged(state: EventState, now_ms: int) -> FinishedEvent:
    return FinishedEvent(
        scope=state.scope,
        function_name=state.function_name,
        qualifier=state.qualifier,
        request_id=state.request_id,
        accepted_ms=state.accepted_ms,
        finished_ms=now_ms,
        condition=PURGED,
        attempts=state.attempts,
        failure=state.failure,
    )


_SHOWN: tuple[ColumnElement[Any], ...] = (
    events.c.account,
    events.c.region,
    events.c.function_name,
    events.c.qualifier,
    events.c.request_id,
    events.c.accepted_ms,
    events.c.attempts,
    events.c.deferrals,
    events.c.visible_after_ms,
    events.c.lease_until_ms,
    events.c.failure,
)


def _state(row: Row[Any]) -> EventState:
    return EventState(
        scope=Scope(row.account, row.region),
        function_name=row.function_name,
        qualifier=row.qualifier,
        request_id=row.request_id,
        accepted_ms=row.accepted_ms,
        attempts=row.attempts,
        deferrals=row.deferrals,
        next_attempt_ms=None if row.lease_until_ms else row.visible_after_ms,
        failure=row.failure,
    )


def _to_row(event: Event, lease_until_ms: int) -> tuple[Any, ...]:
    return (
        event.scope.account,
        event.scope.region,
        event.function_name,
        event.qualifier,
        event.request_id,
        event.trace_id,
        event.client_context,
        event.tenant_id,
        event.accepted_ms,
        0,
        0,
        lease_until_ms or event.accepted_ms,
        lease_until_ms,
        event.payload,
    )


def _from_row(row: Any) -> ClaimedEvent:
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
        failure=row.failure,
        last_response=_last_response(row),
    )


def _last_response(row: Any) -> Response | None:
    if row.response_payload is None:
        return None
    return Response(row.executed_version, row.function_error, row.response_payload)


_LANES = LaneTable(
    events,
    ("account", "region", "function_name"),
    values_of=lambda function: (*function[0], function[1]),
    from_row=_from_row,
    key_of=lambda claimed: claimed.event.function,
)
