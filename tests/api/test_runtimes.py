"""Runtimes that a function can't have: by AWS's dates, and because this machine hasn't got them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, package, refusal, settle
from tests.api.control_plane import ControlPlane

BLOCKED = (
    "InvalidParameterValueException",
    (
        "The runtime parameter of python3.9 is no longer supported for creating or updating AWS Lambda functions. "
        "We recommend you use a supported runtime while creating or updating functions."
    ),
)


@pytest.mark.parametrize(
    ("runtime", "reason"),
    [
        ("java21", "This version of Lambent doesn't run Java functions"),
        ("ruby3.4", "This version of Lambent doesn't run Ruby functions"),
        ("dotnet8", "This version of Lambent doesn't run .NET functions"),
        ("nodejs16.x", "Lambent's Node.js client runs nodejs20.x, nodejs22.x, nodejs24.x."),
        ("python3.8", "Lambent's Python client runs python3.9, "),
    ],
)
def test_what_this_version_does_not_run_is_refused_with_the_reason(client: Any, runtime: str, reason: str) -> None:
    with pytest.raises(ClientError) as at_creation:
        create(client, Runtime=runtime)
    create(client)
    settle(client)
    with pytest.raises(ClientError) as at_update:
        client.update_function_configuration(FunctionName="my-function", Runtime=runtime)
    for error in (at_creation, at_update):
        code, message = refusal(error)
        assert code == "InvalidParameterValueException"
        assert message.startswith(f"Runtime {runtime} is not available on this host: ")
        assert reason in message


def test_custom_runtimes_are_always_there(client: Any) -> None:
    for runtime in ("provided.al2", "provided.al2023"):
        create(client, FunctionName=runtime.replace(".", "-"), Runtime=runtime, Handler="any")


def test_functions_are_created_until_the_day_that_blocks_it(control_plane: ControlPlane, control_client: Any) -> None:
    with control_plane.on("2027-01-31"):
        create(control_client, Runtime="python3.9")
    with control_plane.on("2027-02-01"), pytest.raises(ClientError) as error:
        create(control_client, FunctionName="another", Runtime="python3.9")
    assert refusal(error) == BLOCKED


def test_functions_are_updated_until_the_day_that_blocks_it(control_plane: ControlPlane, control_client: Any) -> None:
    """Of settings only the runtime is refused: observed of nodejs12.x in December 2025."""
    create(control_client, Runtime="python3.9")
    settle(control_client)
    with control_plane.on("2027-03-02"):
        control_client.update_function_code(FunctionName="my-function", ZipFile=package("2"))
        settle(control_client)
        control_client.update_function_configuration(FunctionName="my-function", Runtime="python3.9")
        settle(control_client)
    with control_plane.on("2027-03-03"):
        with pytest.raises(ClientError) as code:
            control_client.update_function_code(FunctionName="my-function", ZipFile=package("3"))
        with pytest.raises(ClientError) as runtime:
            control_client.update_function_configuration(FunctionName="my-function", Runtime="python3.9")
        assert refusal(code) == refusal(runtime) == BLOCKED
        control_client.update_function_configuration(FunctionName="my-function", MemorySize=256)
        settle(control_client)
        control_client.update_function_configuration(FunctionName="my-function", Runtime="python3.12")
        settle(control_client)
        control_client.update_function_code(FunctionName="my-function", ZipFile=package("3"))
