"""What the samples of permissions.json need."""

from typing import Any

from tests.api.golden_world import Reasons, Situations, World, nothing, small

FILE = "permissions"


def _add(world: World, sid: str, principal: str, **conditions: Any) -> None:
    world.client.add_permission(
        FunctionName=world.values["function"],
        StatementId=sid,
        Action="lambda:InvokeFunction",
        Principal=principal,
        **conditions,
    )


def with_statement(world: World) -> None:
    small(world)
    _add(world, "s3", "s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{world.values['bucket']}")


def with_two_statements(world: World) -> None:
    small(world)
    _add(world, "s3", "s3.amazonaws.com")
    _add(world, "sqs", "sqs.amazonaws.com", SourceArn=f"arn:aws:s3:::{world.values['bucket']}")


def _remove(world: World, sid: str) -> None:
    world.client.remove_permission(FunctionName=world.values["function"], StatementId=sid)


def with_one_of_two_removed(world: World) -> None:
    with_two_statements(world)
    _remove(world, "sqs")


def with_the_last_removed(world: World) -> None:
    with_one_of_two_removed(world)
    _remove(world, "s3")


SITUATIONS: Situations = {
    ("AddPermission", "service principal with source ARN"): small,
    ("GetPolicy", "one statement"): with_statement,
    ("AddPermission", "everyone, restricted to an account"): small,
    ("AddPermission", "service principal with source account"): small,
    ("AddPermission", "account number as principal"): small,
    ("AddPermission", "every optional condition at once"): small,
    ("AddPermission", "event source token"): small,
    ("GetPolicy", "two statements, in the order added"): with_two_statements,
    ("GetPolicy", "one of two statements removed"): with_one_of_two_removed,
    ("GetPolicy", "last statement removed"): with_the_last_removed,
    ("RemovePermission", "unknown statement, policy exists"): with_statement,
    ("AddPermission", "statement id with a dot"): small,
    ("AddPermission", "suffix of the name differs from Qualifier"): small,
    ("AddPermission", "for $LATEST"): small,
    ("AddPermission", "principal that is no AWS service"): small,
    ("AddPermission", "function does not exist"): nothing,
    ("AddPermission", "alias does not exist"): small,
    ("AddPermission", "version does not exist"): small,
    ("AddPermission", "statement id taken"): with_statement,
    ("AddPermission", "wrong RevisionId"): with_statement,
    ("GetPolicy", "function does not exist"): nothing,
    ("RemovePermission", "no policy on the function"): small,
    ("RemovePermission", "function does not exist"): nothing,
    ("RemovePermission", "alias does not exist"): small,
}

SKIPPED: Reasons = {}
