import pytest

from lambent.core.layer_policies import LayerPermission, lets_in
from lambent.core.policies import Policy, add_statement, json_text

ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:l:1"
ACTION = "lambda:GetLayerVersion"


def permission(sid: str = "s1", principal: str = "*", organization_id: str | None = None) -> LayerPermission:
    return LayerPermission(sid, ACTION, principal, organization_id)


def policy_of(*permissions: LayerPermission) -> Policy | None:
    policy: Policy | None = None
    for one in permissions:
        policy = add_statement(
            policy, one.statement(ARN), seen_revision=None, revision_id="r1", read_operation="GetLayerPolicy"
        )
    return policy


def test_a_statement_is_shown_as_iam_writes_it() -> None:
    """Source: api-errors.md §8 (recorded)."""
    assert json_text(permission(principal="999999999999", organization_id="o-abc123defg").statement(ARN)) == (
        '{"Sid":"s1","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},'
        f'"Action":"lambda:GetLayerVersion","Resource":"{ARN}",'
        '"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abc123defg"}}}'
    )
    assert permission().statement(ARN)["Principal"] == "*"


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ([], False),
        ([permission()], True),
        ([permission(principal="999999999999")], True),
        ([permission(principal="arn:aws:iam::999999999999:root")], True),
        ([permission(principal="888888888888")], False),
        ([permission(principal="888888888888"), permission("s2", "999999999999")], True),
        ([permission(organization_id="o-abc123defg")], False),
    ],
)
def test_who_is_let_in(permissions: list[LayerPermission], allowed: bool) -> None:
    assert lets_in(policy_of(*permissions), "999999999999") is allowed
