"""Policies of functions, versions and aliases in SQL: one row for each that has one.

Every function is a unit of work, or part of one, for `Database.read` or `Database.write`.
"""

from collections.abc import Callable

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Text,
    delete,
    insert,
    select,
)

from lambent.core.arn import FunctionReference
from lambent.core.function import LATEST
from lambent.core.policies import Policy
from lambent.core.scope import Scope
from lambent.store.functions import is_qualified
from lambent.store.qualified import Existence, existence
from lambent.store.tables import qualified_table

policies = qualified_table(
    "policies",
    Column("document", Text, nullable=False, doc="JSON."),
    Column("revision_id", Text, nullable=False),
)


Decide = Callable[[Existence, Policy | None], Policy | None]
"""From what there is to the policy that shall be, None for none; raises when there can't be one."""


def find(connection: Connection, scope: Scope, reference: FunctionReference) -> Policy | None:
    """The policy of a function, version or alias; None where there is none, or nothing to have one.

    A function is meant by its name alone: nothing is attached to it as `$LATEST`.
    """
    if reference.qualifier == LATEST:
        return None
    found = select(policies).where(_is(scope, reference.name, reference.qualifier))
    row = connection.execute(found).one_or_none()
    return None if row is None else Policy(row.document, row.revision_id)


def change(connection: Connection, scope: Scope, reference: FunctionReference, decide: Decide) -> None:
    """Replace the policy of a function, version or alias by what `decide` makes of it; raises what that raises."""
    name, qualifier = reference.name, reference.qualifier
    there = existence(connection, scope, name, qualifier)
    policy = decide(there, find(connection, scope, reference))
    connection.execute(delete(policies).where(_is(scope, name, qualifier)))
    if policy is not None:
        connection.execute(
            insert(policies).values(
                account=scope.account,
                region=scope.region,
                name=name,
                qualifier=qualifier or LATEST,
                document=policy.text,
                revision_id=policy.revision_id,
            )
        )


def _is(scope: Scope, name: str, qualifier: str | None) -> ColumnElement[bool]:
    return is_qualified(policies, scope, name, qualifier or LATEST)
