"""Stacks in stacks. Source: CloudFormation user guide, "AWS::CloudFormation::Stack"."""

import pytest

from tests.companion.conftest import Account
from tests.companion.test_stacks import outputs, template
from tests.lambent_server import REGION

pytestmark = pytest.mark.root


def test_what_a_nested_stack_puts_out_is_known_outside_and_an_update_keeps_what_it_has(aws: Account) -> None:
    cloudformation, sqs, s3, bucket = aws.client("cloudformation"), aws.client("sqs"), aws.client("s3"), aws.bucket("t")

    def body(version: str, seconds: int) -> str:
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": seconds}}
        inner = template({"Queue": queue}, {"Url": {"Ref": "Queue"}, "Version": version})
        s3.put_object(Bucket=bucket, Key=version, Body=inner)
        url = f"https://s3.{REGION}.amazonaws.com/{bucket}/{version}"
        inside = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
        said = {"Fn::GetAtt": ["Inside", "Outputs.Version"]}
        parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "said", "Type": "String", "Value": said}}
        return template(
            {"Inside": inside, "Parameter": parameter},
            {"Url": {"Fn::GetAtt": ["Inside", "Outputs.Url"]}, "Said": said},
        )

    cloudformation.create_stack(StackName="stack", TemplateBody=body("one", 40))
    made = outputs(cloudformation)
    assert made["Said"] == "one"
    sqs.send_message(QueueUrl=made["Url"], MessageBody="stays")

    cloudformation.update_stack(StackName="stack", TemplateBody=body("two", 50))
    assert outputs(cloudformation) == {"Url": made["Url"], "Said": "two"}
    found = sqs.get_queue_attributes(QueueUrl=made["Url"], AttributeNames=["All"])["Attributes"]
    assert (found["VisibilityTimeout"], found["ApproximateNumberOfMessages"]) == ("50", "1")
    assert aws.client("ssm").get_parameter(Name="said")["Parameter"]["Value"] == "two"

    cloudformation.delete_stack(StackName="stack")
    assert "QueueUrls" not in sqs.list_queues()
    assert cloudformation.describe_stacks()["Stacks"] == []
