"""Functions and their versions."""

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

_functions = Table(
    "functions",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("last_version", Integer, nullable=False),
    Column("reserved_concurrency", Integer),
    Column("tags", Text, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", name="pk_functions"),
)

_function_versions = Table(
    "function_versions",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("settings", Text, nullable=False),
    Column("code_sha256", Text, nullable=False),
    Column("code_size", BigInteger, nullable=False),
    Column("last_modified_ms", BigInteger, nullable=False),
    Column("revision_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_reason", Text),
    Column("state_reason_code", Text),
    Column("last_update_status", Text),
    Column("last_update_status_reason", Text),
    Column("last_update_status_reason_code", Text),
    Column("deployment", Text),
    Column("published_from", Text),
    PrimaryKeyConstraint("account", "region", "name", "version", name="pk_function_versions"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        name="fk_function_versions_account_region_name",
        ondelete="CASCADE",
    ),
)


def upgrade(connection: Connection) -> None:
    """Create the tables of functions and function versions."""
    _tables.create_all(connection)
