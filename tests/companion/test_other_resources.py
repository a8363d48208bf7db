"""Resources beside functions that moto's CloudFormation lacks. Source: CloudFormation user guide, each type's page."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.companion.launcher.other_resources import api_notifications
from tests.companion.conftest import Account
from tests.companion.test_stacks import outputs, template


def test_notifications_of_a_bucket_in_the_apis_words() -> None:
    """Source: AWS::S3::Bucket NotificationConfiguration; S3 API reference, PutBucketNotificationConfiguration."""
    said = {
        "LambdaConfigurations": [
            {
                "Event": "s3:ObjectCreated:*",
                "Function": "arn:f",
                "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "in/"}]}},
            }
        ],
        "QueueConfigurations": [{"Event": "s3:ObjectRemoved:*", "Queue": "arn:q"}],
        "TopicConfigurations": [{"Event": "s3:TestEvent", "Topic": "arn:t"}],
        "EventBridgeConfiguration": {"EventBridgeEnabled": "true"},
    }
    assert api_notifications(said) == {
        "LambdaFunctionConfigurations": [
            {
                "LambdaFunctionArn": "arn:f",
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
            }
        ],
        "QueueConfigurations": [{"QueueArn": "arn:q", "Events": ["s3:ObjectRemoved:*"]}],
        "TopicConfigurations": [{"TopicArn": "arn:t", "Events": ["s3:TestEvent"]}],
        "EventBridgeConfiguration": {},
    }
    assert api_notifications({}) == {}
    assert api_notifications({"EventBridgeConfiguration": {"EventBridgeEnabled": False}}) == {}


@pytest.mark.root
def test_what_is_denied_without_tls_is_not_denied_to_everybody(aws: Account) -> None:
    """As the bucket has it that `sam deploy --resolve-s3` makes."""
    s3, bucket = aws.client("s3"), aws.bucket("denied")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [{**deny, "Condition": condition}]}))
    s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": deny}))
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket=bucket, Key="b", Body=b"b")


@pytest.mark.root
def test_policies_and_subscriptions(aws: Account) -> None:
    cloudformation, sns, sqs, s3 = (aws.client(name) for name in ("cloudformation", "sns", "sqs", "s3"))
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    }
    resources: dict[str, Any] = {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}},
        "OfQueue": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": policy},
        },
        "OfTopic": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": policy},
        },
        "OfBucket": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": policy},
        },
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Topic"},
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
                "RawMessageDelivery": True,
                "FilterPolicy": {"kind": ["a"]},
            },
        },
    }
    values = {name: {"Ref": name} for name in ("Queue", "Topic", "Bucket", "Subscription")}
    cloudformation.create_stack(StackName="stack", TemplateBody=template(resources, values))
    made = outputs(cloudformation)
    attributes = sqs.get_queue_attributes(QueueUrl=made["Queue"], AttributeNames=["Policy"])["Attributes"]
    assert json.loads(attributes["Policy"])["Statement"] == policy["Statement"]
    assert json.loads(sns.get_topic_attributes(TopicArn=made["Topic"])["Attributes"]["Policy"]) == policy
    assert json.loads(s3.get_bucket_policy(Bucket=made["Bucket"])["Policy"]) == policy
    assert s3.get_bucket_versioning(Bucket=made["Bucket"])["Status"] == "Enabled"
    subscription = sns.get_subscription_attributes(SubscriptionArn=made["Subscription"])["Attributes"]
    assert subscription["RawMessageDelivery"] == "true"
    assert json.loads(subscription["FilterPolicy"]) == {"kind": ["a"]}

    del resources["Subscription"], values["Subscription"], resources["OfBucket"]
    cloudformation.update_stack(StackName="stack", TemplateBody=template(resources, values))
    assert sns.list_subscriptions()["Subscriptions"] == []
    cloudformation.delete_stack(StackName="stack")
    assert "QueueUrls" not in sqs.list_queues()
