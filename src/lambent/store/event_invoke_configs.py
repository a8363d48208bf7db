"""Event invoke configurations in SQL: one row for each; a function, a version or an alias has one at most.

Every function is a unit of work for `Database.read` or `Database.write`.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Row,
    Text,
    delete,
    insert,
    select,
)

from lambent.core.deliveries import EventTerms
from lambent.core.event_invoke_configs import (
    Destinations,
    EventInvokeConfig,
    destination_function,
    destination_invalid,
    destination_is_itself,
    no_event_invoke_config,
    no_function_for_config,
)
from lambent.core.scope import Scope
from lambent.store.aliases import list_aliases
from lambent.store.functions import dead_letter_targets, is_function, is_qualified
from lambent.store.qualified import Existence, existence, qualified_rows
from lambent.store.tables import qualified_table

event_invoke_configs = qualified_table(
    "event_invoke_configs",
    Column("maximum_retry_attempts", Integer, doc="Null if not set."),
    Column("maximum_event_age_seconds", Integer, doc="Null if not set."),
    Column("on_success", Text, doc="ARN of the destination; null if there is none."),
    Column("on_failure", Text, doc="ARN of the destination; null if there is none."),
    Column("modified_ms", BigInteger, nullable=False),
)


def put_config(connection: Connection, config: EventInvokeConfig) -> None:
    """Make a configuration, instead of the one that there is if any.

    Raises:
        ResourceNotFound: no such function, version or alias.
        InvalidParameterValue: a destination that can't be.
    """
    _check_existence(connection, config.scope, config.function_name, config.qualifier)
    _check_destinations(connection, config)
    _write(connection, config)


def change_config(
    connection: Connection,
    scope: Scope,
    name: str,
    qualifier: str,
    decide: Callable[[EventInvokeConfig], EventInvokeConfig],
) -> EventInvokeConfig:
    """Replace a configuration by what `decide` makes of it.

    Raises:
        ResourceNotFound: no such function, version or alias, or it has no configuration.
        InvalidParameterValue: a destination that can't be.
    """
    _check_existence(connection, scope, name, qualifier)
    current = find_config(connection, scope, name, qualifier)
    if current is None:
        raise no_event_invoke_config(scope, name, qualifier)
    changed = decide(current)
    if changed.destinations != current.destinations:
        _check_destinations(connection, changed)
    _write(connection, changed)
    return changed


def find_config(connection: Connection, scope: Scope, name: str, qualifier: str) -> EventInvokeConfig | None:
    """The configuration of a function, a version or an alias, or None."""
    row = connection.execute(
        select(event_invoke_configs).where(is_qualified(event_invoke_configs, scope, name, qualifier))
    ).one_or_none()
    return None if row is None else _config(row)


def delete_config(connection: Connection, scope: Scope, name: str, qualifier: str) -> None:
    """Delete the configuration of a function, a version or an alias. Raises ResourceNotFound."""
    if (
        connection.execute(
            delete(event_invoke_configs).where(is_qualified(event_invoke_configs, scope, name, qualifier))
        ).rowcount
        == 0
    ):
        raise no_event_invoke_config(scope, name, qualifier)


def list_configs(
    connection: Connection, scope: Scope, name: str, qualifier: str | None, *, after: str | None, limit: int
) -> list[EventInvokeConfig]:
    """At most `limit` configurations of a function, by qualifier from `after` on: that of `$LATEST` is the first.

    Raises:
        ResourceNotFound: no such function, version or alias.
    """
    _check_existence(connection, scope, name, qualifier)
    rows = qualified_rows(connection, event_invoke_configs, scope, name, after=after, limit=limit)
    return [_config(row) for row in rows]


def event_terms(connection: Connection, scope: Scope, name: str) -> dict[str, EventTerms]:
    """What events of a function go by, by qualifier; `EventTerms()` where there is nothing.

    An alias has the dead-letter queue of its version: versions that share one have the same.
    """
    letters = dead_letter_targets(connection, scope, name)
    letters |= {alias.name: letters.get(alias.version, "") for alias in list_aliases(connection, scope, name)}
    terms = {qualifier: EventTerms(dead_letter_target=target) for qualifier, target in letters.items() if target}
    statement = select(event_invoke_configs).where(is_function(event_invoke_configs, scope, name))
    for config in map(_config, connection.execute(statement)):
        letter = letters.get(config.qualifier, "")
        terms[config.qualifier] = EventTerms(config.retry_policy, config.destinations, letter)
    return terms


def _check_existence(connection: Connection, scope: Scope, name: str, qualifier: str | None) -> None:
    if existence(connection, scope, name, qualifier) is not Existence.THERE:
        raise no_function_for_config()


def _check_destinations(connection: Connection, config: EventInvokeConfig) -> None:
    for arn in (config.destinations.on_success, config.destinations.on_failure):
        function = None if arn is None else destination_function(arn, scope=config.scope)
        if arn is None or function is None:
            continue
        if existence(connection, config.scope, function.name, function.qualifier) is not Existence.THERE:
            raise destination_invalid(arn)
        if function.name == config.function_name:
            raise destination_is_itself()


def _write(connection: Connection, config: EventInvokeConfig) -> None:
    connection.execute(
        delete(event_invoke_configs).where(
            is_qualified(event_invoke_configs, config.scope, config.function_name, config.qualifier)
        )
    )
    connection.execute(
        insert(event_invoke_configs).values(
            account=config.scope.account,
            region=config.scope.region,
            name=config.function_name,
            qualifier=config.qualifier,
            maximum_retry_attempts=config.maximum_retry_attempts,
            maximum_event_age_seconds=config.maximum_event_age_seconds,
            on_success=config.destinations.on_success,
            on_failure=config.destinations.on_failure,
            modified_ms=config.modified_ms,
        )
    )


def _config(row: Row[Any]) -> EventInvokeConfig:
    return EventInvokeConfig(
        scope=Scope(row.account, row.region),
        function_name=row.name,
        qualifier=row.qualifier,
        modified_ms=row.modified_ms,
        maximum_retry_attempts=row.maximum_retry_attempts,
        maximum_event_age_seconds=row.maximum_event_age_seconds,
        destinations=Destinations(row.on_success, row.on_failure),
    )
