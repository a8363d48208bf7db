"""Lambda resources in CloudFormation stacks are Lambent's. Source: CloudFormation user guide, "AWS::Lambda"."""

import base64
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.companion.conftest import Account
from tests.lambent_server import REGION, ROLE, zip_of

pytestmark = pytest.mark.root

CODE = "def handler(event, context): return {'version': context.function_version, 'said': '%s'}"


def function(**properties: Any) -> dict[str, Any]:
    defaults = {"Runtime": "python3.13", "Handler": "index.handler", "Role": ROLE, "Code": {"ZipFile": CODE % "one"}}
    return {"Type": "AWS::Lambda::Function", "Properties": {**defaults, **properties}}


def template(resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> str:
    listed = {name: {"Value": value} for name, value in (outputs or {}).items()}
    return json.dumps({"Resources": resources, "Outputs": listed})


def outputs(cloudformation: Any, stack: str = "stack") -> dict[str, str]:
    [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}


def answer(client: Any, name: str, **arguments: Any) -> Any:
    return json.loads(client.invoke(FunctionName=name, **arguments)["Payload"].read())


@pytest.fixture
def cloudformation(aws: Account) -> Any:
    return aws.client("cloudformation")


def test_a_function_is_created_changed_and_deleted_with_its_stack(client: Any, cloudformation: Any) -> None:
    resources = {"Fn": function(MemorySize="256", Tags=[{"Key": "a", "Value": "b"}], ReservedConcurrentExecutions=3)}
    values = {"Name": {"Ref": "Fn"}, "Arn": {"Fn::GetAtt": ["Fn", "Arn"]}}
    cloudformation.create_stack(StackName="stack", TemplateBody=template(resources, values))
    made = outputs(cloudformation)
    name = made["Name"]
    assert name.startswith("stack-Fn-")
    found = client.get_function(FunctionName=name)
    assert found["Configuration"]["FunctionArn"] == made["Arn"]
    assert found["Configuration"]["MemorySize"] == 256
    assert found["Configuration"]["State"] == "Active"
    assert found["Tags"] == {"a": "b"}
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 3}
    assert answer(client, name) == {"version": "$LATEST", "said": "one"}

    changed = {"Fn": function(Code={"ZipFile": CODE % "two"}, Timeout=7, Tags=[{"Key": "c", "Value": "d"}])}
    cloudformation.update_stack(StackName="stack", TemplateBody=template(changed, values))
    found = client.get_function(FunctionName=name)
    assert (found["Configuration"]["MemorySize"], found["Configuration"]["Timeout"]) == (128, 7)
    assert found["Tags"] == {"c": "d"}
    assert "Concurrency" not in found
    assert answer(client, name)["said"] == "two"

    cloudformation.delete_stack(StackName="stack")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName=name)


def test_versions_aliases_permissions_and_layers(client: Any, cloudformation: Any, aws: Account) -> None:
    bucket = aws.bucket("code")
    aws.client("s3").put_object(Bucket=bucket, Key="layer.zip", Body=zip_of({"python/from_layer.py": "WORD = 'hi'"}))
    resources = {
        "Layer": {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {"LayerName": "words", "Content": {"S3Bucket": bucket, "S3Key": "layer.zip"}},
        },
        "Fn": function(
            FunctionName="named",
            Layers=[{"Ref": "Layer"}],
            Code={"ZipFile": "import from_layer\ndef handler(event, context): return from_layer.WORD"},
        ),
        "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Fn"}}},
        "Alias": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Fn"},
                "Name": "live",
                "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
            },
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "Fn"},
                "Action": "lambda:InvokeFunction",
                "Principal": "s3.amazonaws.com",
            },
        },
        "Asynchronous": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {"FunctionName": {"Ref": "Fn"}, "Qualifier": "$LATEST", "MaximumRetryAttempts": "1"},
        },
    }
    values = {"Alias": {"Ref": "Alias"}, "Version": {"Ref": "Version"}, "Layer": {"Ref": "Layer"}}
    cloudformation.create_stack(StackName="stack", TemplateBody=template(resources, values))
    arn = f"arn:aws:lambda:{REGION}:{aws.number}:function:named"
    assert outputs(cloudformation) == {
        "Alias": f"{arn}:live",
        "Version": f"{arn}:1",
        "Layer": f"arn:aws:lambda:{REGION}:{aws.number}:layer:words:1",
    }
    assert answer(client, "named", Qualifier="live") == "hi"
    policy = json.loads(client.get_policy(FunctionName="named")["Policy"])
    assert [one["Principal"] for one in policy["Statement"]] == [{"Service": "s3.amazonaws.com"}]
    assert client.get_function_event_invoke_config(FunctionName="named")["MaximumRetryAttempts"] == 1

    cloudformation.delete_stack(StackName="stack")
    assert client.list_functions()["Functions"] == []
    assert client.list_layers()["Layers"] == []


def test_urls_event_source_mappings_and_routing(client: Any, cloudformation: Any, aws: Account) -> None:
    resources = {
        "Fn": function(FunctionName="named"),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "work"}},
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": "Fn"},
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "BatchSize": "5",
                "Enabled": "false",
            },
        },
        "Url": {
            "Type": "AWS::Lambda::Url",
            "Properties": {"TargetFunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]}, "AuthType": "NONE"},
        },
        "First": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Fn"}}},
    }
    values = {
        "Mapping": {"Ref": "Mapping"},
        "Url": {"Fn::GetAtt": ["Url", "FunctionUrl"]},
        "First": {"Fn::GetAtt": ["First", "Version"]},
    }
    cloudformation.create_stack(StackName="stack", TemplateBody=template(resources, values))
    made = outputs(cloudformation)
    assert made["Url"] == client.get_function_url_config(FunctionName="named")["FunctionUrl"]
    mapping = client.get_event_source_mapping(UUID=made["Mapping"])
    assert (mapping["BatchSize"], mapping["EventSourceArn"]) == (5, f"arn:aws:sqs:{REGION}:{aws.number}:work")

    resources["Mapping"]["Properties"]["BatchSize"] = "7"
    resources["Url"]["Properties"]["InvokeMode"] = "BUFFERED"
    resources["Fn"]["Properties"]["Code"] = {"ZipFile": CODE % "two"}
    resources["Second"] = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Fn"}}}
    cloudformation.update_stack(StackName="stack", TemplateBody=template(resources, values))
    assert outputs(cloudformation) == made
    assert client.get_event_source_mapping(UUID=made["Mapping"])["BatchSize"] == 7

    cloudformation.delete_stack(StackName="stack")
    assert client.list_functions()["Functions"] == []


def test_what_lambda_refuses_is_the_stacks_error(cloudformation: Any) -> None:
    with pytest.raises(ClientError, match=r"Resource handler returned message: .*handler"):
        cloudformation.create_stack(
            StackName="stack", TemplateBody=template({"Fn": function(Handler="white space.is wrong")})
        )


def test_a_custom_resource_is_answered_by_its_function(client: Any, cloudformation: Any, aws: Account) -> None:
    """Source: event-sources.md §9, "CloudFormation custom resource"."""
    source = (
        "import cfnresponse\n"
        "def handler(event, context):\n"
        "    data = {'Twice': int(event['ResourceProperties']['Number']) * 2}\n"
        "    cfnresponse.send(event, context, cfnresponse.SUCCESS, data, 'the-id')\n"
    )
    resources = {
        "Fn": function(Code={"ZipFile": source}, Timeout=20),
        "Custom": {
            "Type": "Custom::Double",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Fn", "Arn"]}, "Number": "21"},
        },
    }
    cloudformation.create_stack(
        StackName="stack", TemplateBody=template(resources, {"Twice": {"Fn::GetAtt": ["Custom", "Twice"]}})
    )
    deadline = time.monotonic() + 30
    while not (found := outputs(cloudformation)).get("Twice"):
        assert time.monotonic() < deadline, aws.server.said()
        time.sleep(0.05)
    assert found["Twice"] == "42"


def test_code_in_a_bucket_of_the_companion(client: Any, aws: Account) -> None:
    """A deployment package named by S3Bucket and S3Key comes from the S3 behind the same port."""
    bucket = aws.bucket("code")
    package = zip_of({"index.py": CODE % "from s3"})
    aws.client("s3").put_object(Bucket=bucket, Key="a/b.zip", Body=package)
    made = client.create_function(
        FunctionName="stored",
        Runtime="python3.13",
        Handler="index.handler",
        Role=ROLE,
        Code={"S3Bucket": bucket, "S3Key": "a/b.zip"},
    )
    assert base64.b64decode(made["CodeSha256"])
    client.get_waiter("function_active_v2").wait(FunctionName="stored", WaiterConfig={"Delay": 1})
    assert answer(client, "stored")["said"] == "from s3"
