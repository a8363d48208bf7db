from typing import Any

import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.permissions import Permission, check_may_have_policy
from lambent.core.policies import json_text

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"


def permission(**more: Any) -> Permission:
    return Permission(
        **{"statement_id": "s1", "action": "lambda:InvokeFunction", "principal": "s3.amazonaws.com", **more}
    )


def test_a_statement_without_conditions_has_none() -> None:
    assert json_text(permission().statement(ARN)) == (
        '{"Sid":"s1","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},'
        f'"Action":"lambda:InvokeFunction","Resource":"{ARN}"}}'
    )


def test_conditions_are_in_the_order_of_aws() -> None:
    """Source: permissions.json, "every optional condition at once" (recorded); the token's place is unverified."""
    everything = permission(
        action="lambda:InvokeFunctionUrl",
        principal="*",
        source_arn="arn:aws:s3:::b",
        source_account="123456789012",
        principal_org_id="o-1234567890",
        event_source_token="token",
        function_url_auth_type="NONE",
    )
    assert json_text(everything.statement(ARN)["Condition"]) == (
        '{"StringEquals":{"AWS:SourceAccount":"123456789012","lambda:FunctionUrlAuthType":"NONE",'
        '"aws:PrincipalOrgID":"o-1234567890","lambda:EventSourceToken":"token"},'
        '"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}'
    )


@pytest.mark.parametrize(("given", "shown"), [(True, "true"), (False, "false")])
def test_whether_a_url_was_used_is_a_boolean_in_a_text(given: bool, shown: str) -> None:
    """Source: api-errors.md §9 (recorded for true)."""
    statement = permission(invoked_via_function_url=given).statement(ARN)
    assert statement["Condition"] == {"Bool": {"lambda:InvokedViaFunctionUrl": shown}}


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (
            {"function_url_auth_type": "NONE"},
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
        ),
        (
            {"function_url_auth_type": "NONE", "action": "*"},
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
        ),
        (
            {"invoked_via_function_url": True, "action": "lambda:InvokeFunctionUrl"},
            "InvokedViaFunctionUrl is only supported for lambda:InvokeFunction action",
        ),
    ],
)
def test_a_condition_goes_with_its_action_only(more: dict[str, Any], text: str) -> None:
    """Source: api-errors.md §9 (observed for FunctionUrlAuthType, unverified for the other)."""
    with pytest.raises(InvalidParameterValue) as caught:
        permission(**more).statement(ARN)
    assert caught.value.message == text


def test_latest_has_no_policy_of_its_own() -> None:
    for qualifier in (None, "1", "live"):
        check_may_have_policy(qualifier)
    with pytest.raises(InvalidParameterValue, match=r"We currently do not support adding policies for \$LATEST\."):
        check_may_have_policy("$LATEST")
