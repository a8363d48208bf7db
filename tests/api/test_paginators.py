"""Every paginator and every waiter that botocore has for Lambda, against the server.

Source: botocore's paginators-1.json and waiters-2.json; operations.md ("Routing notes", "Waiters"); quotas.md section 8.
"""

import base64
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from lambent.gateway.operations.table import OPERATIONS
from tests.api.calls import PATIENTLY, create, package, refusal, settle
from tests.api.conftest import ClientFactory
from tests.api.constraint_oracle import input_of, shape
from tests.api.control_plane import ControlPlane
from tests.wire.botocore_requests import botocore_data

pytestmark = pytest.mark.root

PAGINATORS: dict[str, Any] = botocore_data("paginators-1")["pagination"]
WAITERS: dict[str, Any] = botocore_data("waiters-2")["waiters"]
FUNCTION = "my-function"
PROFILE = "arn:aws:signer:eu-west-1:000000000000:/signing-profiles/my_profile"


def functions(client: Any) -> dict[str, Any]:
    for name in ("first", "second", "third"):
        create(client, name)
        settle(client, name)
    return {}


def versions(client: Any) -> dict[str, Any]:
    create(client, FUNCTION)
    for number in range(2):
        settle(client, FUNCTION)
        client.publish_version(FunctionName=FUNCTION)
        client.update_function_code(
            FunctionName=FUNCTION, ZipFile=package(f"def handler(event, context): return {number}")
        )
    settle(client, FUNCTION)
    client.publish_version(FunctionName=FUNCTION)
    return {"FunctionName": FUNCTION}


def aliases(client: Any) -> dict[str, Any]:
    asked = versions(client)
    for name in ("a", "b", "c"):
        client.create_alias(FunctionName=FUNCTION, Name=name, FunctionVersion="1")
    return asked


def layers(client: Any) -> dict[str, Any]:
    for name in ("a", "b", "c"):
        client.publish_layer_version(LayerName=name, Content={"ZipFile": package(name)})
    return {}


def layer_versions(client: Any) -> dict[str, Any]:
    for number in range(3):
        client.publish_layer_version(LayerName="my-layer", Content={"ZipFile": package(str(number))})
    return {"LayerName": "my-layer"}


def mappings(client: Any) -> dict[str, Any]:
    create(client, FUNCTION)
    settle(client, FUNCTION)
    for number in range(3):
        client.create_event_source_mapping(
            FunctionName=FUNCTION,
            Enabled=False,
            StartingPosition="TRIM_HORIZON",
            Topics=[f"topic-{number}"],
            SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["localhost:9092"]}},
            SourceAccessConfigurations=[{"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"}],
        )
    return {}


def event_invoke_configs(client: Any) -> dict[str, Any]:
    asked = aliases(client)
    for qualifier in ("a", "b", "1"):
        client.put_function_event_invoke_config(FunctionName=FUNCTION, Qualifier=qualifier, MaximumRetryAttempts=0)
    return asked


def urls(client: Any) -> dict[str, Any]:
    asked = aliases(client)
    client.create_function_url_config(FunctionName=FUNCTION, AuthType="NONE")
    for qualifier in ("a", "b"):
        client.create_function_url_config(FunctionName=FUNCTION, Qualifier=qualifier, AuthType="NONE")
    return asked


def provisioned(client: Any) -> dict[str, Any]:
    asked = versions(client)
    for qualifier in ("1", "2", "3"):
        client.put_provisioned_concurrency_config(
            FunctionName=FUNCTION, Qualifier=qualifier, ProvisionedConcurrentExecutions=1
        )
    deadline = time.monotonic() + 60
    while any(
        one["Status"] != "READY"
        for one in client.list_provisioned_concurrency_configs(**asked)["ProvisionedConcurrencyConfigs"]
    ):
        assert time.monotonic() < deadline, client.list_provisioned_concurrency_configs(**asked)
        time.sleep(0.05)
    return asked


def signing_configs(client: Any) -> dict[str, Any]:
    for _ in range(3):
        client.create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": [PROFILE]})
    return {}


def signed_functions(client: Any) -> dict[str, Any]:
    functions(client)
    made = client.create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": [PROFILE]})
    arn = made["CodeSigningConfig"]["CodeSigningConfigArn"]
    for name in ("first", "second", "third"):
        client.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=arn)
    return {"CodeSigningConfigArn": arn}


ITEMS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "ListFunctions": functions,
    "ListVersionsByFunction": versions,
    "ListAliases": aliases,
    "ListLayers": layers,
    "ListLayerVersions": layer_versions,
    "ListEventSourceMappings": mappings,
    "ListFunctionEventInvokeConfigs": event_invoke_configs,
    "ListFunctionUrlConfigs": urls,
    "ListProvisionedConcurrencyConfigs": provisioned,
    "ListCodeSigningConfigs": signing_configs,
    "ListFunctionsByCodeSigningConfig": signed_functions,
}
"""Paginator to what makes at least three items in the account, and what to ask for."""

NO_ITEMS_HERE = {
    "ListCapacityProviders",
    "ListFunctionVersionsByCapacityProvider",
    "GetDurableExecutionHistory",
    "GetDurableExecutionState",
    "ListDurableExecutionsByFunction",
}
"""Lambent has neither capacity providers nor durable executions."""


def snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


def test_every_paginator_is_tried() -> None:
    assert PAGINATORS.keys() == ITEMS.keys() | NO_ITEMS_HERE


@pytest.mark.parametrize("operation", [name for name in ITEMS if name in OPERATIONS])
def test_pages_of_one_item_each_are_the_list(operation: str, client: Any) -> None:
    asked = ITEMS[operation](client)
    key = PAGINATORS[operation]["result_key"]
    whole = getattr(client, snake(operation))(**asked)
    assert len(whole[key]) >= 3
    assert not whole.get("NextMarker")
    pages = list(client.get_paginator(snake(operation)).paginate(**asked, PaginationConfig={"PageSize": 1}))
    assert [len(page[key]) for page in pages] == [1] * len(whole[key])
    assert [page[key][0] for page in pages] == whole[key]
    assert "NextMarker" not in pages[-1]


@pytest.mark.parametrize("operation", [name for name in ITEMS if name in OPERATIONS])
def test_the_limits_of_a_page(operation: str, lambda_client: ClientFactory, client: Any) -> None:
    """More than a page holds but within the model is no error; 0 and a marker that isn't one are."""
    asked = ITEMS[operation](client)
    key, most = PAGINATORS[operation]["result_key"], shape(shape(input_of(operation))["members"]["MaxItems"]["shape"])
    unchecked = getattr(lambda_client(), snake(operation))
    assert unchecked(**asked, MaxItems=most["max"])[key] == unchecked(**asked)[key]
    for wrong in (0, most["max"] + 1):
        with pytest.raises(ClientError) as error:
            unchecked(**asked, MaxItems=wrong)
        assert refusal(error)[0] == "ValidationException"
    with pytest.raises(ClientError) as error:
        unchecked(**asked, Marker="no marker")
    assert refusal(error)[0] == "InvalidParameterValueException"


@pytest.mark.parametrize("name", [name for name in WAITERS if name != "FunctionExists"])
def test_a_waiter_ends_when_the_function_is_ready(name: str, control_plane: ControlPlane, control_client: Any) -> None:
    """It waits while the creation, or the update, is held, and ends soon after."""
    create(control_client, FUNCTION)
    settle(control_client, FUNCTION)
    with control_plane.activation_held():
        if "Updated" in name:
            control_client.update_function_configuration(FunctionName=FUNCTION, Description="new")
        else:
            control_client.delete_function(FunctionName=FUNCTION)
            create(control_client, FUNCTION)
        waiter = control_client.get_waiter(snake(name))
        with pytest.raises(WaiterError, match="Max attempts exceeded"):
            waiter.wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 0, "MaxAttempts": 3})
    waiter.wait(FunctionName=FUNCTION, WaiterConfig=PATIENTLY)
    control_client.delete_function(FunctionName=FUNCTION)


def test_a_waiter_ends_when_the_function_failed(control_plane: ControlPlane, control_client: Any) -> None:
    """Its package has gone from the disk before it was unpacked."""
    with control_plane.activation_held():
        created = create(control_client, FUNCTION, Code={"ZipFile": package("to be lost")})
        control_plane.lose_code(base64.b64decode(created["CodeSha256"]).hex())
    for name in ("function_active", "function_active_v2", "published_version_active"):
        with pytest.raises(WaiterError, match="terminal failure state"):
            control_client.get_waiter(name).wait(FunctionName=FUNCTION, WaiterConfig=PATIENTLY)
    control_client.delete_function(FunctionName=FUNCTION)


def test_a_waiter_sees_a_function_that_comes_to_exist(client: Any) -> None:
    timer = threading.Timer(0.1, lambda: create(client, FUNCTION))
    timer.start()
    client.get_waiter("function_exists").wait(FunctionName=FUNCTION, WaiterConfig=PATIENTLY)
    timer.join()
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        client.get_waiter("function_exists").wait(FunctionName="missing", WaiterConfig={"Delay": 0, "MaxAttempts": 2})


def test_a_published_version_is_waited_for_by_its_number(client: Any) -> None:
    create(client, FUNCTION)
    settle(client, FUNCTION)
    version = client.publish_version(FunctionName=FUNCTION)["Version"]
    waiter = client.get_waiter("published_version_active")
    waiter.wait(FunctionName=FUNCTION, Qualifier=version, WaiterConfig=PATIENTLY)


def test_every_waiter_is_tried() -> None:
    assert set(WAITERS) == {
        "FunctionActive",
        "FunctionActiveV2",
        "FunctionExists",
        "FunctionUpdated",
        "FunctionUpdatedV2",
        "PublishedVersionActive",
    }
