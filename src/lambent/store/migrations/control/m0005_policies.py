"""Resource policies of functions, versions and aliases; those of layer versions become documents, too."""

import json
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    and_,
    select,
    update,
)

_tables = MetaData()

# What the foreign key refers to; made by the first migration.
_functions = Table(
    "functions",
    _tables,
    Column("account", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("name", Text, primary_key=True),
)

_policies = Table(
    "policies",
    _tables,
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("qualifier", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("revision_id", Text, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", "qualifier", name="pk_policies"),
    ForeignKeyConstraint(
        ["account", "region", "name"],
        ["functions.account", "functions.region", "functions.name"],
        name="fk_policies_account_region_name",
        ondelete="CASCADE",
    ),
)

# Made by the third migration; of it, what is needed here.
_layer_versions = Table(
    "layer_versions",
    _tables,
    Column("account", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("policy", Text),
)


def upgrade(connection: Connection) -> None:
    """Create the table of policies, and write those of layer versions, until now a list of members, as IAM does."""
    _policies.create(connection)
    key = [_layer_versions.c[name] for name in ("account", "region", "name", "version")]
    for row in connection.execute(select(_layer_versions).where(_layer_versions.c.policy.is_not(None))).all():
        arn = f"arn:aws:lambda:{row.region}:{row.account}:layer:{row.name}:{row.version}"
        statements = [_statement(members, arn) for members in json.loads(row.policy)]
        document = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        connection.execute(
            update(_layer_versions)
            .where(and_(*(column == getattr(row, column.name) for column in key)))
            .values(policy=json.dumps(document, separators=(",", ":")))
        )


def _statement(members: dict[str, Any], arn: str) -> dict[str, Any]:
    principal = members["principal"]
    statement = {
        "Sid": members["statement_id"],
        "Effect": "Allow",
        "Principal": principal if principal == "*" else {"AWS": principal},
        "Action": members["action"],
        "Resource": arn,
    }
    if members["organization_id"] is not None:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": members["organization_id"]}}
    return statement
