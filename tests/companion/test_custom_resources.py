"""Custom resources, from their creation to their deletion. Source: CloudFormation user guide, "Custom resources"."""

import shutil
import subprocess
from typing import Any

import pytest

from lambent.companion.launcher.custom_resources import texts
from tests.companion.conftest import Account
from tests.companion.test_change_sets import deploy, reasons
from tests.companion.test_stacks import answer, function, outputs, template

HANDLER = """
import json
import cfnresponse, boto3

def handler(event, context):
    if "RequestType" not in event:  # the test asks what came
        return asked()
    properties = event["ResourceProperties"]
    kept = {key: event.get(key) for key in ("RequestType", "PhysicalResourceId", "OldResourceProperties")}
    kept |= {"Number": properties.get("Number"), "Flag": properties.get("Flag"), "ResourceType": event["ResourceType"]}
    boto3.client("sqs").send_message(QueueUrl=queue(), MessageBody=json.dumps(kept))
    failed = properties.get("Number") == "13" and event["RequestType"] != "Delete"
    status = cfnresponse.FAILED if failed else cfnresponse.SUCCESS
    data = {"Twice": int(properties["Number"]) * 2}
    cfnresponse.send(event, context, status, data, properties.get("Id"), reason="thirteen")

def queue():
    return boto3.client("sqs").get_queue_url(QueueName="told")["QueueUrl"]

def asked():
    found = boto3.client("sqs").receive_message(QueueUrl=queue(), MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(one["Body"]) for one in found]
"""


def test_numbers_and_truth_are_text() -> None:
    assert texts({"a": [1, True, {"b": 1.5}], "c": "d"}) == {"a": ["1", "true", {"b": "1.5"}], "c": "d"}


@pytest.fixture
def cloudformation(aws: Account) -> Any:
    aws.client("sqs").create_queue(QueueName="told")
    return aws.client("cloudformation")


def body(number: int, physical_id: str, kind: str = "Custom::Double", **properties: Any) -> str:
    resources = {
        "Custom": {
            "Type": kind,
            "Properties": {
                "ServiceToken": {"Fn::GetAtt": ["Fn", "Arn"]},
                "Number": number,
                "Flag": True,
                "Id": physical_id,
                **properties,
            },
        },
        "Fn": function(FunctionName="custom", Code={"ZipFile": HANDLER}, Timeout=30),
    }
    return template(resources, {"Twice": {"Fn::GetAtt": ["Custom", "Twice"]}, "Id": {"Ref": "Custom"}})


@pytest.mark.root
def test_it_is_created_updated_replaced_and_deleted(client: Any, cloudformation: Any) -> None:
    def told() -> list[Any]:
        return [(one["RequestType"], one["PhysicalResourceId"], one["Number"]) for one in answer(client, "custom")]

    assert deploy(cloudformation, body(1, "a")) == "CREATE_COMPLETE", reasons(cloudformation)
    assert outputs(cloudformation) == {"Twice": "2", "Id": "a"}
    assert told() == [("Create", None, "1")]
    assert deploy(cloudformation, body(2, "a"), "UPDATE") == "UPDATE_COMPLETE"
    assert outputs(cloudformation) == {"Twice": "4", "Id": "a"}
    [update] = answer(client, "custom")
    assert (update["RequestType"], update["OldResourceProperties"]["Number"], update["Flag"]) == ("Update", "1", "true")
    assert update["ResourceType"] == "Custom::Double"
    assert deploy(cloudformation, body(3, "b"), "UPDATE") == "UPDATE_COMPLETE"
    assert told() == [("Update", "a", "3"), ("Delete", "a", "2")]
    cloudformation.delete_stack(StackName="stack")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="custom")


@pytest.mark.root
def test_its_function_is_told_of_the_deletion_before_it_goes(aws: Account, cloudformation: Any) -> None:
    assert deploy(cloudformation, body(1, "a", "AWS::CloudFormation::CustomResource")) == "CREATE_COMPLETE"
    cloudformation.delete_stack(StackName="stack")
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="told")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert ['"Delete"' in one["Body"] for one in found] == [False, True]


@pytest.mark.root
def test_a_failure_is_the_stacks(cloudformation: Any) -> None:
    assert deploy(cloudformation, body(13, "a")) == "ROLLBACK_COMPLETE"
    assert "Received response status [FAILED] from custom resource: thirteen" in reasons(cloudformation)


@pytest.mark.root
def test_a_function_that_fails_fails_the_stack_at_once(cloudformation: Any) -> None:
    text = body(1, "a").replace("cfnresponse.send(", "cfnresponse.no_such_function(")
    assert deploy(cloudformation, text) == "ROLLBACK_COMPLETE"
    assert "no_such_function" in reasons(cloudformation)


# As the functions that AWS CDK brings along: the name of the host and the path, whatever the port.
CDK_HANDLER = """
const url = require("url");

exports.handler = (event) => new Promise((resolve, reject) => {
  const answer = JSON.stringify({
    Status: "SUCCESS", PhysicalResourceId: "from node", StackId: event.StackId, RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId, Data: { Twice: Number(event.ResourceProperties.Number) * 2 },
  });
  const { hostname, path } = url.parse(event.ResponseURL);
  const headers = { "content-type": "", "content-length": Buffer.byteLength(answer, "utf8") };
  const request = require("https").request({ hostname, path, method: "PUT", headers }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  request.on("error", reject);
  request.end(answer);
});
"""


@pytest.mark.root
def test_a_function_that_answers_over_https(cloudformation: Any) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no Node.js")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    runtime = f"nodejs{version.removeprefix('v').partition('.')[0]}.x"
    resources = {
        "Custom": {
            "Type": "Custom::Double",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Fn", "Arn"]}, "Number": 21},
        },
        "Fn": function(Runtime=runtime, Code={"ZipFile": CDK_HANDLER}, Timeout=30),
    }
    text = template(resources, {"Twice": {"Fn::GetAtt": ["Custom", "Twice"]}, "Id": {"Ref": "Custom"}})
    assert deploy(cloudformation, text) == "CREATE_COMPLETE", reasons(cloudformation)
    assert outputs(cloudformation) == {"Twice": "42", "Id": "from node"}


@pytest.mark.root
def test_silence_is_a_failure(cloudformation: Any) -> None:
    text = body(1, "a", ServiceTimeout=1).replace("cfnresponse.send(", "(lambda *_, **__: None)(")
    assert deploy(cloudformation, text) == "ROLLBACK_COMPLETE"
    assert "did not receive a response from your Custom Resource" in reasons(cloudformation)
