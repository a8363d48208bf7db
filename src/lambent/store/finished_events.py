"""The history of asynchronous invocations in SQL: one row for each that is over, until it is swept.

Numbers grow with time and are never used again, so that the oldest rows are those of the smallest numbers: the sweep
needs no index but the primary key's.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Table,
    Text,
    delete,
    func,
    select,
)

from lambent.core.finished_events import FinishedEvent
from lambent.core.scope import Scope
from lambent.store.many_rows import InsertMany
from lambent.store.queue_selection import Selection, selected
from lambent.store.tables import queue_schema

finished_events = Table(
    "finished_events",
    queue_schema,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("function_name", Text, nullable=False),
    Column("qualifier", Text, doc="Null where the caller gave none."),
    Column("request_id", Text, nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger, nullable=False),
    Column("condition", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("executed_version", Text, nullable=False),
    Column("failure", Text, nullable=False),
    Index("ix_finished_events_request_id", "request_id"),
    sqlite_autoincrement=True,
)


_INSERT = InsertMany(
    finished_events,
    (
        "account",
        "region",
        "function_name",
        "qualifier",
        "request_id",
        "accepted_ms",
        "finished_ms",
        "condition",
        "attempts",
        "executed_version",
        "failure",
    ),
)


def insert_finished(connection: Connection, finished: Sequence[FinishedEvent]) -> None:
    """Remember events that are over."""
    _INSERT.execute(connection, [_to_row(event) for event in finished])


def find_finished(connection: Connection, request_id: str) -> FinishedEvent | None:
    """The event of a request, if it is over; the latest end where it ended twice."""
    statement = select(finished_events).where(finished_events.c.request_id == request_id)
    row = connection.execute(statement.order_by(finished_events.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _from_row(row)


def list_finished(
    connection: Connection, selection: Selection, *, failed_only: bool, limit: int
) -> list[FinishedEvent]:
    """At most `limit` events that are over, the latest first."""
    statement = select(finished_events).where(selected(finished_events, selection))
    statement = statement.order_by(finished_events.c.id.desc()).limit(limit)
    if failed_only:
        statement = statement.where(finished_events.c.condition != "Success")
    return [_from_row(row) for row in connection.execute(statement)]


def sweep_finished(connection: Connection, *, finished_before_ms: int, keep: int, limit: int) -> int:
    """Forget at most `limit` of the oldest rows: those from before a time, and those beyond a number of rows.

    Returns:
        how many were forgotten; `limit` if there may be more.
    """
    newest = connection.scalar(select(func.max(finished_events.c.id))) or 0
    oldest = select(finished_events.c.id).order_by(finished_events.c.id).limit(limit)
    too_old = (finished_events.c.finished_ms < finished_before_ms) | (finished_events.c.id <= newest - keep)
    swept = connection.execute(delete(finished_events).where(finished_events.c.id.in_(oldest), too_old))
    return swept.rowcount


def _to_row(event: FinishedEvent) -> tuple[Any, ...]:
    return (
        event.scope.account,
        event.scope.region,
        event.function_name,
        event.qualifier,
        event.request_id,
        event.accepted_ms,
        event.finished_ms,
        event.condition,
        event.attempts,
        event.executed_version,
        event.failure,
    )


def _from_row(row: Row[Any]) -> FinishedEvent:
    return FinishedEvent(
        scope=Scope(row.account, row.region),
        function_name=row.function_name,
        qualifier=row.qualifier,
        request_id=row.request_id,
        accepted_ms=row.accepted_ms,
        finished_ms=row.finished_ms,
        condition=row.condition,
        attempts=row.attempts,
        executed_version=row.executed_version,
        failure=row.failure,
    )
