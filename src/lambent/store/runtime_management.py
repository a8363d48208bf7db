"""Runtime management configurations in SQL: one row for each version that was ever given one.

Every function is a unit of work for `Database.read` or `Database.write`.
"""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Text,
    delete,
    insert,
    select,
)

from lambent.core.function import FunctionConfiguration
from lambent.core.runtime_management import RuntimeManagement
from lambent.core.scope import Scope
from lambent.store.functions import find_version, is_qualified
from lambent.store.tables import qualified_table

runtime_management_configs = qualified_table(
    "runtime_management_configs",
    Column("update_runtime_on", Text, nullable=False),
    Column("runtime_version_arn", Text, doc="Null unless Manual."),
)


class ManagedVersion(NamedTuple):
    """A version with its runtime management."""

    configuration: FunctionConfiguration
    management: RuntimeManagement


def put_runtime_management(
    connection: Connection,
    scope: Scope,
    name: str,
    version: str,
    management: RuntimeManagement,
    check: Callable[[FunctionConfiguration], None],
) -> bool:
    """Set the runtime management of a version that `check` lets through; False when it isn't there.

    Raises:
        what `check` raises.
    """
    found = find_version(connection, scope, name, version)
    if found is None:
        return False
    check(found.configuration)
    connection.execute(
        delete(runtime_management_configs).where(is_qualified(runtime_management_configs, scope, name, version))
    )
    connection.execute(
        insert(runtime_management_configs).values(
            account=scope.account,
            region=scope.region,
            name=name,
            qualifier=version,
            update_runtime_on=management.update_runtime_on,
            runtime_version_arn=management.runtime_version_arn,
        )
    )
    return True


def find_runtime_management(connection: Connection, scope: Scope, name: str, version: str) -> RuntimeManagement | None:
    """The runtime management of a version, the default if it was never set; None when the version isn't there."""
    if find_version(connection, scope, name, version) is None:
        return None
    row = connection.execute(
        select(runtime_management_configs).where(is_qualified(runtime_management_configs, scope, name, version))
    ).one_or_none()
    return RuntimeManagement() if row is None else RuntimeManagement(row.update_runtime_on, row.runtime_version_arn)
