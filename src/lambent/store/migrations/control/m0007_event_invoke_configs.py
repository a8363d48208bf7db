"""Event invoke configurations."""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

_tables = MetaData()

# What the foreign key refers to; made by the first migration.
_functions = Table(
    "functions",
    _tables,
    Column("account", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("name", Text, primary_key=True),
)

_event_invoke_configs = Table(
    "event_invoke_configs",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("qualifier", Text, nullable=False),
    Column("maximum_retry_attempts", Integer),
    Column("maximum_event_age_seconds", Integer),
    Column("on_success", Text),
    Column("on_failure", Text),
    Column("modified_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", "qualifier", name="pk_event_invoke_configs"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        name="fk_event_invoke_configs_account_region_name",
        ondelete="CASCADE",
    ),
)


def upgrade(connection: Connection) -> None:
    """Create the table of event invoke configurations."""
    _event_invoke_configs.create(connection)
