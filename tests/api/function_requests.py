"""Requests for functions of which tests expect the settings, or a refusal that changes nothing."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, refusal, settle

INVALID = "InvalidParameterValueException"
VALIDATION = "ValidationException"


def refused(client: Any, **request: Any) -> tuple[str, str]:
    """Code and message of a CreateFunction that makes nothing."""
    with pytest.raises(ClientError) as error:
        create(client, **request)
    assert client.list_functions()["Functions"] == []
    return refusal(error)


def update(client: Any, **request: Any) -> Any:
    """UpdateFunctionConfiguration, and the function when it is done."""
    client.update_function_configuration(FunctionName="my-function", **request)
    return settle(client)


def refused_update(client: Any, **request: Any) -> tuple[str, str]:
    """Code and message of an UpdateFunctionConfiguration that changes nothing."""
    before = client.get_function_configuration(FunctionName="my-function")
    with pytest.raises(ClientError) as error:
        client.update_function_configuration(FunctionName="my-function", **request)
    after = client.get_function_configuration(FunctionName="my-function")
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}
    return refusal(error)


def make(client: Any, **request: Any) -> Any:
    create(client, **request)
    return settle(client)
