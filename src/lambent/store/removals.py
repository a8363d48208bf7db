"""The end of versions and aliases, and of everything that is attached to them.

Tables of resources that belong to a function, a version or an alias (policies, URLs, event invoke configurations,
provisioned concurrency …) are made by `tables.qualified_table` and stand in `QUALIFIED_TABLES`.

Every function is a unit of work, or part of one, for `Database.write`.
"""

from sqlalchemy import Connection, Table, delete

from lambent.core.aliases import version_is_referenced
from lambent.core.function_rules import function_not_found
from lambent.core.scope import Scope
from lambent.store.aliases import names_of_aliases, remove_alias
from lambent.store.concurrency import provisioned_concurrency
from lambent.store.event_invoke_configs import event_invoke_configs
from lambent.store.function_urls import function_urls
from lambent.store.functions import find_function, function_versions, is_qualified, is_version
from lambent.store.policies import policies
from lambent.store.runtime_management import runtime_management_configs

QUALIFIED_TABLES: tuple[Table, ...] = (
    policies,
    function_urls,
    event_invoke_configs,
    runtime_management_configs,
    provisioned_concurrency,
)
"""The tables of resources that belong to a version or an alias and end with it."""


def delete_version(connection: Connection, scope: Scope, name: str, version: str) -> None:
    """Delete one published version, if it is there, with what belongs to it.

    Raises:
        ResourceNotFound: no such function.
        ResourceConflict: an alias refers to the version.
    """
    if find_function(connection, scope, name) is None:
        raise function_not_found(scope, name)
    referring = names_of_aliases(connection, scope, name, version)
    if referring:
        raise version_is_referenced(referring)
    connection.execute(delete(function_versions).where(is_version(scope, name, version)))
    _forget_qualifier(connection, scope, name, version)


def delete_alias(connection: Connection, scope: Scope, name: str, alias: str) -> None:
    """Delete one alias, if it is there, with what belongs to it."""
    remove_alias(connection, scope, name, alias)
    _forget_qualifier(connection, scope, name, alias)


def _forget_qualifier(connection: Connection, scope: Scope, name: str, qualifier: str) -> None:
    for table in QUALIFIED_TABLES:
        connection.execute(delete(table).where(is_qualified(table, scope, name, qualifier)))
