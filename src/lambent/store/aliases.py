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
    delete,
    insert,
    or_,
    select,
    update,
)

from lambent.core.aliases import Alias, Routing, check_versions_of_alias
from lambent.core.function import FunctionSettings
from lambent.core.function_rules import function_not_found
from lambent.core.scope import Scope
from lambent.store.function_rows import version_number, version_text
from lambent.store.functions import find_version, is_function
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


def list_aliases(
    connection: Connection,
    scope: Scope,
    name: str,
    *,
    version: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[Alias]:
    """At most `limit` aliases of a function by name from `after` on; only those that point at `version` if given."""
    statement = select(aliases).where(is_function(aliases, scope, name)).order_by(aliases.c.alias).limit(limit)
    if version is not None:
        statement = statement.where(aliases.c.version == version_number(version))
    if after is not None:
        statement = statement.where(aliases.c.alias > after)
    return [_alias(row) for row in connection.execute(statement)]


def names_of_aliases(connection: Connection, scope: Scope, name: str, version: str) -> list[str]:
    """The aliases that point at a version or route to it, sorted."""
    number = version_number(version)
    refers = or_(aliases.c.version == number, aliases.c.routed_version == number)
    statement = select(aliases.c.alias).where(is_function(aliases, scope, name), refers).order_by(aliases.c.alias)
    return list(connection.scalars(statement))


def create_alias(connection: Connection, alias: Alias) -> None:
    """Add an alias of versions that are there.

    Raises:
        ResourceNotFound: no such function, or one of the versions isn't there.
        InvalidParameterValue: the two versions have different roles or dead-letter queues.
        IntegrityError: the name is taken (`Database.write` makes it a StoreConflict).
    """
    check_versions(connection, alias)
    connection.execute(insert(aliases).values(**_to_row(alias)))


def replace_alias(connection: Connection, current: Alias, wanted: Alias) -> bool:
    """Write an alias if it is as it was read; whether it was."""
    replaced = connection.execute(
        update(aliases)
        .where(
            _is_alias(current.scope, current.function_name, current.name),
            aliases.c.revision_id == current.revision_id,
        )
        .values(**_to_row(wanted))
    )
    return replaced.rowcount == 1


def remove_alias(connection: Connection, scope: Scope, name: str, alias: str) -> None:
    """Delete an alias, if it is there, but nothing that belongs to it: `removals.delete_alias` is whole."""
    connection.execute(delete(aliases).where(_is_alias(scope, name, alias)))


def check_versions(connection: Connection, alias: Alias) -> None:
    """Whether the versions that an alias names are there and may share it.

    Raises:
        ResourceNotFound: no such function, or one of the versions isn't there.
        InvalidParameterValue: the two versions have different roles or dead-letter queues.
    """
    first = _settings_of(connection, alias, alias.version)
    if alias.routing is not None:
        check_versions_of_alias(first, _settings_of(connection, alias, alias.routing.version))


def _settings_of(connection: Connection, alias: Alias, version: str) -> FunctionSettings:
    found = find_version(connection, alias.scope, alias.function_name, version)
    if found is None:
        raise function_not_found(alias.scope, alias.function_name, version)
    return found.configuration.settings


def _is_alias(scope: Scope, name: str, alias: str) -> ColumnElement[bool]:
    return and_(is_function(aliases, scope, name), aliases.c.alias == alias)


def _to_row(alias: Alias) -> dict[str, object]:
    routing = alias.routing
    return {
        "account": alias.scope.account,
        "region": alias.scope.region,
        "name": alias.function_name,
        "alias": alias.name,
        "version": version_number(alias.version),
        "description": alias.description,
        "routed_version": None if routing is None else version_number(routing.version),
        "routed_weight": None if routing is None else routing.weight,
        "revision_id": alias.revision_id,
    }


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
