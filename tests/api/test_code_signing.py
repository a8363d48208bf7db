"""Code signing over the API: configs, the functions that have one, and what it says to new code.

Recorded answers are compared in test_golden_answers.py; here is what they don't show. Sources: api-errors.md §13, the
API reference of each operation.
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import ROLE, create, package, refusal, settle
from tests.api.conftest import ClientFactory
from tests.lambent_server import REGION, LambentServer

pytestmark = pytest.mark.root

PROFILE = "arn:aws:signer:eu-west-1:111111111111:/signing-profiles/mine/abc"


def new_config(client: Any, policy: str | None = None, **more: Any) -> str:
    if policy is not None:
        more["CodeSigningPolicies"] = {"UntrustedArtifactOnDeployment": policy}
    created = client.create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": [PROFILE]}, **more)
    return str(created["CodeSigningConfig"]["CodeSigningConfigArn"])


def refused_code(name: str = "my-function") -> tuple[str, str]:
    return (
        "CodeVerificationFailedException",
        (
            "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client "
            f"is not configured to accept. Check the provided signature for {name}."
        ),
    )


def test_a_config_warns_by_default_and_is_changed_member_by_member(client: Any) -> None:
    arn = new_config(client)
    config = client.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"]
    assert config["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}
    assert config["Description"] == ""
    changed = client.update_code_signing_config(CodeSigningConfigArn=arn, Description="second")["CodeSigningConfig"]
    assert changed["Description"] == "second"
    assert changed["AllowedPublishers"] == config["AllowedPublishers"]
    other = [f"{PROFILE}/2", f"{PROFILE}/3"]
    client.update_code_signing_config(
        CodeSigningConfigArn=arn,
        AllowedPublishers={"SigningProfileVersionArns": other},
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )
    config = client.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"]
    assert config["AllowedPublishers"] == {"SigningProfileVersionArns": other}
    assert config["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Enforce"}
    assert config["Description"] == "second"
    assert arn.endswith(config["CodeSigningConfigId"])


def test_configs_are_listed_in_pages_each_once(client: Any) -> None:
    arns = {new_config(client) for _ in range(5)}
    pages = client.get_paginator("list_code_signing_configs").paginate(PaginationConfig={"PageSize": 2})
    seen = [[config["CodeSigningConfigArn"] for config in page["CodeSigningConfigs"]] for page in pages]
    assert [len(page) for page in seen] == [2, 2, 1]
    assert {arn for page in seen for arn in page} == arns


def test_configs_belong_to_an_account_and_a_region(client: Any, lambda_client: ClientFactory, account: str) -> None:
    arn = new_config(client)
    create(client)
    for stranger in (lambda_client(account="999999999999"), lambda_client(region="us-west-2")):
        assert arn not in str(stranger.list_code_signing_configs())
        with pytest.raises(ClientError) as error:
            stranger.get_code_signing_config(CodeSigningConfigArn=arn)
        assert refusal(error)[0] == "ResourceNotFoundException"
        create(stranger, name="theirs")
        with pytest.raises(ClientError) as error:
            stranger.put_function_code_signing_config(FunctionName="theirs", CodeSigningConfigArn=arn)
        assert refusal(error)[0] == "CodeSigningConfigNotFoundException"
        stranger.delete_function(FunctionName="theirs")
    elsewhere = arn.replace(account, "999999999999")
    with pytest.raises(ClientError) as error:
        client.get_code_signing_config(CodeSigningConfigArn=elsewhere)
    assert refusal(error) == (
        "ResourceNotFoundException",
        f"The Lambda code signing configuration {elsewhere} can not be found.",
    )


def test_a_function_is_created_with_its_config(client: Any) -> None:
    arn = new_config(client, "Warn")
    create(client, CodeSigningConfigArn=arn)
    of_function = client.get_function_code_signing_config(FunctionName="my-function")
    assert (of_function["CodeSigningConfigArn"], of_function["FunctionName"]) == (arn, "my-function")
    functions = client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"]
    assert functions == [client.get_function_configuration(FunctionName="my-function")["FunctionArn"]]


def test_a_function_has_one_config_at_a_time_until_it_is_taken_away(client: Any) -> None:
    first, second = new_config(client), new_config(client)
    create(client)
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName="my-function")
    for arn in (first, second):
        answer = client.put_function_code_signing_config(FunctionName="my-function", CodeSigningConfigArn=arn)
        assert (answer["CodeSigningConfigArn"], answer["FunctionName"]) == (arn, "my-function")
    assert client.get_function_code_signing_config(FunctionName="my-function")["CodeSigningConfigArn"] == second
    assert client.list_functions_by_code_signing_config(CodeSigningConfigArn=first)["FunctionArns"] == []
    client.delete_function_code_signing_config(FunctionName="my-function")
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName="my-function")


def test_functions_of_a_config_are_listed_in_pages(client: Any) -> None:
    arn = new_config(client)
    for name in ("a", "b", "c"):
        create(client, name=name, CodeSigningConfigArn=arn)
    pages = client.get_paginator("list_functions_by_code_signing_config").paginate(
        CodeSigningConfigArn=arn, PaginationConfig={"PageSize": 2}
    )
    assert [len(page["FunctionArns"]) for page in pages] == [2, 1]


def test_a_config_in_use_is_not_deleted(client: Any) -> None:
    arn = new_config(client)
    create(client, CodeSigningConfigArn=arn)
    with pytest.raises(ClientError) as error:
        client.delete_code_signing_config(CodeSigningConfigArn=arn)
    assert refusal(error)[0] == "ResourceConflictException"
    client.delete_function(FunctionName="my-function")
    client.delete_code_signing_config(CodeSigningConfigArn=arn)
    with pytest.raises(ClientError) as error:
        client.get_code_signing_config(CodeSigningConfigArn=arn)
    assert refusal(error)[0] == "ResourceNotFoundException"


def test_a_function_with_a_missing_config_is_not_created(client: Any, account: str) -> None:
    arn = f"arn:aws:lambda:{REGION}:{account}:code-signing-config:csc-{'a' * 17}"
    with pytest.raises(ClientError) as error:
        create(client, CodeSigningConfigArn=arn)
    assert refusal(error) == (
        "CodeSigningConfigNotFoundException",
        f"The code signing configuration cannot be found. Check that the provided configuration is not deleted: {arn}.",
    )
    assert client.list_functions()["Functions"] == []


def test_enforced_signatures_keep_every_new_function_out(client: Any) -> None:
    """Nothing that is uploaded here is signed by a publisher that could be verified."""
    with pytest.raises(ClientError) as error:
        create(client, CodeSigningConfigArn=new_config(client, "Enforce"))
    assert refusal(error) == refused_code()
    assert client.list_functions()["Functions"] == []


def test_a_function_under_enforced_signatures_keeps_its_code(client: Any) -> None:
    layer = client.publish_layer_version(LayerName="layer", Content={"ZipFile": package()})["LayerVersionArn"]
    create(client)
    before = settle(client)
    client.put_function_code_signing_config(
        FunctionName="my-function", CodeSigningConfigArn=new_config(client, "Enforce")
    )
    for dry_run in (True, False):
        with pytest.raises(ClientError) as error:
            client.update_function_code(FunctionName="my-function", ZipFile=package("other"), DryRun=dry_run)
        assert refusal(error) == refused_code()
    with pytest.raises(ClientError) as error:
        client.update_function_configuration(FunctionName="my-function", Layers=[layer])
    assert refusal(error) == refused_code()
    assert client.get_function_configuration(FunctionName="my-function")["RevisionId"] == before["RevisionId"]
    client.update_function_configuration(FunctionName="my-function", Description="still possible", Layers=[])
    assert settle(client)["Description"] == "still possible"
    client.delete_layer_version(LayerName="layer", VersionNumber=1)


def test_code_under_a_warning_config_is_deployed_and_the_log_says_so(client: Any, lambent: LambentServer) -> None:
    arn = new_config(client, "Warn")
    create(client, CodeSigningConfigArn=arn)
    settle(client)
    client.update_function_code(FunctionName="my-function", ZipFile=package("other"))
    settle(client)
    lines = [line for line in lambent.said().splitlines() if arn in line]
    assert len(lines) == 2
    assert all("no allowed publisher has signed" in line for line in lines)


def test_too_many_tags_are_refused(client: Any) -> None:
    with pytest.raises(ClientError) as error:
        new_config(client, Tags={f"key{n}": "" for n in range(51)})
    assert refusal(error) == ("InvalidParameterValueException", "Number of tags exceeds resource tag limit.")
    assert client.list_code_signing_configs()["CodeSigningConfigs"] == []


def test_what_the_model_forbids(client: Any) -> None:
    with pytest.raises(ClientError) as error:
        client.create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": []})
    assert refusal(error)[0] == "ValidationException"
    with pytest.raises(ClientError) as error:
        client.create_function(
            FunctionName="f", Role=ROLE, Code={"ZipFile": package()}, CodeSigningConfigArn="arn:aws:lambda:nowhere"
        )
    assert refusal(error)[0] == "ValidationException"
