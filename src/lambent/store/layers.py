"""Layers in SQL: one row for a layer, which remembers its last number for ever, and one for each of its versions.

What a function has of a layer is in the function's settings, so a version can be deleted while functions have it.
Races are decided here: a number is taken in the transaction that inserts the version, and a policy is replaced only
where its RevisionId is still the one that the decision was made on.

Every function is a unit of work, or part of one, for `Database.read` or `Database.write`.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from lambent.core.function import Code
from lambent.core.layers import LayerFilter, LayerReference, LayerVersion, LayerVersionReference, is_possible_version
from lambent.core.policies import Policy
from lambent.core.scope import Scope
from lambent.store.tables import control_schema

layers = Table(
    "layers",
    control_schema,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("last_version", Integer, nullable=False, doc="Number given last; numbers are never used again."),
    PrimaryKeyConstraint("account", "region", "name"),
)

layer_versions = Table(
    "layer_versions",
    control_schema,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("code_sha256", Text, nullable=False),
    Column("code_size", BigInteger, nullable=False),
    Column("unpacked_bytes", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("compatible_runtimes", Text, doc="JSON array; null where none was sent."),
    Column("compatible_architectures", Text, doc="JSON array; null where none was sent."),
    Column("license_info", Text),
    Column("policy", Text, doc="Its document, JSON; null where there is no policy."),
    Column("policy_revision_id", Text),
    PrimaryKeyConstraint("account", "region", "name", "version"),
    ForeignKeyConstraint(["account", "region", "name"], ["layers.account", "layers.region", "layers.name"]),
)


class StoredLayerVersion(NamedTuple):
    """One version together with its policy."""

    layer_version: LayerVersion
    policy: Policy | None


def publish(connection: Connection, layer: LayerReference, make_version: Callable[[int], LayerVersion]) -> LayerVersion:
    """Add the version that `make_version` makes for the layer's next number; the first one makes the layer.

    Raises:
        IntegrityError: somebody else just made the layer (`Database.write` makes it a StoreConflict).
    """
    the_layer = _is_layer(layers, layer)
    counted = connection.execute(update(layers).where(the_layer).values(last_version=layers.c.last_version + 1))
    if counted.rowcount == 0:
        connection.execute(insert(layers).values(**_key(layer), last_version=1))
    number = connection.scalar(select(layers.c.last_version).where(the_layer))
    version = make_version(int(number or 0))
    connection.execute(insert(layer_versions).values(**_to_row(version)))
    return version


def find_version(connection: Connection, reference: LayerVersionReference) -> StoredLayerVersion | None:
    """One version with its policy, or None."""
    if not is_possible_version(reference.version):
        return None
    row = connection.execute(select(layer_versions).where(_is_version(reference))).one_or_none()
    return None if row is None else StoredLayerVersion(_layer_version(row), _policy(row))


def list_layers(
    connection: Connection, scope: Scope, wanted: LayerFilter, *, after: str | None, limit: int
) -> list[LayerVersion]:
    """The newest version that is wanted of at most `limit` layers, by name from `after` on."""
    columns = layer_versions.c
    in_scope = and_(columns.account == scope.account, columns.region == scope.region)
    newest = (
        select(columns.name, func.max(columns.version).label("version"))
        .where(in_scope, *_conditions(wanted))
        .group_by(columns.name)
        .order_by(columns.name)
        .limit(limit)
    )
    if after is not None:
        newest = newest.where(columns.name > after)
    found = newest.subquery()
    statement = (
        select(layer_versions)
        .join(found, and_(columns.name == found.c.name, columns.version == found.c.version))
        .where(in_scope)
        .order_by(columns.name)
    )
    return [_layer_version(row) for row in connection.execute(statement)]


def list_versions(
    connection: Connection, layer: LayerReference, wanted: LayerFilter, *, before: int | None, limit: int
) -> list[LayerVersion]:
    """At most `limit` versions of a layer that are wanted, the newest first, older than `before`."""
    columns = layer_versions.c
    statement = (
        select(layer_versions)
        .where(_is_layer(layer_versions, layer), *_conditions(wanted))
        .order_by(columns.version.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(columns.version < before)
    return [_layer_version(row) for row in connection.execute(statement)]


def delete_version(connection: Connection, reference: LayerVersionReference) -> None:
    """Delete one version with its policy, if it is there; its number stays taken."""
    if is_possible_version(reference.version):
        connection.execute(delete(layer_versions).where(_is_version(reference)))


def replace_policy(
    connection: Connection, reference: LayerVersionReference, policy: Policy | None, *, seen_revision: str | None
) -> bool:
    """Write a policy, or take it away; False if it isn't `seen_revision` (None: there is none) any more."""
    revision = layer_versions.c.policy_revision_id
    replaced = connection.execute(
        update(layer_versions)
        .where(_is_version(reference), revision.is_(None) if seen_revision is None else revision == seen_revision)
        .values(
            policy=None if policy is None else policy.text,
            policy_revision_id=None if policy is None else policy.revision_id,
        )
    )
    return replaced.rowcount == 1


def code_size(connection: Connection, scope: Scope) -> int:
    """Bytes of all archives that the account has in this region; each version counts."""
    columns = layer_versions.c
    statement = select(func.coalesce(func.sum(columns.code_size), 0)).where(
        columns.account == scope.account, columns.region == scope.region
    )
    return int(connection.scalar(statement) or 0)


def code_in_use(connection: Connection) -> set[str]:
    """Digests of the archives of all versions of all accounts."""
    return set(connection.scalars(select(layer_versions.c.code_sha256)))


def _conditions(wanted: LayerFilter) -> list[ColumnElement[bool]]:
    columns = layer_versions.c
    named = ((columns.compatible_runtimes, wanted.runtime), (columns.compatible_architectures, wanted.architecture))
    # The quotation marks keep java8 from matching java8.al2.
    return [column.contains(json.dumps(name), autoescape=True) for column, name in named if name is not None]


def _key(layer: LayerReference) -> dict[str, str]:
    return {"account": layer.scope.account, "region": layer.scope.region, "name": layer.name}


def _is_layer(table: Table, layer: LayerReference) -> ColumnElement[bool]:
    return and_(*(table.c[column] == value for column, value in _key(layer).items()))


def _is_version(reference: LayerVersionReference) -> ColumnElement[bool]:
    return and_(_is_layer(layer_versions, reference.layer), layer_versions.c.version == reference.version)


def _to_row(version: LayerVersion) -> dict[str, Any]:
    return {
        **_key(LayerReference(version.scope, version.name)),
        "version": version.version,
        "description": version.description,
        "code_sha256": version.code.sha256,
        "code_size": version.code.size,
        "unpacked_bytes": version.unpacked_bytes,
        "created_ms": version.created_ms,
        "compatible_runtimes": _encoded(version.compatible_runtimes),
        "compatible_architectures": _encoded(version.compatible_architectures),
        "license_info": version.license_info,
    }


def _layer_version(row: Row[Any]) -> LayerVersion:
    return LayerVersion(
        scope=Scope(row.account, row.region),
        name=row.name,
        version=row.version,
        description=row.description,
        code=Code(row.code_sha256, row.code_size),
        unpacked_bytes=row.unpacked_bytes,
        created_ms=row.created_ms,
        compatible_runtimes=_decoded(row.compatible_runtimes),
        compatible_architectures=_decoded(row.compatible_architectures),
        license_info=row.license_info,
    )


def _policy(row: Row[Any]) -> Policy | None:
    return None if row.policy is None else Policy(row.policy, row.policy_revision_id)


def _encoded(names: tuple[str, ...] | None) -> str | None:
    return None if names is None else json.dumps(names)


def _decoded(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(json.loads(text))
