"""Recursion configurations in SQL: one row for each function that was ever given one.

Every function is a unit of work for `Database.read` or `Database.write`.
"""

from sqlalchemy import (
    Column,
    Connection,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
    insert,
    select,
)

from lambent.core.recursion import DEFAULT_RECURSIVE_LOOP
from lambent.core.scope import Scope
from lambent.store.functions import is_function
from lambent.store.qualified import Existence, existence
from lambent.store.tables import control_schema

recursion_configs = Table(
    "recursion_configs",
    control_schema,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("recursive_loop", Text, nullable=False),
    PrimaryKeyConstraint("account", "region", "name"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        ondelete="CASCADE",
    ),
)


def put_recursive_loop(connection: Connection, scope: Scope, name: str, recursive_loop: str) -> bool:
    """Set what happens to a function's recursive loops; False when there is no such function."""
    if existence(connection, scope, name, None) is not Existence.THERE:
        return False
    connection.execute(delete(recursion_configs).where(is_function(recursion_configs, scope, name)))
    row = {"account": scope.account, "region": scope.region, "name": name, "recursive_loop": recursive_loop}
    connection.execute(insert(recursion_configs).values(**row))
    return True


def find_recursive_loop(connection: Connection, scope: Scope, name: str) -> str | None:
    """What happens to a function's recursive loops; None when there is no such function."""
    if existence(connection, scope, name, None) is not Existence.THERE:
        return None
    statement = select(recursion_configs.c.recursive_loop).where(is_function(recursion_configs, scope, name))
    return connection.scalar(statement) or DEFAULT_RECURSIVE_LOOP
