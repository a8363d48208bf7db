"""Queues of stacks. Source: CloudFormation user guide, "AWS::SQS::Queue", "Update behaviors of stack resources"."""

import json
from typing import Any

import pytest

from tests.companion.conftest import Account
from tests.companion.test_stacks import outputs, template

pytestmark = pytest.mark.root

VALUES = {
    "Ref": {"Ref": "Queue"},
    "Url": {"Fn::GetAtt": ["Queue", "QueueUrl"]},
    "Name": {"Fn::GetAtt": ["Queue", "QueueName"]},
    "Arn": {"Fn::GetAtt": ["Queue", "Arn"]},
}


def body(**properties: Any) -> str:
    resources = {
        "Dead": {"Type": "AWS::SQS::Queue"},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": properties},
    }
    return template(resources, VALUES)


def to_dead_letters(receives: int) -> dict[str, Any]:
    return {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": receives}


@pytest.fixture
def cloudformation(aws: Account) -> Any:
    return aws.client("cloudformation")


def test_a_queue_is_referred_to_by_the_url_that_it_has_here(aws: Account, cloudformation: Any) -> None:
    """The SDK for JavaScript sends to the host of a queue's URL: AWS's would be AWS."""
    cloudformation.create_stack(StackName="stack", TemplateBody=body())
    made = outputs(cloudformation)
    assert made["Ref"] == made["Url"] == aws.client("sqs").get_queue_url(QueueName=made["Name"])["QueueUrl"]


def test_a_fifo_queue_without_a_name_gets_one_that_ends_in_fifo(aws: Account, cloudformation: Any) -> None:
    cloudformation.create_stack(StackName="stack" * 20, TemplateBody=body(FifoQueue=True))
    made = outputs(cloudformation, "stack" * 20)
    assert made["Name"].endswith(".fifo")
    assert len(made["Name"]) <= 80
    assert len(aws.client("sqs").list_queues()["QueueUrls"]) == 2

    cloudformation.delete_stack(StackName="stack" * 20)
    assert "QueueUrls" not in aws.client("sqs").list_queues()


def test_an_update_changes_whatever_a_queue_has(aws: Account, cloudformation: Any) -> None:
    sqs = aws.client("sqs")
    cloudformation.create_stack(
        StackName="stack", TemplateBody=body(DelaySeconds=3, VisibilityTimeout=40, RedrivePolicy=to_dead_letters(2))
    )
    made = outputs(cloudformation)
    sqs.send_message(QueueUrl=made["Url"], MessageBody="stays")

    tags = [{"Key": "team", "Value": "shop"}]
    cloudformation.update_stack(
        StackName="stack", TemplateBody=body(VisibilityTimeout=50, RedrivePolicy=to_dead_letters(5), Tags=tags)
    )
    assert outputs(cloudformation) == made
    found = sqs.get_queue_attributes(QueueUrl=made["Url"], AttributeNames=["All"])["Attributes"]
    assert json.loads(found["RedrivePolicy"])["maxReceiveCount"] == 5
    assert (found["VisibilityTimeout"], found["DelaySeconds"]) == ("50", "0")
    assert found["ApproximateNumberOfMessagesDelayed"] == "1"
    assert sqs.list_queue_tags(QueueUrl=made["Url"])["Tags"] == {"team": "shop"}

    cloudformation.update_stack(StackName="stack", TemplateBody=body())
    found = sqs.get_queue_attributes(QueueUrl=made["Url"], AttributeNames=["All"])["Attributes"]
    assert "RedrivePolicy" not in found
    assert found["VisibilityTimeout"] == "30"


def test_another_name_or_kind_is_another_queue(aws: Account, cloudformation: Any) -> None:
    sqs = aws.client("sqs")
    cloudformation.create_stack(StackName="stack", TemplateBody=body())
    names = []
    for properties in ({"QueueName": "one"}, {"QueueName": "two"}, {"FifoQueue": True}):
        cloudformation.update_stack(StackName="stack", TemplateBody=body(**properties))
        made = outputs(cloudformation)
        assert sqs.get_queue_url(QueueName=made["Name"])["QueueUrl"] == made["Ref"]
        assert len(sqs.list_queues()["QueueUrls"]) == 2
        names.append(made["Name"])
    assert names[:2] == ["one", "two"]
    assert names[2].endswith(".fifo")
