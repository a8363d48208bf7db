"""Other services invoke functions: what a function gets from each. Source: event-sources.md §9."""

import base64
import gzip
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from lambent.clock import Clock
from tests.companion.conftest import Account, Recorder
from tests.lambent_server import REGION, create_function

pytestmark = pytest.mark.root

_ISO_MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_a_notification_of_a_topic(aws: Account, recorder: Recorder) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=recorder.arn)["SubscriptionArn"]
    published = sns.publish(
        TopicArn=topic,
        Message="text",
        MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}},
    )
    [event] = recorder.events()
    [record] = event["Records"]
    message = record.pop("Sns")
    assert record == {"EventVersion": "1.0", "EventSubscriptionArn": subscription, "EventSource": "aws:sns"}
    assert _ISO_MILLISECONDS.fullmatch(message.pop("Timestamp"))
    assert message.pop("SigningCertUrl").startswith("https://")
    assert message.pop("UnsubscribeUrl").startswith("https://")
    assert message.pop("Signature")
    assert message.pop("SignatureVersion") in {"1", "2"}
    assert message == {
        "Type": "Notification",
        "MessageId": published["MessageId"],
        "TopicArn": topic,
        "Subject": None,
        "Message": "text",
        "MessageAttributes": {"k": {"Type": "String", "Value": "v"}},
    }


def test_a_subscription_with_a_filter_policy_gets_what_matches(aws: Account, recorder: Recorder) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    policy = json.dumps({"kind": ["wanted"]})
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=recorder.arn, Attributes={"FilterPolicy": policy})
    for kind in ("other", "wanted"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=topic, Message=kind, Subject="s", MessageAttributes=attributes)
    [event] = recorder.events()
    assert event["Records"][0]["Sns"]["Message"] == "wanted"
    assert event["Records"][0]["Sns"]["Subject"] == "s"


def test_a_notification_of_a_bucket(aws: Account, recorder: Recorder) -> None:
    s3, bucket = aws.client("s3"), aws.bucket("watched")
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"Id": "cfg", "LambdaFunctionArn": recorder.arn, "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    )
    s3.put_object(Bucket=bucket, Key="a+b c.txt", Body=b"thirteen char")
    [event] = recorder.events()
    [record] = event["Records"]
    assert record["eventVersion"] == "2.1"
    assert record["eventSource"] == "aws:s3"
    assert record["awsRegion"] == REGION
    assert record["eventName"] == "ObjectCreated:Put"
    assert _ISO_MILLISECONDS.fullmatch(record["eventTime"])
    assert set(record) >= {"userIdentity", "requestParameters", "responseElements"}
    assert record["s3"]["configurationId"] == "cfg"
    assert record["s3"]["bucket"]["name"] == bucket
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    assert record["s3"]["object"]["key"] == "a%2Bb+c.txt"
    assert record["s3"]["object"]["size"] == 13
    assert set(record["s3"]["object"]) == {"key", "size", "eTag", "sequencer"}


def test_a_deletion_in_a_bucket_has_no_size(aws: Account, recorder: Recorder) -> None:
    s3, bucket = aws.client("s3"), aws.bucket("watched")
    configuration = {"LambdaFunctionArn": recorder.arn, "Events": ["s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"b")
    s3.delete_object(Bucket=bucket, Key="k")
    [event] = recorder.events()
    assert event["Records"][0]["eventName"] == "ObjectRemoved:Delete"
    assert set(event["Records"][0]["s3"]["object"]) == {"key", "sequencer"}


def test_an_event_that_a_rule_matches(aws: Account, recorder: Recorder) -> None:
    events = aws.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")  # no event matches it
    for rule in ("r", "hourly"):
        events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": recorder.arn}])
    entries = [
        {"Source": source, "DetailType": "Order", "Detail": json.dumps({"n": 1})} for source in ("other", "shop")
    ]
    answer = events.put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 0
    [event] = recorder.events()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event.pop("time"))
    assert event == {
        "version": "0",
        "id": answer["Entries"][1]["EventId"],
        "detail-type": "Order",
        "source": "shop",
        "account": aws.number,
        "region": REGION,
        "resources": [],
        "detail": {"n": 1},
    }


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Input": '{"constant": 1}'}, {"constant": 1}),
        ({"InputPath": "$.detail"}, {"n": 1}),
        (
            {"InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>}'}},
            {"number": 1},
        ),
    ],
)
def test_a_target_gets_the_input_that_it_asks_for(
    target: dict[str, Any], expected: Any, aws: Account, recorder: Recorder
) -> None:
    """Source: EventBridge API reference, Target."""
    events = aws.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": recorder.arn, **target}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": json.dumps({"n": 1})}])
    assert recorder.events() == [expected]


def test_a_target_that_cannot_be_delivered_to_keeps_nothing_from_the_others(
    aws: Account, recorder: Recorder, warnings: Callable[[], str]
) -> None:
    events = aws.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    missing = recorder.arn.replace("recorder", "not-there")
    targets = [{"Id": str(at), "Arn": arn} for at, arn in enumerate((missing, recorder.arn))]
    events.put_targets(Rule="r", Targets=targets)
    events.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": "{}"}])
    assert len(recorder.events()) == 1
    assert f"could not invoke {missing}" in warnings()


def test_log_events_that_a_subscription_filter_matches(aws: Account, recorder: Recorder) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    logs.put_subscription_filter(logGroupName="g", filterName="f", filterPattern="", destinationArn=recorder.arn)
    now = Clock().now_ms()
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now, "message": "said"}])
    [event] = recorder.events()
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    [log_event] = data.pop("logEvents")
    assert (log_event["timestamp"], log_event["message"]) == (now, "said")
    assert data == {
        "messageType": "DATA_MESSAGE",
        "owner": aws.number,
        "logGroup": "g",
        "logStream": "s",
        "subscriptionFilters": ["f"],
    }


def test_a_subscription_filter_needs_a_function_that_is_there(aws: Account) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="g")
    missing = f"arn:aws:lambda:{REGION}:{aws.number}:function:not-there"
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Could not execute the lambda function"):
        logs.put_subscription_filter(logGroupName="g", filterName="f", filterPattern="", destinationArn=missing)


def test_a_state_machine_calls_a_function_of_its_account(aws: Account, client: Any) -> None:
    """Source: event-sources.md §9, "Step Functions"."""
    function = create_function(client, "double", "def handler(event, context): return {'twice': event['n'] * 2}")
    definition = {
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": function["FunctionArn"], "Payload.$": "$"},
                "End": True,
            }
        },
    }
    states = aws.client("stepfunctions")
    role = f"arn:aws:iam::{aws.number}:role/steps"
    machine = states.create_state_machine(name="m", definition=json.dumps(definition), roleArn=role)
    started = states.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"n": 21}')
    deadline = time.monotonic() + 30
    while True:
        execution = states.describe_execution(executionArn=started["executionArn"])
        if execution["status"] != "RUNNING":
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert execution["status"] == "SUCCEEDED", execution
    output = json.loads(execution["output"])
    assert output["Payload"] == {"twice": 42}
    assert output["StatusCode"] == 200
    assert output["ExecutedVersion"] == "$LATEST"


def test_a_secret_is_rotated_by_its_function(aws: Account, client: Any) -> None:
    """Source: event-sources.md §9, "Secrets Manager rotation"."""
    bucket = aws.bucket("steps")
    source = (
        "import boto3, os\n"
        "def handler(event, context):\n"
        "    boto3.client('s3').put_object(Bucket=os.environ['RECORDS'], Key=event['Step'], Body=b'')\n"
    )
    variables = {"Variables": {"RECORDS": bucket}}
    function = create_function(client, "rotate", source, Timeout=20, Environment=variables)
    secrets = aws.client("secretsmanager")
    secrets.create_secret(Name="s", SecretString="old")
    secrets.rotate_secret(
        SecretId="s", RotationLambdaARN=function["FunctionArn"], RotationRules={"AutomaticallyAfterDays": 30}
    )
    steps = {one["Key"] for one in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]}
    assert steps == {"createSecret", "setSecret", "testSecret", "finishSecret"}
