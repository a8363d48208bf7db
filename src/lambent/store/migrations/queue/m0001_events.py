"""The queue of asynchronous invocations."""

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, MetaData, Table, Text

_tables = MetaData(naming_convention={"pk": "pk_%(table_name)s"})

_events = Table(
    "events",
    _tables,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("function_name", Text, nullable=False),
    Column("qualifier", Text),
    Column("request_id", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("client_context", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("deferrals", Integer, nullable=False),
    Column("visible_after_ms", BigInteger, nullable=False),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index("ix_events_visible_after_ms", "visible_after_ms"),
    sqlite_autoincrement=True,
)


def upgrade(connection: Connection) -> None:
    """Create the table of events."""
    _tables.create_all(connection)
