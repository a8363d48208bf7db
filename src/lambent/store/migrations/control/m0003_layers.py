"""Layers and their versions."""

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

_layers = Table(
    "layers",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("last_version", Integer, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", name="pk_layers"),
)

_layer_versions = Table(
    "layer_versions",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("code_sha256", Text, nullable=False),
    Column("code_size", BigInteger, nullable=False),
    Column("unpacked_bytes", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("compatible_runtimes", Text),
    Column("compatible_architectures", Text),
    Column("license_info", Text),
    Column("policy", Text),
    Column("policy_revision_id", Text),
    PrimaryKeyConstraint("account", "region", "name", "version", name="pk_layer_versions"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["layers.account", "layers.region", "layers.name"],
        name="fk_layer_versions_account_region_name",
    ),
)


def upgrade(connection: Connection) -> None:
    """Create the tables of layers and layer versions."""
    _tables.create_all(connection)
