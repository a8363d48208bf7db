"""What may be attached to a function, to one of its versions or to one of its aliases: is it there, and its end.

Tables of such resources (policies, URLs, event invoke configurations, provisioned concurrency …) have the columns
account, region, name and qualifier (`$LATEST` for the function itself) and a foreign key to `functions` with ON DELETE
CASCADE; `forget_qualifier` takes away what a deleted version or alias had.
"""

from enum import Enum, auto

from sqlalchemy import Connection, Table, delete, select

from lambent.core.function import LATEST
from lambent.core.function_rules import is_version_number
from lambent.core.scope import Scope
from lambent.store.aliases import find_alias
from lambent.store.functions import is_function, is_version

QUALIFIED_TABLES: tuple[Table, ...] = ()
"""The tables of resources that belong to a version or an alias and end with it."""


class Existence(Enum):
    """What of a function and qualifier there is."""

    THERE = auto()
    NO_SUCH_FUNCTION = auto()
    NO_SUCH_VERSION = auto()
    NO_SUCH_ALIAS = auto()


def existence(connection: Connection, scope: Scope, name: str, qualifier: str | None) -> Existence:
    """Whether a function is there, and the version or alias that a qualifier names (None and `$LATEST` are itself).

    A qualifier that is no number is an alias's name; one with a `$` is a version's that isn't there.
    """
    if not connection.scalar(select(1).where(is_version(scope, name, LATEST))):
        return Existence.NO_SUCH_FUNCTION
    if qualifier is None or qualifier == LATEST:
        return Existence.THERE
    if is_version_number(qualifier):
        there = connection.scalar(select(1).where(is_version(scope, name, qualifier)))
        return Existence.THERE if there else Existence.NO_SUCH_VERSION
    if "$" in qualifier:
        return Existence.NO_SUCH_VERSION
    return Existence.NO_SUCH_ALIAS if find_alias(connection, scope, name, qualifier) is None else Existence.THERE


def forget_qualifier(connection: Connection, scope: Scope, name: str, qualifier: str) -> None:
    """Take away everything that a version or alias has; for the unit of work that deletes it."""
    for table in QUALIFIED_TABLES:
        connection.execute(delete(table).where(is_function(table, scope, name), table.c.qualifier == qualifier))
