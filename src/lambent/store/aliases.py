"""Aliases in SQL: one row for each. An alias's name is unique within its function; deleting the function deletes it.

Every function is a unit of work, or part of one, for `Database.read` or `Database.write`.
"""

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Table,
    Text,
    and_,
    select,
)

from lambent.core.aliases import Alias, Routing
from lambent.core.scope import Scope
from lambent.store.functions import version_text
from lambent.store.tables import control_schema

aliases = Table(
    "aliases",
    control_schema,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False, doc="The function's."),
    Column("alias", Text, nullable=False),
    Column("version", Integer, nullable=False, doc="0 is $LATEST."),
    Column("description", Text, nullable=False),
    Column("routed_version", Integer, doc="Of RoutingConfig; null if there is none."),
    Column("routed_weight", Float),
    Column("revision_id", Text, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", "alias"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        ondelete="CASCADE",
    ),
)


def find_alias(connection: Connection, scope: Scope, name: str, alias: str) -> Alias | None:
    """One alias, or None when the function or the alias isn't there."""
    row = connection.execute(select(aliases).where(_is_alias(scope, name, alias))).one_or_none()
    return None if row is None else _alias(row)


def _is_alias(scope: Scope, name: str, alias: str) -> ColumnElement[bool]:
    columns = aliases.c
    return and_(
        columns.account == scope.account,
        columns.region == scope.region,
        columns.name == name,
        columns.alias == alias,
    )


def _alias(row: Row[Any]) -> Alias:
    return Alias(
        scope=Scope(row.account, row.region),
        function_name=row.name,
        name=row.alias,
        version=version_text(row.version),
        description=row.description,
        revision_id=row.revision_id,
        routing=None if row.routed_version is None else Routing(version_text(row.routed_version), row.routed_weight),
    )
