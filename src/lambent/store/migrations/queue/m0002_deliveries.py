"""What is sent when an event is over, the history of events, and what came of a waiting event's last attempt."""

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, MetaData, Table, Text, text

_tables = MetaData(naming_convention={"pk": "pk_%(table_name)s"})

_deliveries = Table(
    "deliveries",
    _tables,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("function_name", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("function_arn", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error_message", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("visible_after_ms", BigInteger),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("failure", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_deliveries_visible_after_ms", "visible_after_ms", "target"),
    Index("ix_deliveries_request_id", "request_id"),
    sqlite_autoincrement=True,
)

_finished_events = Table(
    "finished_events",
    _tables,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("function_name", Text, nullable=False),
    Column("qualifier", Text),
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


def upgrade(connection: Connection) -> None:
    """Create two tables; give events the columns of their last attempt."""
    _tables.create_all(connection)
    blob = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    for column in (
        "failure TEXT NOT NULL DEFAULT ''",
        "executed_version TEXT NOT NULL DEFAULT ''",
        "function_error TEXT",
        f"response_payload {blob}",
    ):
        connection.execute(text(f"ALTER TABLE events ADD COLUMN {column}"))
