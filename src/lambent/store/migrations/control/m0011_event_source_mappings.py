"""Event source mappings."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

_event_source_mappings = Table(
    "event_source_mappings",
    MetaData(),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("uuid", Text, nullable=False),
    Column("function_name", Text, nullable=False),
    Column("qualifier", Text, nullable=False),
    Column("source_kind", Text, nullable=False),
    Column("source_arn", Text),
    Column("source_key", Text),
    Column("consumer_group", Text),
    Column("settings", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("last_modified_ms", BigInteger, nullable=False),
    Column("last_processing_result", Text),
    Column("revision", Integer, nullable=False),
    Column("tags", Text, nullable=False),
    PrimaryKeyConstraint("account", "region", "uuid", name="pk_event_source_mappings"),
    UniqueConstraint(
        "account", "region", "function_name", "qualifier", "source_key", name="uq_event_source_mappings_source"
    ),
    UniqueConstraint("account", "region", "consumer_group", name="uq_event_source_mappings_consumer_group"),
    Index("ix_event_source_mappings_state", "state"),
)


def upgrade(connection: Connection) -> None:
    """Create the table."""
    _event_source_mappings.create(connection)
