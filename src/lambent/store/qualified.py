"""What a qualifier stands for: is it there, and which version is it?

Other resources may be attached to a function, to one of its versions or to one of its aliases: they ask here, and what
they are attached to takes them along when it goes, which is in `removals`.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from lambent.core.function import LATEST
from lambent.core.function_rules import is_version_number
from lambent.core.scope import Scope
from lambent.store.aliases import find_alias
from lambent.store.functions import FunctionVersion, find_version, is_function, is_version


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


def find_qualified(connection: Connection, scope: Scope, name: str, qualifier: str | None) -> FunctionVersion | None:
    """The version that a qualifier stands for (None is `$LATEST`; an alias's first version), or None."""
    if qualifier is None or qualifier == LATEST or is_version_number(qualifier):
        return find_version(connection, scope, name, qualifier or LATEST)
    alias = find_alias(connection, scope, name, qualifier)
    return None if alias is None else find_version(connection, scope, name, alias.version)


def qualified_rows(
    connection: Connection, table: Table, scope: Scope, name: str, *, after: str | None, limit: int
) -> Sequence[Row[Any]]:
    """At most `limit` rows of a function in a table that has a qualifier, by qualifier from `after` on.

    That of `$LATEST` is the first, then those of versions, as text.
    """
    statement = select(table).where(is_function(table, scope, name)).order_by(table.c.qualifier).limit(limit)
    if after is not None:
        statement = statement.where(table.c.qualifier > after)
    return connection.execute(statement).all()
