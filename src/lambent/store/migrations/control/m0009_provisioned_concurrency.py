"""Configurations of provisioned concurrency."""

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

_provisioned = Table(
    "provisioned_concurrency",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("qualifier", Text, nullable=False),
    Column("requested", Integer, nullable=False),
    Column("last_modified_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", "qualifier", name="pk_provisioned_concurrency"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        name="fk_provisioned_concurrency_account_region_name",
        ondelete="CASCADE",
    ),
)


def upgrade(connection: Connection) -> None:
    """Create the table of provisioned concurrency."""
    _provisioned.create(connection)
