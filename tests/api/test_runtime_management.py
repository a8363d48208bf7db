"""Runtime management through boto3.

Source of the expected answers: API reference and developer guide, "Runtime version updates"; nothing was recorded, so
the texts of refusals are unverified but for the one that is observed (api-errors.md section 5).
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, refusal, settle
from tests.lambent_server import REGION

pytestmark = pytest.mark.root

NAME = "my-function"
OTHER_VERSION = f"arn:aws:lambda:{REGION}::runtime:{'0' * 64}"


@pytest.fixture
def client(control_client: Any) -> Iterator[Any]:
    """A function with version 1 and alias `live`."""
    create(control_client, Runtime="python3.12")
    settle(control_client)
    control_client.publish_version(FunctionName=NAME)
    control_client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")
    yield control_client
    control_client.delete_function(FunctionName=NAME)


def put(client: Any, mode: str, arn: str | None = None, **more: Any) -> Any:
    request = {"FunctionName": NAME, "UpdateRuntimeOn": mode, **more}
    shown = client.put_runtime_management_config(**request if arn is None else {**request, "RuntimeVersionArn": arn})
    del shown["ResponseMetadata"]
    return shown


def get(client: Any, **more: Any) -> Any:
    shown = client.get_runtime_management_config(FunctionName=NAME, **more)
    del shown["ResponseMetadata"]
    return shown


def version_arn(client: Any) -> str:
    shown = client.get_function_configuration(FunctionName=NAME)
    arn: str = shown["RuntimeVersionConfig"]["RuntimeVersionArn"]
    return arn


@pytest.mark.parametrize("mode", ["Auto", "FunctionUpdate"])
def test_the_modes_without_a_version(client: Any, account: str, mode: str) -> None:
    expected = {"UpdateRuntimeOn": mode, "FunctionArn": f"arn:aws:lambda:{REGION}:{account}:function:{NAME}"}
    assert put(client, mode) == expected
    assert get(client) == expected


def test_manual_pins_the_version_that_runs(client: Any) -> None:
    arn = version_arn(client)
    assert put(client, "Manual", arn)["RuntimeVersionArn"] == arn
    assert get(client)["RuntimeVersionArn"] == arn
    assert "RuntimeVersionArn" not in put(client, "Auto")


def test_each_version_has_its_own(client: Any, account: str) -> None:
    put(client, "FunctionUpdate", Qualifier="1")
    assert get(client)["UpdateRuntimeOn"] == "Auto"
    assert get(client, Qualifier="1") == {
        "UpdateRuntimeOn": "FunctionUpdate",
        "FunctionArn": f"arn:aws:lambda:{REGION}:{account}:function:{NAME}:1",
    }
    client.delete_alias(FunctionName=NAME, Name="live")
    client.delete_function(FunctionName=NAME, Qualifier="1")
    with pytest.raises(ClientError):
        get(client, Qualifier="1")


@pytest.mark.parametrize(
    ("mode", "arn"), [("Manual", None), ("Manual", OTHER_VERSION), ("Auto", "own"), ("FunctionUpdate", OTHER_VERSION)]
)
def test_what_could_not_be_in_force_is_refused(client: Any, mode: str, arn: str | None) -> None:
    with pytest.raises(ClientError) as error:
        put(client, mode, version_arn(client) if arn == "own" else arn)
    assert refusal(error)[0] == "InvalidParameterValueException"
    assert get(client)["UpdateRuntimeOn"] == "Auto"


def test_a_pinned_function_keeps_its_runtime(client: Any) -> None:
    """Source: observed (the text)."""
    put(client, "Manual", version_arn(client))
    with pytest.raises(ClientError) as error:
        client.update_function_configuration(FunctionName=NAME, Runtime="python3.13")
    assert refusal(error) == (
        "InvalidParameterValueException",
        (
            "Cannot change runtime identifier when runtime management configuration is set to 'Manual'. "
            "Change the runtime management configuration to 'Auto' or 'FunctionUpdate', then retry."
        ),
    )
    client.update_function_configuration(FunctionName=NAME, Runtime="python3.12", Description="the same one")
    settle(client)
    put(client, "FunctionUpdate")
    client.update_function_configuration(FunctionName=NAME, Runtime="python3.13")
    settle(client)


@pytest.mark.parametrize(
    ("which", "arn"),
    [({"FunctionName": "missing"}, "missing"), ({"Qualifier": "7"}, f"{NAME}:7"), ({"Qualifier": "live"}, "")],
)
def test_what_is_not_there_and_aliases(client: Any, account: str, which: dict[str, str], arn: str) -> None:
    expected = f"Function not found: arn:aws:lambda:{REGION}:{account}:function:{arn or NAME + ':live'}"
    request = {"FunctionName": NAME, **which}
    with pytest.raises(ClientError) as error:
        client.get_runtime_management_config(**request)
    assert refusal(error) == ("ResourceNotFoundException", expected)
    with pytest.raises(ClientError) as error:
        client.put_runtime_management_config(**request, UpdateRuntimeOn="Auto")
    assert refusal(error) == ("ResourceNotFoundException", expected)
