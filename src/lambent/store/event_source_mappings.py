"""Event source mappings in SQL: one row for each, in whatever state; a deleted one is gone when it is settled.

A mapping outlives its function, as on AWS, so there is no foreign key. Duplicates are decided in the transaction that
would make one: by comparison, which finds the mapping to name, and by unique constraints where two hosts race.

Every function is a unit of work, or part of one, for `Database.read` or `Database.write`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from lambent.core.arn import FunctionReference
from lambent.core.mappings.mapping import (
    SETTLED,
    EventSourceMapping,
    MappingState,
    duplicate_of,
    no_such_function,
    settled,
)
from lambent.core.mappings.settings import MappingSettings
from lambent.core.mappings.sources import EventSource, SourceKind
from lambent.core.scope import Scope
from lambent.store.qualified import Existence, existence
from lambent.store.tables import control_schema

event_source_mappings = Table(
    "event_source_mappings",
    control_schema,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("uuid", Text, nullable=False),
    Column("function_name", Text, nullable=False),
    Column("qualifier", Text, nullable=False, doc="As the caller named it; empty where it named none."),
    Column("source_kind", Text, nullable=False),
    Column("source_arn", Text, doc="Null of self-managed Kafka."),
    Column("source_key", Text, doc="What two mappings of a function don't share; null of self-managed Kafka."),
    Column("consumer_group", Text, doc="Of Kafka, else null."),
    Column("settings", Text, nullable=False, doc="JSON of MappingSettings."),
    Column("enabled", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("last_modified_ms", BigInteger, nullable=False),
    Column("last_processing_result", Text),
    Column("revision", Integer, nullable=False),
    Column("tags", Text, nullable=False, doc="JSON object."),
    PrimaryKeyConstraint("account", "region", "uuid"),
    UniqueConstraint(
        "account", "region", "function_name", "qualifier", "source_key", name="uq_event_source_mappings_source"
    ),
    UniqueConstraint("account", "region", "consumer_group", name="uq_event_source_mappings_consumer_group"),
    Index("ix_event_source_mappings_state", "state"),
)

_WRITTEN_BY_OTHERS: Final = frozenset({"tags", "last_processing_result"})


def insert_mapping(connection: Connection, mapping: EventSourceMapping) -> None:
    """Add a mapping of a function that exists.

    Raises:
        InvalidParameterValue: the function, version or alias isn't there any more.
        ResourceConflict: the function has a mapping of this source.
        IntegrityError: it got one just now (`Database.write` makes it a StoreConflict).
    """
    _check_function(connection, mapping)
    _check_source(connection, mapping)
    connection.execute(insert(event_source_mappings).values(**_to_row(mapping)))


def find_mapping(connection: Connection, scope: Scope, uuid: str) -> EventSourceMapping | None:
    """One mapping, or None."""
    row = connection.execute(select(event_source_mappings).where(_is_mapping(scope, uuid))).one_or_none()
    return None if row is None else _mapping(row)


def list_mappings(
    connection: Connection,
    scope: Scope,
    *,
    function: FunctionReference | None,
    source_arn: str | None,
    after: str | None,
    limit: int,
) -> list[EventSourceMapping]:
    """At most `limit` mappings by UUID from `after` on, of one function (with that qualifier) or source, if given."""
    columns = event_source_mappings.c
    statement = select(event_source_mappings).where(_in_scope(scope)).order_by(columns.uuid).limit(limit)
    if function is not None:
        statement = statement.where(_is_of(function))
    if source_arn is not None:
        statement = statement.where(columns.source_arn == source_arn)
    if after is not None:
        statement = statement.where(columns.uuid > after)
    return [_mapping(row) for row in connection.execute(statement)]


def replace_mapping(connection: Connection, mapping: EventSourceMapping, *, seen: EventSourceMapping) -> bool:
    """Write a change of what was `seen` if nobody has written since; whether that was so.

    Tags and the last processing result stay as they are: others write them.

    Raises:
        As insert_mapping, where the function is another one, or the source.
    """
    if mapping.function != seen.function:
        _check_function(connection, mapping)
    if (mapping.function, mapping.source_key) != (seen.function, seen.source_key):
        _check_source(connection, mapping)
    changed = {name: value for name, value in _to_row(mapping).items() if name not in _WRITTEN_BY_OTHERS}
    replaced = connection.execute(
        update(event_source_mappings)
        .where(_is_mapping(mapping.scope, mapping.uuid), event_source_mappings.c.revision == seen.revision)
        .values(**changed)
    )
    return replaced.rowcount == 1


def find_tags(connection: Connection, scope: Scope, uuid: str) -> Mapping[str, str] | None:
    """The tags of a mapping, or None when it isn't there."""
    tags = connection.scalar(select(event_source_mappings.c.tags).where(_is_mapping(scope, uuid)))
    return None if tags is None else json.loads(tags)


def replace_tags(connection: Connection, scope: Scope, uuid: str, tags: Mapping[str, str]) -> bool:
    """Give a mapping these tags and no others; False when it isn't there."""
    replaced = connection.execute(
        update(event_source_mappings).where(_is_mapping(scope, uuid)).values(tags=json.dumps(dict(tags)))
    )
    return replaced.rowcount == 1


def unsettled_mappings(connection: Connection) -> list[EventSourceMapping]:
    """The mappings in transition, of all accounts."""
    states = [state for state in MappingState if state not in SETTLED]
    statement = select(event_source_mappings).where(event_source_mappings.c.state.in_(states))
    return [_mapping(row) for row in connection.execute(statement)]


def enabled_mappings(connection: Connection) -> list[EventSourceMapping]:
    """The mappings that are enabled, of all accounts."""
    statement = select(event_source_mappings).where(event_source_mappings.c.state == MappingState.ENABLED)
    return [_mapping(row) for row in connection.execute(statement)]


def settle_mappings(connection: Connection, mappings: Iterable[EventSourceMapping]) -> None:
    """Finish the transitions of mappings, as they were seen; one that has changed since stays as it is."""
    for mapping in mappings:
        is_seen = and_(_is_mapping(mapping.scope, mapping.uuid), event_source_mappings.c.revision == mapping.revision)
        after = settled(mapping)
        if after is None:
            connection.execute(delete(event_source_mappings).where(is_seen))
        else:
            connection.execute(
                update(event_source_mappings).where(is_seen).values(state=after.state, revision=after.revision)
            )


def _check_function(connection: Connection, mapping: EventSourceMapping) -> None:
    function = mapping.function
    if existence(connection, mapping.scope, function.name, function.qualifier) is not Existence.THERE:
        raise no_such_function()


def _check_source(connection: Connection, mapping: EventSourceMapping) -> None:
    columns = event_source_mappings.c
    related = [_is_of(mapping.function)]
    group = mapping.settings.kafka.consumer_group_id
    if group is not None:
        related.append(columns.consumer_group == group)
    statement = select(event_source_mappings).where(_in_scope(mapping.scope), or_(*related)).order_by(columns.uuid)
    conflict = duplicate_of(mapping, map(_mapping, connection.execute(statement)))
    if conflict is not None:
        raise conflict


def _in_scope(scope: Scope) -> ColumnElement[bool]:
    columns = event_source_mappings.c
    return and_(columns.account == scope.account, columns.region == scope.region)


def _is_mapping(scope: Scope, uuid: str) -> ColumnElement[bool]:
    return and_(_in_scope(scope), event_source_mappings.c.uuid == uuid)


def _is_of(function: FunctionReference) -> ColumnElement[bool]:
    columns = event_source_mappings.c
    return and_(columns.function_name == function.name, columns.qualifier == (function.qualifier or ""))


def _to_row(mapping: EventSourceMapping) -> dict[str, Any]:
    return {
        "account": mapping.scope.account,
        "region": mapping.scope.region,
        "uuid": mapping.uuid,
        "function_name": mapping.function.name,
        "qualifier": mapping.function.qualifier or "",
        "source_kind": mapping.source.kind,
        "source_arn": mapping.source.arn,
        "source_key": mapping.source_key,
        "consumer_group": mapping.settings.kafka.consumer_group_id,
        "settings": msgspec.json.encode(mapping.settings).decode(),
        "enabled": mapping.enabled,
        "state": mapping.state,
        "last_modified_ms": mapping.last_modified_ms,
        "last_processing_result": mapping.last_processing_result,
        "revision": mapping.revision,
        "tags": json.dumps(dict(mapping.tags)),
    }


def _mapping(row: Row[Any]) -> EventSourceMapping:
    return EventSourceMapping(
        scope=Scope(row.account, row.region),
        uuid=row.uuid,
        function=FunctionReference(row.function_name, row.qualifier or None),
        source=EventSource(SourceKind(row.source_kind), row.source_arn),
        settings=msgspec.json.decode(row.settings, type=MappingSettings),
        enabled=row.enabled,
        state=MappingState(row.state),
        last_modified_ms=row.last_modified_ms,
        last_processing_result=row.last_processing_result,
        revision=row.revision,
        tags=json.loads(row.tags),
    )
