"""Templates of the Serverless Application Model. Source: SAM specification; SAM developer guide, "AutoPublishAlias"."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.companion.conftest import Account
from tests.companion.test_change_sets import deploy
from tests.companion.test_stacks import CODE, answer, outputs
from tests.lambent_server import zip_of

pytestmark = pytest.mark.root

TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Timeout: 10, Runtime: python3.13}
Parameters:
  Key: {Type: String}
Resources:
  Queue:
    Type: AWS::SQS::Queue
  Topic:
    Type: AWS::SNS::Topic
  Bucket:
    Type: AWS::S3::Bucket
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      CodeUri: {Bucket: BUCKET, Key: !Ref Key}
      AutoPublishAlias: live
      Policies:
        - AWSLambdaSQSQueueExecutionRole
        - SQSSendMessagePolicy: {QueueName: !GetAtt Queue.QueueName}
      FunctionUrlConfig: {AuthType: NONE}
      EventInvokeConfig: {MaximumRetryAttempts: 1}
      Events:
        FromQueue: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 5}}
        FromTopic: {Type: SNS, Properties: {Topic: !Ref Topic}}
        FromBucket:
          Type: S3
          Properties:
            Bucket: !Ref Bucket
            Events: s3:ObjectCreated:*
            Filter: {S3Key: {Rules: [{Name: suffix, Value: .csv}]}}
        Api: {Type: Api, Properties: {Path: /hello, Method: get}}
Outputs:
  Name: {Value: !Ref Hello}
  Bucket: {Value: !Ref Bucket}
  Alias: {Value: !Ref Hello.Alias}
  Url: {Value: !GetAtt HelloUrl.FunctionUrl}
"""


@pytest.fixture
def cloudformation(aws: Account) -> Any:
    return aws.client("cloudformation")


def test_a_function_with_its_alias_and_events(client: Any, cloudformation: Any, aws: Account) -> None:
    bucket = aws.bucket("code")
    body = TEMPLATE.replace("BUCKET", bucket)

    def release(said: str, kind: str) -> str:
        aws.client("s3").put_object(Bucket=bucket, Key=said, Body=zip_of({"index.py": CODE % said}))
        parameters = [{"ParameterKey": "Key", "ParameterValue": said}]
        return deploy(cloudformation, body, kind, Parameters=parameters, Capabilities=["CAPABILITY_IAM"])

    assert release("one", "CREATE") == "CREATE_COMPLETE"
    made = outputs(cloudformation)
    assert made["Alias"].endswith(f":{made['Name']}:live")
    assert client.get_function_url_config(FunctionName=made["Name"], Qualifier="live")["FunctionUrl"] == made["Url"]
    assert answer(client, made["Name"], Qualifier="live") == {"version": "1", "said": "one"}
    [mapping] = client.list_event_source_mappings()["EventSourceMappings"]
    assert (mapping["FunctionArn"], mapping["BatchSize"]) == (made["Alias"], 5)
    [subscription] = aws.client("sns").list_subscriptions()["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("lambda", made["Alias"])
    told = aws.client("s3").get_bucket_notification_configuration(Bucket=made["Bucket"])
    [notification] = told["LambdaFunctionConfigurations"]
    assert notification["LambdaFunctionArn"] == made["Alias"]
    assert notification["Filter"]["Key"]["FilterRules"] == [{"Name": "suffix", "Value": ".csv"}]

    assert release("two", "UPDATE") == "UPDATE_COMPLETE"
    assert answer(client, made["Name"], Qualifier="live") == {"version": "2", "said": "two"}
    assert cloudformation.get_template(StackName="stack")["TemplateBody"] == body

    cloudformation.delete_stack(StackName="stack")
    assert client.list_functions()["Functions"] == []


def test_what_the_transform_refuses(cloudformation: Any) -> None:
    resources = {"Bad": {"Type": "AWS::Serverless::Function", "Properties": {"Nonsense": 1}}}
    body = json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources})
    with pytest.raises(ClientError, match=r"Transform AWS::Serverless-2016-10-31 failed with: .*\[Bad\] is invalid"):
        cloudformation.create_stack(StackName="stack", TemplateBody=body)
