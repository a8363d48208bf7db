"""What is sent when events are over, in SQL: one row for each record or dead letter, claimed and leased like events.

A delivery that is over stays without its body, to tell where a record went or why it didn't, until the history of its
event is swept. `visible_after_ms` is null then, and the index has only what is to be sent. Each target is a lane.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from lambent.core.deliveries import LONGEST_DELAY_MS, Delivery, DeliveryKind, DeliveryProgress
from lambent.core.scope import Scope
from lambent.store.lanes import Found, LaneTable, Share
from lambent.store.queue_selection import Selection, by_now, selected
from lambent.store.tables import queue_schema

WAITING, DELIVERED, GIVEN_UP, PURGED = "", "Delivered", "GivenUp", "Purged"
"""The outcomes of deliveries."""

_WAITS = text("visible_after_ms IS NOT NULL")

deliveries = Table(
    "deliveries",
    queue_schema,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("function_name", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("function_arn", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target", Text, nullable=False, doc="An ARN."),
    Column("trace_id", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error_message", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("visible_after_ms", BigInteger, doc="Null when it is over."),
    Column("lease_until_ms", BigInteger, nullable=False, doc="0 while nobody has a lease."),
    Column("outcome", Text, nullable=False, doc="Empty until it is over."),
    Column("failure", Text, nullable=False, doc="Why the last attempt failed."),
    Column("body", LargeBinary, nullable=False),
    Index("ix_deliveries_target", "target", "visible_after_ms", sqlite_where=_WAITS, postgresql_where=_WAITS),
    Index("ix_deliveries_request_id", "request_id"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery under a lease."""

    delivery_id: int
    delivery: Delivery
    progress: DeliveryProgress
    lease_until_ms: int


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """A delivery as it is shown.

    Attributes:
        outcome: `WAITING`, `DELIVERED`, `GIVEN_UP` or `PURGED`.
        next_attempt_ms: epoch milliseconds; None when it is over, or being sent.
        failure: why the last attempt failed.
    """

    function_name: str
    request_id: str
    kind: str
    target: str
    attempts: int
    outcome: str
    next_attempt_ms: int | None
    failure: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim asks for, by target."""

    shares: Sequence[Share[str]]
    now_ms: int
    lease_until_ms: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a claimed delivery: it is over (`outcome`), or waits until `visible_after_ms`."""

    claimed: ClaimedDelivery
    progress: DeliveryProgress
    failure: str
    outcome: str = WAITING
    visible_after_ms: int | None = None


def insert_deliveries(connection: Connection, new: Sequence[Delivery]) -> None:
    """Add deliveries, due at once."""
    if new:
        connection.execute(insert(deliveries), [_to_row(delivery) for delivery in new])


def claim_deliveries(connection: Connection, claims: Sequence[Claim]) -> list[list[Found[ClaimedDelivery]]]:
    """Lease due deliveries to each of the claims; one answer for each of its shares."""
    return [
        _LANES.claim(connection, claim.shares, now_ms=claim.now_ms, lease_until_ms=claim.lease_until_ms)
        for claim in claims
    ]


def find_targets(connection: Connection, askers: Sequence[None]) -> list[list[tuple[str, int]]]:
    """Targets that something is to be sent to, and when the first is due or its lease ends."""
    return [[(target, due_ms) for target, due_ms in _LANES.lanes(connection)]] * len(askers)


def settle_deliveries(connection: Connection, settled: Sequence[Settled]) -> list[bool]:
    """Write down what came of deliveries; for each whether its lease was still its owner's."""
    return [_settle(connection, one) for one in settled]


def _settle(connection: Connection, settled: Settled) -> bool:
    values: dict[str, Any] = {
        "attempts": settled.progress.attempts,
        "refusals": settled.progress.refusals,
        "failure": settled.failure,
        "lease_until_ms": 0,
        "visible_after_ms": settled.visible_after_ms,
    }
    if settled.outcome != WAITING:
        values |= {"outcome": settled.outcome, "visible_after_ms": None, "body": b""}
    claimed = settled.claimed
    under_lease = (deliveries.c.id == claimed.delivery_id) & (deliveries.c.lease_until_ms == claimed.lease_until_ms)
    return connection.execute(update(deliveries).where(under_lease).values(values)).rowcount == 1


def end_all_delivery_leases(connection: Connection, *, now_ms: int | None) -> None:
    """Make due what was under a lease: its owner is dead; and what a clock has put off that was set back since."""
    leased = update(deliveries).where(_later_than(now_ms or 0), deliveries.c.lease_until_ms != 0)
    connection.execute(leased.values(lease_until_ms=0, visible_after_ms=deliveries.c.created_ms))
    if now_ms is not None:
        ahead = update(deliveries).where(_later_than(now_ms), deliveries.c.created_ms > now_ms)
        connection.execute(ahead.values(created_ms=now_ms))
        put_off = update(deliveries).where(_later_than(now_ms + LONGEST_DELAY_MS))
        connection.execute(put_off.values(visible_after_ms=now_ms))


def _later_than(at_ms: int) -> ColumnElement[bool]:
    """What isn't visible until after that, found in the index: no other row is read."""
    return deliveries.c.id.in_(select(deliveries.c.id).where(deliveries.c.visible_after_ms > at_ms))


def deliveries_of_event(connection: Connection, request_id: str) -> list[DeliveryState]:
    """What was, or will be, sent because an event is over."""
    statement = select(*_SHOWN).where(deliveries.c.request_id == request_id).order_by(deliveries.c.id)
    return [_state(row) for row in connection.execute(statement)]


def list_waiting_deliveries(connection: Connection, selection: Selection, *, limit: int) -> list[DeliveryState]:
    """At most `limit` deliveries that aren't over, the next one first."""
    waiting = deliveries.c.visible_after_ms.is_not(None)
    statement = select(*_SHOWN).where(waiting, selected(deliveries, selection))
    statement = statement.order_by(deliveries.c.visible_after_ms).limit(limit)
    return [_state(row) for row in connection.execute(statement)]


def count_waiting_deliveries(connection: Connection, selection: Selection) -> int:
    """How many of these deliveries aren't over."""
    waiting = deliveries.c.visible_after_ms.is_not(None) & selected(deliveries, selection)
    return connection.scalars(select(func.count()).select_from(deliveries).where(waiting)).one()


def hasten_deliveries(connection: Connection, selection: Selection, *, now_ms: int) -> int:
    """Make waiting deliveries due now; how many."""
    waiting = update(deliveries).where(_idle(), selected(deliveries, selection))
    return connection.execute(waiting.values(visible_after_ms=by_now(deliveries, now_ms))).rowcount


def purge_deliveries(connection: Connection, selection: Selection, *, limit: int) -> int:
    """Give up at most `limit` waiting deliveries; how many."""
    some = select(deliveries.c.id).where(_idle(), selected(deliveries, selection)).limit(limit)
    over = {"outcome": PURGED, "visible_after_ms": None, "body": b""}
    return connection.execute(update(deliveries).where(deliveries.c.id.in_(some)).values(over)).rowcount


def sweep_deliveries(connection: Connection, *, created_before_ms: int, keep: int, limit: int) -> int:
    """Forget at most `limit` of the oldest deliveries that are over: see `finished_events.sweep_finished`."""
    newest = connection.scalar(select(func.max(deliveries.c.id))) or 0
    too_old = (deliveries.c.created_ms < created_before_ms) | (deliveries.c.id <= newest - keep)
    over = deliveries.c.visible_after_ms.is_(None)
    oldest = select(deliveries.c.id).where(over).order_by(deliveries.c.id).limit(limit)
    return connection.execute(delete(deliveries).where(deliveries.c.id.in_(oldest), too_old)).rowcount


def _idle() -> ColumnElement[bool]:
    return (deliveries.c.lease_until_ms == 0) & deliveries.c.visible_after_ms.is_not(None)


_SHOWN: tuple[ColumnElement[Any], ...] = (
    deliveries.c.function_name,
    deliveries.c.request_id,
    deliveries.c.kind,
    deliveries.c.target,
    deliveries.c.attempts,
    deliveries.c.outcome,
    deliveries.c.visible_after_ms,
    deliveries.c.lease_until_ms,
    deliveries.c.failure,
)


def _state(row: Row[Any]) -> DeliveryState:
    next_attempt_ms = None if row.lease_until_ms else row.visible_after_ms
    return DeliveryState(
        row.function_name,
        row.request_id,
        row.kind,
        row.target,
        row.attempts,
        row.outcome,
        next_attempt_ms,
        row.failure,
    )


def _to_row(delivery: Delivery) -> dict[str, Any]:
    return {
        "account": delivery.scope.account,
        "region": delivery.scope.region,
        "function_name": delivery.function_name,
        "request_id": delivery.request_id,
        "function_arn": delivery.function_arn,
        "condition": delivery.condition,
        "kind": delivery.kind.value,
        "target": delivery.target,
        "trace_id": delivery.trace_id,
        "error_code": delivery.error_code,
        "error_message": delivery.error_message,
        "created_ms": delivery.created_ms,
        "attempts": 0,
        "refusals": 0,
        "visible_after_ms": delivery.created_ms,
        "lease_until_ms": 0,
        "outcome": WAITING,
        "failure": "",
        "body": delivery.body,
    }


def _from_row(row: Any) -> ClaimedDelivery:
    return ClaimedDelivery(
        delivery_id=row.id,
        delivery=Delivery(
            scope=Scope(row.account, row.region),
            function_name=row.function_name,
            request_id=row.request_id,
            function_arn=row.function_arn,
            condition=row.condition,
            kind=DeliveryKind(row.kind),
            target=row.target,
            body=row.body,
            created_ms=row.created_ms,
            trace_id=row.trace_id,
            error_code=row.error_code,
            error_message=row.error_message,
        ),
        progress=DeliveryProgress(row.created_ms, row.attempts, row.refusals),
        lease_until_ms=row.lease_until_ms,
    )


_LANES = LaneTable(
    deliveries,
    ("target",),
    values_of=lambda target: (target,),
    from_row=_from_row,
    key_of=lambda claimed: claimed.delivery.target,
)
