"""Recursion configurations, and scaling configurations of functions that have no capacity provider.

What was recorded is in situations_recursion.py. Source of the expected answers: api-errors.md section 13 and
api-durable-capacity.md section 3.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, refusal, settle
from tests.lambent_server import REGION

pytestmark = pytest.mark.root

NAME = "my-function"


@pytest.fixture
def client(control_client: Any) -> Iterator[Any]:
    create(control_client)
    settle(control_client)
    control_client.publish_version(FunctionName=NAME)
    yield control_client
    control_client.delete_function(FunctionName=NAME)


def loop_of(client: Any) -> str:
    shown: str = client.get_function_recursion_config(FunctionName=NAME)["RecursiveLoop"]
    return shown


def test_loops_end_where_nothing_was_said(client: Any) -> None:
    assert loop_of(client) == "Terminate"


def test_they_may_be_allowed_and_ended_again(client: Any) -> None:
    for recursive_loop in ("Allow", "Allow", "Terminate"):
        client.put_function_recursion_config(FunctionName=NAME, RecursiveLoop=recursive_loop)
        assert loop_of(client) == recursive_loop


def test_a_new_function_of_the_same_name_knows_nothing_of_it(client: Any) -> None:
    client.put_function_recursion_config(FunctionName=NAME, RecursiveLoop="Allow")
    client.delete_function(FunctionName=NAME)
    create(client)
    assert loop_of(client) == "Terminate"


def test_a_missing_function_has_no_recursion_configuration(client: Any, account: str) -> None:
    """Source of the text: unverified, as of the operations that AWS recorded."""
    for operation, more in (
        ("get_function_recursion_config", {}),
        ("put_function_recursion_config", {"RecursiveLoop": "Allow"}),
    ):
        with pytest.raises(ClientError) as error:
            getattr(client, operation)(FunctionName="missing", **more)
        assert refusal(error) == (
            "ResourceNotFoundException",
            f"Function not found: arn:aws:lambda:{REGION}:{account}:function:missing",
        )


SCALING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_function_scaling_config", {}),
    ("put_function_scaling_config", {"FunctionScalingConfig": {"MinExecutionEnvironments": 1}}),
)


def test_a_function_without_a_capacity_provider_does_not_scale(client: Any) -> None:
    """Source: observed."""
    for operation, more in SCALING:
        with pytest.raises(ClientError) as error:
            getattr(client, operation)(FunctionName=NAME, Qualifier="1", **more)
        assert refusal(error) == (
            "AccessDeniedException",
            "The function provided by the arn does not contain a capacity provider configuration",
        )


@pytest.mark.parametrize("qualifier", ["7", "$LATEST.PUBLISHED"])
def test_a_missing_version_does_not_scale(client: Any, account: str, qualifier: str) -> None:
    for operation, more in SCALING:
        with pytest.raises(ClientError) as error:
            getattr(client, operation)(FunctionName=NAME, Qualifier=qualifier, **more)
        assert refusal(error) == (
            "ResourceNotFoundException",
            f"Function not found: arn:aws:lambda:{REGION}:{account}:function:{NAME}:{qualifier}",
        )
