import json

import pytest

from lambent.core.errors import PolicyLengthExceeded, PreconditionFailed, ResourceConflict, ResourceNotFound
from lambent.core.layer_policies import (
    MAX_POLICY_BYTES,
    LayerPolicy,
    LayerStatement,
    decode_statements,
    encode_statements,
    statement_text,
)

ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:l:1"
ACTION = "lambda:GetLayerVersion"


def statement(sid: str = "s1", principal: str = "*", organization_id: str | None = None) -> LayerStatement:
    return LayerStatement.requested(sid, action=ACTION, principal=principal, organization_id=organization_id)


def policy_of(*statements: LayerStatement) -> LayerPolicy:
    return LayerPolicy(statements, "r1")


@pytest.mark.parametrize(
    ("principal", "shown"),
    [
        ("*", "*"),
        ("999999999999", {"AWS": "arn:aws:iam::999999999999:root"}),
        ("arn:aws:iam::999999999999:root", {"AWS": "arn:aws:iam::999999999999:root"}),
    ],
)
def test_a_principal_is_shown_as_iam_writes_it(principal: str, shown: object) -> None:
    document = json.loads(statement_text(statement(principal=principal), ARN))
    assert document == {"Sid": "s1", "Effect": "Allow", "Principal": shown, "Action": ACTION, "Resource": ARN}
    assert list(document) == ["Sid", "Effect", "Principal", "Action", "Resource"]


def test_an_organisation_is_a_condition() -> None:
    document = json.loads(statement_text(statement(organization_id="o-abc123defg"), ARN))
    assert document["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-abc123defg"}}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], False),
        ([statement()], True),
        ([statement(principal="999999999999")], True),
        ([statement(principal="888888888888")], False),
        ([statement(principal="888888888888"), statement("s2", "999999999999")], True),
        ([statement(organization_id="o-abc123defg")], False),
    ],
)
def test_who_is_let_in(statements: list[LayerStatement], allowed: bool) -> None:
    assert policy_of(*statements).allows("999999999999") is allowed


def test_statements_are_added_and_taken_away_until_there_is_no_policy() -> None:
    one = LayerPolicy().with_statement(statement("s1"), arn=ARN, seen_revision=None, revision_id="r1")
    two = one.with_statement(statement("s2"), arn=ARN, seen_revision="r1", revision_id="r2")
    document = json.loads(two.text(ARN))
    assert (document["Version"], document["Id"]) == ("2012-10-17", "default")
    assert [member["Sid"] for member in document["Statement"]] == ["s1", "s2"]
    less = two.without_statement("s1", seen_revision=None, revision_id="r3")
    assert (less.revision_id, [member.statement_id for member in less.statements]) == ("r3", ["s2"])
    none = less.without_statement("s2", seen_revision="r3", revision_id="r4")
    assert none == LayerPolicy()
    with pytest.raises(ResourceNotFound, match=r"No policy is associated with the given resource\."):
        none.text(ARN)


def test_another_revision_is_refused() -> None:
    with pytest.raises(PreconditionFailed, match="Call the GetLayerPolicy API"):
        policy_of(statement()).with_statement(statement("s2"), arn=ARN, seen_revision="old", revision_id="r2")
    with pytest.raises(PreconditionFailed):
        LayerPolicy().with_statement(statement(), arn=ARN, seen_revision="old", revision_id="r2")
    with pytest.raises(PreconditionFailed):
        policy_of(statement()).without_statement("s1", seen_revision="old", revision_id="r2")


def test_an_id_is_there_once() -> None:
    with pytest.raises(ResourceConflict, match=r"The statement id \(s1\) provided already exists"):
        policy_of(statement()).with_statement(statement(), arn=ARN, seen_revision=None, revision_id="r2")
    with pytest.raises(ResourceNotFound, match=r"Statement s2 is not found in resource policy\."):
        policy_of(statement()).without_statement("s2", seen_revision=None, revision_id="r2")


def test_a_policy_has_a_limit() -> None:
    policy = LayerPolicy()
    one, size = statement("s000"), 0
    while size <= MAX_POLICY_BYTES:
        policy = policy.with_statement(one, arn=ARN, seen_revision=None, revision_id="r")
        one = statement(f"s{len(policy.statements):03}")
        size = len(LayerPolicy((*policy.statements, one)).text(ARN))
    with pytest.raises(PolicyLengthExceeded) as caught:
        policy.with_statement(one, arn=ARN, seen_revision=None, revision_id="r")
    assert caught.value.message == f"The final policy size ({size}) is bigger than the limit ({MAX_POLICY_BYTES})."


def test_statements_are_kept_as_they_are() -> None:
    statements = (statement(), statement("s2", "999999999999", "o-abc123defg"))
    assert decode_statements(encode_statements(statements)) == statements
