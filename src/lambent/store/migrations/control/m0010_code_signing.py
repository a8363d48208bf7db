"""Code signing configs, and which function has which."""

from sqlalchemy import BigInteger, Column, Connection, ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, Text

_tables = MetaData()

# What the foreign keys refer to; made by the first migration.
_functions = Table(
    "functions",
    _tables,
    Column("account", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("name", Text, primary_key=True),
)

_configs = Table(
    "code_signing_configs",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("config_id", Text, nullable=False),
    Column("publishers", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("last_modified_ms", BigInteger, nullable=False),
    Column("tags", Text, nullable=False),
    PrimaryKeyConstraint("account", "region", "config_id", name="pk_code_signing_configs"),
)

_of_functions = Table(
    "function_code_signing",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("config_id", Text, nullable=False, index=True),
    PrimaryKeyConstraint("account", "region", "name", name="pk_function_code_signing"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        name="fk_function_code_signing_account_region_name",
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(
        ["account", "region", "config_id"],
        ["code_signing_configs.account", "code_signing_configs.region", "code_signing_configs.config_id"],
        name="fk_function_code_signing_account_region_config_id",
    ),
)


def upgrade(connection: Connection) -> None:
    """Create both tables."""
    _configs.create(connection)
    _of_functions.create(connection)
