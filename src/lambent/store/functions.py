"""Functions and their versions in SQL: one row for a function, one for each of its versions (`$LATEST` is number 0).

What SQL compares or sums is a column (revision, states, hash and size of the code); the settings are one JSON document,
so that a new setting needs no migration. Races are decided here: a function's name is a primary key, a version's row is
replaced only where its RevisionId is still the one that the decision was made on.

Every function is a unit of work, or part of one, for `Database.read` or `Database.write`.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from lambent.core.function import (
    LATEST,
    FunctionConfiguration,
    FunctionRecord,
    FunctionSettings,
    LastUpdateStatus,
    State,
)
from lambent.core.layers import stack_digest
from lambent.core.scope import Scope
from lambent.store import layers
from lambent.store.function_rows import (
    LATEST_NUMBER,
    to_configuration,
    to_deployment,
    to_record,
    to_row,
    to_settings,
    version_number,
    version_text,
)
from lambent.store.tables import control_schema

functions = Table(
    "functions",
    control_schema,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("last_version", Integer, nullable=False, doc="Number given last; numbers are never used again."),
    Column("reserved_concurrency", Integer),
    Column("tags", Text, nullable=False, doc="JSON object."),
    PrimaryKeyConstraint("account", "region", "name"),
)

function_versions = Table(
    "function_versions",
    control_schema,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False, doc="0 is $LATEST."),
    Column("settings", Text, nullable=False, doc="JSON of FunctionSettings."),
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
    Column("deployment", Text, doc="JSON of Deployment; null until the first activation."),
    Column("published_from", Text),
    Column("code_folder", Text, nullable=False, server_default="", doc="Where the code is, if it is no package."),
    PrimaryKeyConstraint("account", "region", "name", "version"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        ondelete="CASCADE",
    ),
)


class AccountUsage(NamedTuple):
    """What one account has in one region."""

    function_count: int
    total_code_size: int
    """Bytes; each version of a function or layer counts."""


class FunctionVersion(NamedTuple):
    """One version together with the function that it belongs to."""

    function: FunctionRecord
    configuration: FunctionConfiguration


def insert_function(
    connection: Connection, function: FunctionRecord, versions: Sequence[FunctionConfiguration]
) -> None:
    """Create a function with its `$LATEST` and, when it is published at once, version 1.

    Raises:
        IntegrityError: the name is taken (`Database.write` makes it a StoreConflict).
    """
    connection.execute(
        insert(functions).values(
            account=function.scope.account,
            region=function.scope.region,
            name=function.function_name,
            last_version=max(version_number(version.version) for version in versions),
            reserved_concurrency=function.reserved_concurrency,
            tags=json.dumps(dict(function.tags)),
        )
    )
    connection.execute(insert(function_versions), [to_row(version) for version in versions])


def find_function(connection: Connection, scope: Scope, name: str) -> FunctionRecord | None:
    """The function, or None."""
    row = connection.execute(select(functions).where(is_function(functions, scope, name))).one_or_none()
    return None if row is None else to_record(row)


def find_version(connection: Connection, scope: Scope, name: str, version: str = LATEST) -> FunctionVersion | None:
    """One version by number or `$LATEST`, or None when the function or the version isn't there."""
    function = find_function(connection, scope, name)
    if function is None:
        return None
    row = connection.execute(select(function_versions).where(is_version(scope, name, version))).one_or_none()
    return None if row is None else FunctionVersion(function, to_configuration(row))


def newest_version(connection: Connection, scope: Scope, name: str) -> FunctionConfiguration | None:
    """The published version with the highest number, or None."""
    statement = (
        select(function_versions)
        .where(is_function(function_versions, scope, name), function_versions.c.version > LATEST_NUMBER)
        .order_by(function_versions.c.version.desc())
        .limit(1)
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else to_configuration(row)


def all_versions(connection: Connection, scope: Scope, name: str) -> list[FunctionConfiguration]:
    """`$LATEST` and every published version of one function."""
    return [to_configuration(row) for row in connection.execute(_versions_of(scope, name))]


def dead_letter_targets(connection: Connection, scope: Scope, name: str) -> dict[str, str]:
    """The ARN of each version's dead-letter queue or topic, empty where it has none."""
    versions = select(function_versions.c.version, function_versions.c.settings)
    rows = connection.execute(versions.where(is_function(function_versions, scope, name)))
    return {version_text(row.version): json.loads(row.settings).get("dead_letter_target", "") for row in rows}


def list_versions(
    connection: Connection, scope: Scope, name: str, *, after: int | None, limit: int
) -> list[FunctionConfiguration]:
    """At most `limit` versions of a function, `$LATEST` (number 0) first, then ascending from `after` on."""
    statement = _versions_of(scope, name).limit(limit)
    if after is not None:
        statement = statement.where(function_versions.c.version > after)
    return [to_configuration(row) for row in connection.execute(statement)]


def list_functions(
    connection: Connection, scope: Scope, *, every_version: bool, after: tuple[str, int] | None, limit: int
) -> list[FunctionConfiguration]:
    """At most `limit` versions of all functions, by name and number; only each `$LATEST` unless `every_version`."""
    columns = function_versions.c
    statement = (
        select(function_versions)
        .where(columns.account == scope.account, columns.region == scope.region)
        .order_by(columns.name, columns.version)
        .limit(limit)
    )
    if not every_version:
        statement = statement.where(columns.version == LATEST_NUMBER)
    if after is not None:
        statement = statement.where(tuple_(columns.name, columns.version) > after)
    return [to_configuration(row) for row in connection.execute(statement)]


def replace_configuration(connection: Connection, configuration: FunctionConfiguration, *, seen_revision: str) -> bool:
    """Write a version back if nobody changed it since `seen_revision`; whether that was so."""
    version = is_version(configuration.scope, configuration.function_name, configuration.version)
    replaced = connection.execute(
        update(function_versions)
        .where(version, function_versions.c.revision_id == seen_revision)
        .values(**to_row(configuration))
    )
    return replaced.rowcount == 1


def publish(
    connection: Connection,
    latest: FunctionConfiguration,
    *,
    seen_revision: str,
    make_version: Callable[[str], FunctionConfiguration],
) -> FunctionConfiguration | None:
    """Write `$LATEST` back and add the version that `make_version` makes for the next number.

    Returns:
        the new version, or None when `$LATEST` was changed since `seen_revision`.
    """
    if not replace_configuration(connection, latest, seen_revision=seen_revision):
        return None
    function = is_function(functions, latest.scope, latest.function_name)
    connection.execute(update(functions).where(function).values(last_version=functions.c.last_version + 1))
    version = make_version(str(connection.scalar(select(functions.c.last_version).where(function))))
    connection.execute(insert(function_versions).values(**to_row(version)))
    return version


def delete_function(connection: Connection, scope: Scope, name: str) -> bool:
    """Delete a function with all its versions and aliases; whether it was there."""
    return connection.execute(delete(functions).where(is_function(functions, scope, name))).rowcount == 1


def unsettled_versions(connection: Connection) -> list[FunctionConfiguration]:
    """Every version, of any account, whose activation a stopped server left undone."""
    columns = function_versions.c
    statement = select(function_versions).where(
        or_(columns.state == State.PENDING, columns.last_update_status == LastUpdateStatus.IN_PROGRESS)
    )
    return [to_configuration(row) for row in connection.execute(statement)]


def runtimes_in_use(connection: Connection) -> set[str]:
    """Runtime identifiers of all versions of all accounts."""
    return {json.loads(text)["runtime"] for text in connection.scalars(select(function_versions.c.settings))}


def account_usage(connection: Connection, scope: Scope) -> AccountUsage:
    """What the account uses in this region."""
    count = connection.scalar(
        select(func.count())
        .select_from(functions)
        .where(functions.c.account == scope.account, functions.c.region == scope.region)
    )
    size = connection.scalar(
        select(func.coalesce(func.sum(function_versions.c.code_size), 0)).where(
            function_versions.c.account == scope.account, function_versions.c.region == scope.region
        )
    )
    return AccountUsage(
        function_count=int(count or 0), total_code_size=int(size or 0) + layers.code_size(connection, scope)
    )


def code_in_use(connection: Connection) -> set[str]:
    """Digests of every package and tree that a version has, or still runs while an update is under way.

    Those are deployment packages, layers (deleted ones too), and stacks of layers.
    """
    in_use = layers.code_in_use(connection)
    columns = function_versions.c
    for row in connection.execute(select(columns.code_sha256, columns.settings, columns.deployment)):
        in_use.add(row.code_sha256)
        in_use.update(_layers_in_use(to_settings(json.loads(row.settings))))
        if row.deployment is not None:
            deployment = to_deployment(row.deployment)
            in_use.add(deployment.code.sha256)
            in_use.update(_layers_in_use(deployment.settings))
    return in_use


def _layers_in_use(settings: FunctionSettings) -> list[str]:
    digests = [layer.sha256 for layer in settings.layers]
    return [*digests, stack_digest(digests)] if digests else []


def is_function(table: Table, scope: Scope, name: str) -> ColumnElement[bool]:
    """The rows of one function in a table that has account, region and name."""
    return and_(table.c.account == scope.account, table.c.region == scope.region, table.c.name == name)


def is_qualified(table: Table, scope: Scope, name: str, qualifier: str) -> ColumnElement[bool]:
    """The row of a function (`$LATEST`), a version or an alias in a table that has a qualifier as well."""
    return and_(is_function(table, scope, name), table.c.qualifier == qualifier)


def is_version(scope: Scope, name: str, version: str) -> ColumnElement[bool]:
    """The row of one version."""
    return and_(is_function(function_versions, scope, name), function_versions.c.version == version_number(version))


def _versions_of(scope: Scope, name: str) -> Select[Any]:
    return (
        select(function_versions)
        .where(is_function(function_versions, scope, name))
        .order_by(function_versions.c.version)
    )
