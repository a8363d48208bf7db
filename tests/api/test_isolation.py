"""An account sees its own functions, in the region it asks in, and nothing of anybody else's."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.gateway.operations.table import OPERATIONS
from tests.api.calls import create, package, refusal, settle
from tests.api.conftest import ClientFactory
from tests.lambent_server import REGION

pytestmark = pytest.mark.root

NAME = "my-function"
OTHER_REGION = "us-east-1"
OF_A_FUNCTION: dict[str, dict[str, Any]] = {
    "GetFunction": {},
    "GetFunctionConfiguration": {},
    "UpdateFunctionCode": {"ZipFile": package("theirs")},
    "UpdateFunctionConfiguration": {"Timeout": 60},
    "DeleteFunction": {},
    "PublishVersion": {},
    "ListVersionsByFunction": {},
    "PutFunctionConcurrency": {"ReservedConcurrentExecutions": 5},
    "GetFunctionConcurrency": {},
    "DeleteFunctionConcurrency": {},
    "Invoke": {},
}
OF_A_LAYER: dict[str, dict[str, Any]] = {
    "GetLayerVersion": {"VersionNumber": 1},
    "ListLayerVersions": {},
    "DeleteLayerVersion": {"VersionNumber": 1},
    "AddLayerVersionPermission": {
        "VersionNumber": 1,
        "StatementId": "s1",
        "Action": "lambda:GetLayerVersion",
        "Principal": "*",
    },
    "GetLayerVersionPolicy": {"VersionNumber": 1},
    "RemoveLayerVersionPermission": {"VersionNumber": 1, "StatementId": "s1"},
    "PublishLayerVersion": {"Content": {"ZipFile": package("theirs")}},
}
OF_THE_ACCOUNT = {
    "CreateFunction",
    "ListFunctions",
    "GetAccountSettings",
    "ListTags",
    "ListLayers",
    "GetLayerVersionByArn",
}


@pytest.fixture
def stranger_account(account: str) -> str:
    return f"9{account[1:]}"


@pytest.fixture(params=["another account", "another region"])
def stranger(request: pytest.FixtureRequest, lambda_client: ClientFactory, stranger_account: str) -> Any:
    if request.param == "another account":
        return lambda_client(account=stranger_account)
    return lambda_client(region=OTHER_REGION)


@pytest.fixture
def owner(client: Any) -> Any:
    create(client, NAME, Tags={"key": "value"}, Environment={"Variables": {"SECRET": "value"}})
    settle(client, NAME)
    client.publish_version(FunctionName=NAME)
    client.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=1)
    return client


def everything(client: Any) -> list[Any]:
    shown = client.get_function(FunctionName=NAME)
    return [
        client.list_functions(FunctionVersion="ALL")["Functions"],
        shown["Configuration"],
        shown["Tags"],
        shown["Concurrency"],
        client.get_account_settings()["AccountUsage"],
    ]


def test_every_operation_is_tried_here() -> None:
    assert {*OF_A_FUNCTION, *OF_A_LAYER, *OF_THE_ACCOUNT} == {*OPERATIONS, "Invoke"}


def test_no_operation_reaches_the_function_of_a_stranger(owner: Any, stranger: Any) -> None:
    before = everything(owner)
    for operation, more in OF_A_FUNCTION.items():
        with pytest.raises(ClientError) as error:
            stranger._make_api_call(operation, {"FunctionName": NAME, **more})
        code, message = refusal(error)
        assert code == "ResourceNotFoundException", operation
        assert message.startswith("Function not found: arn:aws:lambda:"), operation
        assert before[1]["FunctionArn"] not in message, operation
    assert everything(owner) == before


def test_an_arn_is_of_one_account_and_region(
    owner: Any, lambda_client: ClientFactory, stranger_account: str, account: str
) -> None:
    before = everything(owner)
    arn = f"arn:aws:lambda:{REGION}:{account}:function:{NAME}"
    refusals = {
        lambda_client(account=stranger_account): "AccessDeniedException",
        lambda_client(region=OTHER_REGION): "ResourceNotFoundException",
    }
    for stranger, code in refusals.items():
        for operation, more in OF_A_FUNCTION.items():
            with pytest.raises(ClientError) as error:
                stranger._make_api_call(operation, {"FunctionName": arn, **more})
            assert refusal(error)[0] == code, operation
        with pytest.raises(ClientError) as error:
            stranger.list_tags(Resource=arn)
        assert refusal(error)[0] == code
    assert everything(owner) == before


def test_no_operation_reaches_the_layer_of_a_stranger(
    owner: Any, stranger: Any, account: str, stranger_account: str
) -> None:
    """By name it is the caller's own layer, which isn't there; by ARN it is denied, or not in this region."""
    published = owner.publish_layer_version(LayerName=NAME, Content={"ZipFile": package("mine")})
    layer, version = published["LayerArn"], published["LayerVersionArn"]
    in_another_account = stranger._request_signer._credentials.access_key == stranger_account
    code = "AccessDeniedException" if in_another_account else "ResourceNotFoundException"
    for operation, more in OF_A_LAYER.items():
        with pytest.raises(ClientError) as error:
            stranger._make_api_call(operation, {"LayerName": layer, **more})
        assert refusal(error)[0] == code, operation
    with pytest.raises(ClientError) as error:
        stranger.get_layer_version_by_arn(Arn=version)
    assert refusal(error)[0] == code
    assert stranger.list_layers()["Layers"] == []
    assert stranger.list_layer_versions(LayerName=NAME)["LayerVersions"] == []
    stranger.delete_layer_version(LayerName=NAME, VersionNumber=1)
    assert owner.get_layer_version(LayerName=NAME, VersionNumber=1)["LayerVersionArn"] == version
    assert version == f"arn:aws:lambda:{REGION}:{account}:layer:{NAME}:1"
    owner.delete_layer_version(LayerName=NAME, VersionNumber=1)


def test_lists_and_figures_are_of_the_own_account_and_region(owner: Any, stranger: Any) -> None:
    for version in ({}, {"FunctionVersion": "ALL"}):
        assert stranger.list_functions(**version)["Functions"] == []
    settings = stranger.get_account_settings()
    assert settings["AccountUsage"] == {"TotalCodeSize": 0, "FunctionCount": 0}
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000


def test_the_same_name_is_another_function_elsewhere(owner: Any, stranger: Any) -> None:
    before = everything(owner)
    arn = create(stranger, NAME, Description="mine")["FunctionArn"]
    settle(stranger, NAME)
    scope = (stranger.meta.region_name, stranger._request_signer._credentials.access_key)
    assert arn == f"arn:aws:lambda:{scope[0]}:{scope[1]}:function:{NAME}"
    [listed] = stranger.list_functions()["Functions"]
    assert (listed["FunctionArn"], listed["Description"]) == (arn, "mine")
    assert [one["FunctionArn"] for one in stranger.list_versions_by_function(FunctionName=NAME)["Versions"]] == [
        f"{arn}:$LATEST"
    ]
    assert stranger.list_tags(Resource=arn)["Tags"] == {}
    assert stranger.publish_version(FunctionName=NAME)["FunctionArn"] == f"{arn}:1"
    stranger.delete_function(FunctionName=NAME)
    assert everything(owner) == before


def test_a_marker_of_a_stranger_shows_nothing_of_theirs(owner: Any, stranger: Any) -> None:
    create(owner, "my-other-function")
    marker = owner.list_functions(MaxItems=1)["NextMarker"]
    assert stranger.list_functions(Marker=marker)["Functions"] == []
