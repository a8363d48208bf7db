"""Recursion and runtime management of functions."""

from sqlalchemy import Column, Connection, ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, Text

_tables = MetaData()

# What the foreign keys refer to; made by the first migration.
_functions = Table(
    "functions",
    _tables,
    Column("account", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("name", Text, primary_key=True),
)

_recursion_configs = Table(
    "recursion_configs",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("recursive_loop", Text, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", name="pk_recursion_configs"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        name="fk_recursion_configs_account_region_name",
        ondelete="CASCADE",
    ),
)

_runtime_management_configs = Table(
    "runtime_management_configs",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("qualifier", Text, nullable=False),
    Column("update_runtime_on", Text, nullable=False),
    Column("runtime_version_arn", Text),
    PrimaryKeyConstraint("account", "region", "name", "qualifier", name="pk_runtime_management_configs"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        name="fk_runtime_management_configs_account_region_name",
        ondelete="CASCADE",
    ),
)


def upgrade(connection: Connection) -> None:
    """Create the tables of recursion configurations and of runtime management configurations."""
    _recursion_configs.create(connection)
    _runtime_management_configs.create(connection)
