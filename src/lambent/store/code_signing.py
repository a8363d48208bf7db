"""Code signing configs in SQL: one row for each, and one for each function that has one.

A function has at most one config, and ends its use with itself. A config that a function has can't be deleted: that,
and that a function's config exists, is a foreign key.

Every function is a unit of work, or part of one, for `Database.read` or `Database.write`.
"""

import json
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Row,
    Table,
    Text,
    and_,
    delete,
    insert,
    select,
    update,
)

from lambent.core.code_signing import CodeSigningConfig, ConfigChange, UntrustedArtifact, check_untrusted
from lambent.core.function import FunctionConfiguration, FunctionRecord
from lambent.core.scope import Scope
from lambent.store.functions import find_function, insert_function, is_function
from lambent.store.tables import control_schema

code_signing_configs = Table(
    "code_signing_configs",
    control_schema,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("config_id", Text, nullable=False),
    Column("publishers", Text, nullable=False, doc="JSON array of ARNs."),
    Column("policy", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("last_modified_ms", BigInteger, nullable=False),
    Column("tags", Text, nullable=False, doc="JSON object."),
    PrimaryKeyConstraint("account", "region", "config_id"),
)

function_code_signing = Table(
    "function_code_signing",
    control_schema,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False, doc="The function's."),
    Column("config_id", Text, nullable=False, index=True),
    PrimaryKeyConstraint("account", "region", "name"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(
        ["account", "region", "config_id"],
        ["code_signing_configs.account", "code_signing_configs.region", "code_signing_configs.config_id"],
    ),
)


class ConfigOutcome(Enum):
    """What became of a change of a config, or of a function's."""

    DONE = auto()
    NO_SUCH_CONFIG = auto()
    NO_SUCH_FUNCTION = auto()
    IN_USE = auto()


def insert_config(connection: Connection, config: CodeSigningConfig) -> None:
    """Add a config."""
    connection.execute(insert(code_signing_configs).values(**_to_row(config)))


def find_config(connection: Connection, scope: Scope, config_id: str) -> CodeSigningConfig | None:
    """One config, or None."""
    row = connection.execute(select(code_signing_configs).where(_is_config(scope, config_id))).one_or_none()
    return None if row is None else _config(row)


def list_configs(connection: Connection, scope: Scope, *, after: str | None, limit: int) -> list[CodeSigningConfig]:
    """At most `limit` configs, by id from `after` on."""
    columns = code_signing_configs.c
    statement = (
        select(code_signing_configs)
        .where(columns.account == scope.account, columns.region == scope.region)
        .order_by(columns.config_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(columns.config_id > after)
    return [_config(row) for row in connection.execute(statement)]


def change_config(
    connection: Connection, scope: Scope, config_id: str, change: ConfigChange, *, now_ms: int
) -> CodeSigningConfig | None:
    """Change a config; it as changed, or None where there is none."""
    of_config = select(code_signing_configs).where(_is_config(scope, config_id)).with_for_update()
    row = connection.execute(of_config).one_or_none()
    if row is None:
        return None
    changed = change.of(_config(row), now_ms=now_ms)
    connection.execute(update(code_signing_configs).where(_is_config(scope, config_id)).values(**_to_row(changed)))
    return changed


def find_tags(connection: Connection, scope: Scope, config_id: str) -> Mapping[str, str] | None:
    """The tags of a configuration; None when it isn't there."""
    config = find_config(connection, scope, config_id)
    return None if config is None else config.tags


def replace_tags(connection: Connection, scope: Scope, config_id: str, tags: Mapping[str, str]) -> bool:
    """Write a config's tags; whether it is there."""
    written = connection.execute(
        update(code_signing_configs).where(_is_config(scope, config_id)).values(tags=json.dumps(dict(tags)))
    )
    return written.rowcount == 1


def delete_config(connection: Connection, scope: Scope, config_id: str) -> ConfigOutcome:
    """Delete a config that no function has."""
    if list_functions(connection, scope, config_id, after=None, limit=1):
        return ConfigOutcome.IN_USE
    deleted = connection.execute(delete(code_signing_configs).where(_is_config(scope, config_id)))
    return ConfigOutcome.DONE if deleted.rowcount else ConfigOutcome.NO_SUCH_CONFIG


def list_functions(connection: Connection, scope: Scope, config_id: str, *, after: str | None, limit: int) -> list[str]:
    """Names of at most `limit` functions that have a config, from `after` on."""
    columns = function_code_signing.c
    statement = select(columns.name).where(_is_used(scope, config_id)).order_by(columns.name).limit(limit)
    if after is not None:
        statement = statement.where(columns.name > after)
    return list(connection.scalars(statement))


def put_function_config(connection: Connection, scope: Scope, name: str, config_id: str) -> ConfigOutcome:
    """Give a function a config, instead of the one that it had; the config is looked for first."""
    if find_config(connection, scope, config_id) is None:
        return ConfigOutcome.NO_SUCH_CONFIG
    if find_function(connection, scope, name) is None:
        return ConfigOutcome.NO_SUCH_FUNCTION
    connection.execute(delete(function_code_signing).where(is_function(function_code_signing, scope, name)))
    _attach(connection, scope, name, config_id)
    return ConfigOutcome.DONE


def config_of_function(connection: Connection, scope: Scope, name: str) -> CodeSigningConfig | None:
    """The config that a function has; None where it has none or isn't there."""
    configs, uses = code_signing_configs.c, function_code_signing.c
    same_scope = and_(configs.account == uses.account, configs.region == uses.region)
    statement = (
        select(code_signing_configs)
        .join(function_code_signing, and_(same_scope, configs.config_id == uses.config_id))
        .where(is_function(function_code_signing, scope, name))
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else _config(row)


def function_and_config(connection: Connection, scope: Scope, name: str) -> tuple[bool, CodeSigningConfig | None]:
    """Whether a function is there, and its config."""
    if find_function(connection, scope, name) is None:
        return False, None
    return True, config_of_function(connection, scope, name)


def delete_function_config(connection: Connection, scope: Scope, name: str) -> ConfigOutcome:
    """Take a function's config away, if it has one."""
    if find_function(connection, scope, name) is None:
        return ConfigOutcome.NO_SUCH_FUNCTION
    connection.execute(delete(function_code_signing).where(is_function(function_code_signing, scope, name)))
    return ConfigOutcome.DONE


def insert_function_with_config(
    connection: Connection,
    function: FunctionRecord,
    versions: Sequence[FunctionConfiguration],
    *,
    config_id: str | None,
) -> ConfigOutcome:
    """Create a function together with the config that it has, if any, or nothing where that isn't there any more.

    Raises:
        CodeVerificationFailed: the config enforces signatures.
        IntegrityError: the name is taken (`Database.write` makes it a StoreConflict).
    """
    scope, name = function.scope, function.function_name
    if config_id is not None:
        config = find_config(connection, scope, config_id)
        if config is None:
            return ConfigOutcome.NO_SUCH_CONFIG
        check_untrusted(config, name)
    insert_function(connection, function, versions)
    if config_id is not None:
        _attach(connection, scope, name, config_id)
    return ConfigOutcome.DONE


def _attach(connection: Connection, scope: Scope, name: str, config_id: str) -> None:
    connection.execute(
        insert(function_code_signing).values(account=scope.account, region=scope.region, name=name, config_id=config_id)
    )


def _is_config(scope: Scope, config_id: str) -> ColumnElement[bool]:
    columns = code_signing_configs.c
    return and_(columns.account == scope.account, columns.region == scope.region, columns.config_id == config_id)


def _is_used(scope: Scope, config_id: str) -> ColumnElement[bool]:
    columns = function_code_signing.c
    return and_(columns.account == scope.account, columns.region == scope.region, columns.config_id == config_id)


def _to_row(config: CodeSigningConfig) -> dict[str, object]:
    return {
        "account": config.scope.account,
        "region": config.scope.region,
        "config_id": config.config_id,
        "publishers": json.dumps(config.publishers),
        "policy": config.policy,
        "description": config.description,
        "last_modified_ms": config.last_modified_ms,
        "tags": json.dumps(dict(config.tags)),
    }


def _config(row: Row[Any]) -> CodeSigningConfig:
    return CodeSigningConfig(
        scope=Scope(row.account, row.region),
        config_id=row.config_id,
        publishers=tuple(json.loads(row.publishers)),
        policy=UntrustedArtifact(row.policy),
        description=row.description,
        last_modified_ms=row.last_modified_ms,
        tags=json.loads(row.tags),
    )
