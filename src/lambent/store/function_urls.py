"""Function URLs in SQL: one row for each; a function, and each of its aliases, has one at most.

Every function is a unit of work for `Database.read` or `Database.write`.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Row,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from lambent.core.function_urls import (
    Cors,
    FunctionUrlConfig,
    check_function,
    no_function_for_url,
    no_such_url,
    url_exists,
)
from lambent.core.scope import Scope
from lambent.store.functions import is_qualified
from lambent.store.qualified import Existence, existence, find_qualified, qualified_rows
from lambent.store.tables import qualified_table

function_urls = qualified_table(
    "function_urls",
    Column("url_id", Text, nullable=False),
    Column("auth_type", Text, nullable=False),
    Column("invoke_mode", Text, doc="Null if it was never sent."),
    Column("cors", Text, doc="JSON of the members that were sent; null if there are no CORS settings."),
    Column("created_ms", BigInteger, nullable=False),
    Column("modified_ms", BigInteger, nullable=False),
    UniqueConstraint("url_id"),
)


def create_url(connection: Connection, config: FunctionUrlConfig) -> None:
    """Add a URL.

    Raises:
        ResourceNotFound: no such function or alias.
        InvalidParameterValue: a function that can't have one.
        ResourceConflict: it has one.
    """
    scope, name, qualifier = config.scope, config.function_name, config.qualifier
    function = find_qualified(connection, scope, name, qualifier)
    if function is None:
        raise no_function_for_url()
    check_function(function.configuration.settings)
    if find_url(connection, scope, name, qualifier) is not None:
        raise url_exists(scope, name, qualifier)
    connection.execute(insert(function_urls).values(**_to_row(config)))


def find_url(connection: Connection, scope: Scope, name: str, qualifier: str) -> FunctionUrlConfig | None:
    """The URL of a function or an alias, or None."""
    row = connection.execute(
        select(function_urls).where(is_qualified(function_urls, scope, name, qualifier))
    ).one_or_none()
    return None if row is None else _config(row)


def find_url_by_id(connection: Connection, url_id: str) -> FunctionUrlConfig | None:
    """The URL with an identifier, whosever it is, or None."""
    row = connection.execute(select(function_urls).where(function_urls.c.url_id == url_id)).one_or_none()
    return None if row is None else _config(row)


def change_url(
    connection: Connection,
    scope: Scope,
    name: str,
    qualifier: str,
    decide: Callable[[FunctionUrlConfig], FunctionUrlConfig],
) -> FunctionUrlConfig:
    """Replace a URL's configuration by what `decide` makes of it.

    Raises:
        ResourceNotFound: no such function or alias, or it has no URL.
    """
    _check_existence(connection, scope, name, qualifier)
    current = find_url(connection, scope, name, qualifier)
    if current is None:
        raise no_such_url()
    changed = decide(current)
    connection.execute(
        update(function_urls).where(is_qualified(function_urls, scope, name, qualifier)).values(**_to_row(changed))
    )
    return changed


def delete_url(connection: Connection, scope: Scope, name: str, qualifier: str) -> None:
    """Delete the URL of a function or an alias. Raises ResourceNotFound."""
    deleted = connection.execute(delete(function_urls).where(is_qualified(function_urls, scope, name, qualifier)))
    if deleted.rowcount == 0:
        raise no_such_url()


def list_urls(
    connection: Connection, scope: Scope, name: str, qualifier: str | None, *, after: str | None, limit: int
) -> list[FunctionUrlConfig]:
    """At most `limit` URLs of a function and its aliases, by qualifier from `after` on: its own is the first.

    Raises:
        ResourceNotFound: no such function, version or alias.
    """
    _check_existence(connection, scope, name, qualifier)
    return [_config(row) for row in qualified_rows(connection, function_urls, scope, name, after=after, limit=limit)]


def _check_existence(connection: Connection, scope: Scope, name: str, qualifier: str | None) -> None:
    if existence(connection, scope, name, qualifier) is not Existence.THERE:
        raise no_function_for_url()


def _to_row(config: FunctionUrlConfig) -> dict[str, Any]:
    return {
        "account": config.scope.account,
        "region": config.scope.region,
        "name": config.function_name,
        "qualifier": config.qualifier,
        "url_id": config.url_id,
        "auth_type": config.auth_type,
        "invoke_mode": config.invoke_mode,
        "cors": None if config.cors is None else json.dumps(config.cors.members()),
        "created_ms": config.created_ms,
        "modified_ms": config.modified_ms,
    }


def _config(row: Row[Any]) -> FunctionUrlConfig:
    return FunctionUrlConfig(
        scope=Scope(row.account, row.region),
        function_name=row.name,
        qualifier=row.qualifier,
        url_id=row.url_id,
        auth_type=row.auth_type,
        created_ms=row.created_ms,
        modified_ms=row.modified_ms,
        cors=None if row.cors is None else Cors.of(json.loads(row.cors)),
        invoke_mode=row.invoke_mode,
    )
