"""Function URLs."""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKeyConstraint,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
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

_function_urls = Table(
    "function_urls",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("qualifier", Text, nullable=False),
    Column("url_id", Text, nullable=False),
    Column("auth_type", Text, nullable=False),
    Column("invoke_mode", Text),
    Column("cors", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("modified_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", "qualifier", name="pk_function_urls"),
    UniqueConstraint("url_id", name="uq_function_urls_url_id"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        name="fk_function_urls_account_region_name",
        ondelete="CASCADE",
    ),
)


def upgrade(connection: Connection) -> None:
    """Create the table of function URLs."""
    _function_urls.create(connection)
