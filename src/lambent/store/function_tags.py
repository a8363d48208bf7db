"""The tags of functions in SQL. They are in the function's row; changing them makes `$LATEST` another revision.

Every function is a unit of work, or part of one, for `Database.read` or `Database.write`.
"""

import json
from collections.abc import Mapping

from sqlalchemy import Connection, update

from lambent.core.function import LATEST
from lambent.core.function_rules import check_settled
from lambent.core.scope import Scope
from lambent.store.functions import find_function, find_version, function_versions, functions, is_function, is_version


def find_tags(connection: Connection, scope: Scope, name: str) -> Mapping[str, str] | None:
    """The tags of a function; None when it isn't there."""
    function = find_function(connection, scope, name)
    return None if function is None else function.tags


def replace_tags(connection: Connection, scope: Scope, name: str, tags: Mapping[str, str], *, revision_id: str) -> bool:
    """Give a function these tags and no others; False when it isn't there.

    Args:
        revision_id: the new one of `$LATEST`.

    Raises:
        ResourceConflict: the function is being created or updated.
    """
    found = find_version(connection, scope, name)
    if found is None:
        return False
    check_settled(found.configuration)
    connection.execute(update(functions).where(is_function(functions, scope, name)).values(tags=json.dumps(dict(tags))))
    connection.execute(update(function_versions).where(is_version(scope, name, LATEST)).values(revision_id=revision_id))
    return True
