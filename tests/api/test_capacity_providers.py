"""Capacity providers and durable executions: an account that has none, and what Lambent doesn't have.

Sources: api-durable-capacity.md, the API reference of each operation.
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, refusal, settle
from tests.lambent_server import REGION

pytestmark = pytest.mark.root

ROLE = "arn:aws:iam::123456789012:role/operator"
TOKEN = "c29tZXRoaW5n"


def execution_arn(account: str) -> str:
    return f"arn:aws:lambda:{REGION}:{account}:function:my-function:1/durable-execution/mine/abc"


def answer(client: Any, operation: str, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        client._make_api_call(operation, request)
    return refusal(error)


def test_there_is_no_capacity_provider(client: Any, account: str) -> None:
    assert client.list_capacity_providers()["CapacityProviders"] == []
    arn = f"arn:aws:lambda:{REGION}:{account}:capacity-provider:mine"
    for operation in (
        "GetCapacityProvider",
        "UpdateCapacityProvider",
        "DeleteCapacityProvider",
        "ListFunctionVersionsByCapacityProvider",
    ):
        for name in ("mine", arn):
            expected = ("ResourceNotFoundException", f"Capacity provider not found: {arn}")
            assert answer(client, operation, CapacityProviderName=name) == expected


def test_a_function_has_no_durable_executions(client: Any, account: str) -> None:
    create(client)
    settle(client)
    assert client.list_durable_executions_by_function(FunctionName="my-function")["DurableExecutions"] == []
    code, text = answer(client, "ListDurableExecutionsByFunction", FunctionName="missing")
    assert code == "ResourceNotFoundException"
    assert text.endswith(":function:missing")
    for operation in ("GetDurableExecution", "GetDurableExecutionHistory", "DeleteDurableExecution"):
        code, text = answer(client, operation, DurableExecutionArn=execution_arn(account))
        assert code == "ResourceNotFoundException"
        assert execution_arn(account) in text


REFUSED: dict[str, dict[str, Any]] = {
    "CreateCapacityProvider": {
        "CapacityProviderName": "mine",
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": []},
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": ROLE},
    },
    "CheckpointDurableExecution": {"DurableExecutionArn": "", "CheckpointToken": TOKEN},
    "GetDurableExecutionState": {"DurableExecutionArn": "", "CheckpointToken": TOKEN},
    "StopDurableExecution": {"DurableExecutionArn": ""},
    "PauseDurableExecution": {"DurableExecutionArn": ""},
    "ResumeDurableExecution": {"DurableExecutionArn": ""},
    "SendDurableExecutionCallbackSuccess": {"CallbackId": TOKEN},
    "SendDurableExecutionCallbackFailure": {"CallbackId": TOKEN},
    "SendDurableExecutionCallbackHeartbeat": {"CallbackId": TOKEN},
}


@pytest.mark.parametrize("operation", REFUSED)
def test_what_lambent_doesnt_have_says_so(client: Any, account: str, operation: str) -> None:
    request = dict(REFUSED[operation])
    if "DurableExecutionArn" in request:
        request["DurableExecutionArn"] = execution_arn(account)
    assert answer(client, operation, **request) == (
        "NotImplementedException",
        f"Lambent does not implement the operation {operation} yet.",
    )


@pytest.mark.parametrize("operation", REFUSED)
def test_the_model_s_constraints_come_first(client: Any, operation: str) -> None:
    member = next(iter(REFUSED[operation]))
    request = {**REFUSED[operation], member: "!"}
    code, text = answer(client, operation, **request)
    assert code == "ValidationException"
    assert "failed to satisfy constraint" in text


@pytest.mark.parametrize(
    "setting",
    [
        {"DurableConfig": {"ExecutionTimeout": 60}},
        {
            "CapacityProviderConfig": {
                "LambdaManagedInstancesCapacityProviderConfig": {
                    "CapacityProviderArn": f"arn:aws:lambda:{REGION}:123456789012:capacity-provider:mine"
                }
            }
        },
    ],
    ids=["DurableConfig", "CapacityProviderConfig"],
)
def test_functions_that_would_need_them_are_refused(client: Any, setting: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        create(client, **setting)
    code, text = refusal(error)
    assert code == "InvalidParameterValueException"
    assert next(iter(setting)) in text
    assert client.list_functions()["Functions"] == []
