"""Changes of aliases, decided on what there is: the alias, the versions it names, and what is provisioned for it.

Every function is a unit of work for `Database.write`.
"""

from sqlalchemy import Connection

from lambent.core.aliases import Alias, AliasChange, alias_to_update_not_found, changed, check_alias_revision
from lambent.core.provisioned import check_moved_alias
from lambent.core.scope import Scope
from lambent.store.aliases import check_versions, find_alias, replace_alias
from lambent.store.concurrency import provisioned_function


def update_alias(
    connection: Connection, scope: Scope, name: str, alias: str, change: AliasChange, *, revision_id: str
) -> Alias | None:
    """Change an alias if it is as `change` expects it.

    Args:
        revision_id: the new one.

    Returns:
        the alias as it is now, or None if somebody else was faster.

    Raises:
        ResourceNotFound: no such alias, or no such version.
        InvalidParameterValue: a routing that isn't allowed, or a version for which nothing can be provisioned.
        PreconditionFailed: another revision than the one expected.
        ResourceConflict: the alias has provisioned concurrency, and so has the version.
    """
    current = find_alias(connection, scope, name, alias)
    if current is None:
        raise alias_to_update_not_found(scope, name, alias)
    wanted = changed(current, change, revision_id=revision_id)
    check_versions(connection, wanted)
    check_alias_revision(current, change.revision_id)
    if wanted.version != current.version:
        _check_provisioned(connection, wanted)
    return wanted if replace_alias(connection, current, wanted) else None


def _check_provisioned(connection: Connection, moved: Alias) -> None:
    provisioned = provisioned_function(connection, moved.scope, moved.function_name)
    qualifiers = {config.qualifier for config in provisioned.configs}
    if moved.name in qualifiers:
        versions = {alias.name: alias.version for alias in provisioned.aliases}
        check_moved_alias(moved, {versions.get(other, other) for other in qualifiers - {moved.name}})
