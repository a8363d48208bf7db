"""What functions set aside of their account's concurrency: reservations, and provisioned concurrency configs.

Both are limited by the same account, so whoever writes one reads both in the same unit of work.

Every function is a unit of work, or part of one, for `Database.read` or `Database.write`.
"""

from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Row,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from lambent.core.aliases import Alias
from lambent.core.concurrency import AccountLimits, Claim, check_reservation
from lambent.core.function import FunctionConfiguration
from lambent.core.function_rules import function_not_found, is_version_number
from lambent.core.provisioned import (
    ProvisionedConfig,
    check_alias,
    check_amount,
    check_conflict,
    check_function,
    qualifier_not_found,
)
from lambent.core.scope import Scope
from lambent.store.aliases import find_alias, list_aliases
from lambent.store.functions import all_versions, find_function, functions, is_function, is_qualified
from lambent.store.qualified import Existence, existence, find_qualified
from lambent.store.tables import qualified_table

provisioned_concurrency = qualified_table(
    "provisioned_concurrency",
    Column("requested", Integer, nullable=False),
    Column("last_modified_ms", BigInteger, nullable=False),
)


class Reservation(NamedTuple):
    """Concurrent executions that are set aside for one function."""

    scope: Scope
    function_name: str
    reserved_concurrency: int


class ProvisionedFunction(NamedTuple):
    """All that says what is provisioned for one function."""

    configs: list[ProvisionedConfig]
    aliases: list[Alias]
    versions: list[FunctionConfiguration]


# --- reservations ---


def reserve_concurrency(
    connection: Connection, scope: Scope, name: str, *, reserved: int | None, limits: AccountLimits
) -> bool:
    """Set or (None) remove a function's reservation; whether the function is there.

    Raises:
        InvalidParameterValue: it can't have so much, or so little.
    """
    claims = _claims(connection, scope)
    if name not in claims:
        return False
    if reserved is not None:
        others = _total(claims) - claims[name].total
        check_reservation(reserved, provisioned=claims[name].provisioned, claimed_by_others=others, limits=limits)
    connection.execute(
        update(functions).where(is_function(functions, scope, name)).values(reserved_concurrency=reserved)
    )
    return True


def reservations(connection: Connection) -> list[Reservation]:
    """Every reservation of every account."""
    columns = functions.c
    statement = select(functions).where(columns.reserved_concurrency.is_not(None))
    return [
        Reservation(Scope(row.account, row.region), row.name, row.reserved_concurrency)
        for row in connection.execute(statement)
    ]


def claimed_concurrency(connection: Connection, scope: Scope) -> int:
    """What the account's functions have set aside together."""
    return _total(_claims(connection, scope))


# --- provisioned concurrency ---


def put_provisioned(connection: Connection, config: ProvisionedConfig, *, limits: AccountLimits) -> None:
    """Write a config, instead of the one that its qualifier had.

    Raises:
        ResourceNotFound: no such version or alias.
        InvalidParameterValue: an alias or an amount that can't be.
        ResourceConflict: the version is provisioned already.
    """
    scope, name, qualifier = config.scope, config.function_name, config.qualifier
    _check_there(connection, scope, name, qualifier)
    function = find_qualified(connection, scope, name, qualifier)
    assert function is not None  # the alias of a version that is there
    check_function(function.configuration)
    alias = _alias(connection, scope, name, qualifier)
    if alias is not None:
        check_alias(alias)
    others = [other for other in _configs_of(connection, scope, name) if other.qualifier != qualifier]
    version = qualifier if alias is None else alias.version
    targets = {other.qualifier: _version_of(connection, other) for other in others}
    check_conflict(qualifier=qualifier, others={key: value for key, value in targets.items() if value == version})
    claims = _claims(connection, scope)
    check_amount(
        config.requested,
        others=sum(other.requested for other in others),
        reserved=claims[name].reserved,
        claimed_by_others=_total(claims) - claims[name].total,
        limits=limits,
    )
    delete_provisioned(connection, scope, name, qualifier)
    connection.execute(
        insert(provisioned_concurrency).values(
            account=scope.account,
            region=scope.region,
            name=name,
            qualifier=qualifier,
            requested=config.requested,
            last_modified_ms=config.last_modified_ms,
        )
    )


def find_provisioned(connection: Connection, scope: Scope, name: str, qualifier: str) -> ProvisionedConfig | None:
    """The config of a version or alias, or None.

    Raises:
        ResourceNotFound: no such version or alias.
    """
    _check_there(connection, scope, name, qualifier)
    row = connection.execute(
        select(provisioned_concurrency).where(is_qualified(provisioned_concurrency, scope, name, qualifier))
    ).one_or_none()
    return None if row is None else _config(row)


def list_provisioned(
    connection: Connection, scope: Scope, name: str, *, after: str | None, limit: int
) -> list[ProvisionedConfig]:
    """At most `limit` configs of a function, by qualifier from `after` on.

    Raises:
        ResourceNotFound: no such function.
    """
    if find_function(connection, scope, name) is None:
        raise function_not_found(scope, name)
    configs = _configs_of(connection, scope, name)
    return [config for config in configs if after is None or config.qualifier > after][:limit]


def remove_provisioned(connection: Connection, scope: Scope, name: str, qualifier: str) -> None:
    """Delete the config of a version or alias, if it has one.

    Raises:
        ResourceNotFound: no such version or alias.
    """
    _check_there(connection, scope, name, qualifier)
    delete_provisioned(connection, scope, name, qualifier)


def delete_provisioned(connection: Connection, scope: Scope, name: str, qualifier: str) -> None:
    """Delete a config, if it is there."""
    connection.execute(
        delete(provisioned_concurrency).where(is_qualified(provisioned_concurrency, scope, name, qualifier))
    )


def provisioned_function(connection: Connection, scope: Scope, name: str) -> ProvisionedFunction:
    """What is provisioned for a function, and for which of its versions."""
    configs = _configs_of(connection, scope, name)
    if not configs:
        return ProvisionedFunction([], [], [])
    return ProvisionedFunction(configs, list_aliases(connection, scope, name), all_versions(connection, scope, name))


def provisioned_functions(connection: Connection) -> list[tuple[Scope, str]]:
    """Every function of every account for which something is provisioned."""
    columns = provisioned_concurrency.c
    statement = select(columns.account, columns.region, columns.name).distinct()
    return [(Scope(row.account, row.region), row.name) for row in connection.execute(statement)]


def _claims(connection: Connection, scope: Scope) -> dict[str, Claim]:
    """What each function of an account has set aside.

    The account's rows are locked so that two writers at once can't both see room (SQLite has one writer anyway).
    """
    columns, provisioned = functions.c, provisioned_concurrency.c
    account = and_(columns.account == scope.account, columns.region == scope.region)
    reserved = connection.execute(select(columns.name, columns.reserved_concurrency).where(account).with_for_update())
    requested = connection.execute(
        select(provisioned.name, func.sum(provisioned.requested).label("requested"))
        .where(provisioned.account == scope.account, provisioned.region == scope.region)
        .group_by(provisioned.name)
    )
    amounts = {row.name: int(row.requested) for row in requested}
    return {row.name: Claim(row.reserved_concurrency, amounts.get(row.name, 0)) for row in reserved}


def _total(claims: dict[str, Claim]) -> int:
    return sum(claim.total for claim in claims.values())


def _check_there(connection: Connection, scope: Scope, name: str, qualifier: str) -> None:
    if existence(connection, scope, name, qualifier) is not Existence.THERE:
        raise qualifier_not_found(scope, name, qualifier)


def _alias(connection: Connection, scope: Scope, name: str, qualifier: str) -> Alias | None:
    return None if is_version_number(qualifier) else find_alias(connection, scope, name, qualifier)


def _version_of(connection: Connection, config: ProvisionedConfig) -> str:
    alias = _alias(connection, config.scope, config.function_name, config.qualifier)
    return config.qualifier if alias is None else alias.version


def _configs_of(connection: Connection, scope: Scope, name: str) -> list[ProvisionedConfig]:
    statement = (
        select(provisioned_concurrency)
        .where(is_function(provisioned_concurrency, scope, name))
        .order_by(provisioned_concurrency.c.qualifier)
    )
    return [_config(row) for row in connection.execute(statement)]


def _config(row: Row[Any]) -> ProvisionedConfig:
    return ProvisionedConfig(
        Scope(row.account, row.region), row.name, row.qualifier, row.requested, row.last_modified_ms
    )
