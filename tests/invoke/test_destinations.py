"""Destinations and dead letters of asynchronous invocations, sent to the companion's services.

Source: invocation.md §2, §2.1 and §2.2 (recorded from AWS where not said otherwise).
"""

import json
import re
from functools import partial
from typing import Any

import boto3
import pytest

from tests.faults.world import control
from tests.invoke.caller import Caller
from tests.invoke.logs import lines_of, wait_for
from tests.invoke.test_events import EVENT
from tests.lambent_server import REGION, LambentServer, create_function

SOURCE = """\
def handler(event, context):
    print("NOTE", context.aws_request_id)
    if event.get("fail"):
        raise ValueError("boom")
    return {"got": event.get("n")}
"""
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Aws:
    """The other services, for the test's account."""

    def __init__(self, url: str, account: str) -> None:
        self._url = url
        self._account = account
        self.sqs = self.client("sqs")

    def client(self, service: str) -> Any:
        return boto3.session.Session(self._account, "any", region_name=REGION).client(service, endpoint_url=self._url)

    def queue(self, name: str) -> str:
        """Make a queue; its ARN."""
        self.sqs.create_queue(QueueName=name)
        return f"arn:aws:sqs:{REGION}:{self._account}:{name}"

    def message(self, name: str) -> Any:
        """The next message of a queue."""
        url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        receive = partial(self.sqs.receive_message, QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"])
        [message] = wait_for(lambda: receive().get("Messages"))
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return message

    def record(self, name: str) -> Any:
        """The next message of a queue, as JSON."""
        return json.loads(self.message(name)["Body"])


@pytest.fixture
def aws(lambent: LambentServer, account: str) -> Aws:
    return Aws(lambent.url, account)


@pytest.fixture
def function(client: Any) -> str:
    """A function that isn't tried again."""
    create_function(client, "fn", SOURCE)
    client.put_function_event_invoke_config(FunctionName="fn", MaximumRetryAttempts=0)
    return "fn"


def send_results(client: Any, *, success: str | None = None, failure: str | None = None) -> None:
    config = {"OnSuccess": {"Destination": success}} if success else {}
    config |= {"OnFailure": {"Destination": failure}} if failure else {}
    client.update_function_event_invoke_config(FunctionName="fn", DestinationConfig=config)


def send(caller: Caller, event: dict[str, Any], *, qualifier: str | None = None) -> str:
    answer = caller.invoke("fn", json.dumps(event).encode(), qualifier=qualifier, headers=EVENT)
    assert answer.status == 202
    return answer.headers["x-amzn-requestid"]


def status_of(lambent: LambentServer, request_id: str) -> Any:
    return control(lambent, "GET", f"invocations/{request_id}")


def deliveries_of(lambent: LambentServer, request_id: str) -> Any:
    """What is known of what is sent; empty while the event isn't over."""
    return status_of(lambent, request_id).get("deliveries", [])


def test_a_queue_gets_the_record_of_a_success(client: Any, caller: Caller, aws: Aws, function: str) -> None:
    send_results(client, success=aws.queue("good"))
    request_id = send(caller, {"n": 1})
    message = aws.message("good")
    assert re.fullmatch(
        r'\{"version":"1\.0","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","requestContext":\{'
        rf'"requestId":"{request_id}","functionArn":"{re.escape(caller.arn("fn", "$LATEST"))}",'
        r'"condition":"Success","approximateInvokeCount":1\},"requestPayload":\{"n": 1\},'
        r'"responseContext":\{"statusCode":200,"executedVersion":"\$LATEST"\},"responsePayload":\{"got": 1\}\}',
        message["Body"],
    )
    assert message["Attributes"]["AWSTraceHeader"].startswith("Root=1-")


def test_a_failure_feeds_the_destination_and_the_dead_letter_queue(
    client: Any, caller: Caller, aws: Aws, function: str, lambent: LambentServer
) -> None:
    send_results(client, failure=aws.queue("bad"))
    client.update_function_configuration(FunctionName="fn", DeadLetterConfig={"TargetArn": aws.queue("letters")})
    request_id = send(caller, {"fail": True})
    record, letter = aws.record("bad"), aws.message("letters")
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorMessage"] == "boom"
    assert letter["Body"] == '{"fail": true}'
    attributes = {name: (one["DataType"], one["StringValue"]) for name, one in letter["MessageAttributes"].items()}
    assert attributes == {
        "RequestID": ("String", request_id),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "boom"),
    }
    known = status_of(lambent, request_id)
    assert (known["state"], known["condition"], known["failure"]) == ("failed", "RetriesExhausted", "ValueError: boom")
    wait_for(lambda: {one["state"] for one in status_of(lambent, request_id)["deliveries"]} == {"delivered"})


def test_an_error_may_say_what_messages_and_terminals_may_not(
    client: Any, caller: Caller, aws: Aws, lambent: LambentServer
) -> None:
    """Half of a surrogate pair and an escape sequence; the record has them as the function said them."""
    create_function(client, "fn", "def handler(event, context):\n    raise ValueError('\\ud83d \\x1b[31m')")
    client.put_function_event_invoke_config(FunctionName="fn", MaximumRetryAttempts=0)
    send_results(client, failure=aws.queue("odd"))
    client.update_function_configuration(FunctionName="fn", DeadLetterConfig={"TargetArn": aws.queue("odd-letters")})
    request_id = send(caller, {})
    assert aws.record("odd")["responsePayload"]["errorMessage"] == "\ud83d \x1b[31m"
    assert aws.message("odd-letters")["MessageAttributes"]["ErrorMessage"]["StringValue"] == "\ufffd \ufffd[31m"
    assert status_of(lambent, request_id)["failure"] == "ValueError: \ufffd \ufffd[31m"


def test_reserved_concurrency_0_goes_straight_there(client: Any, caller: Caller, aws: Aws, function: str) -> None:
    send_results(client, failure=aws.queue("off"))
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=0)
    send(caller, {"n": 2})
    record = aws.record("off")
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["responsePayload"] is None


def test_a_topic_passes_records_and_dead_letters_on(client: Any, caller: Caller, aws: Aws, function: str) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=aws.queue("subscribed"))
    send_results(client, success=topic)
    client.update_function_configuration(FunctionName="fn", DeadLetterConfig={"TargetArn": topic})
    send(caller, {"n": 3})
    assert json.loads(aws.record("subscribed")["Message"])["responsePayload"] == {"got": 3}
    send(caller, {"n": "x" * 262_144})
    record = json.loads(aws.record("subscribed")["Message"])
    assert (record["requestPayload"], record["responsePayload"]) == (None, None)
    request_id = send(caller, {"fail": 1})
    letter = aws.record("subscribed")
    assert letter["Message"] == '{"fail": 1}'
    assert letter["MessageAttributes"]["RequestID"] == {"Type": "String", "Value": request_id}


def test_an_event_bus_gets_an_event_of_the_record(client: Any, caller: Caller, aws: Aws, function: str) -> None:
    events = aws.client("events")
    bus = events.create_event_bus(Name="results")["EventBusArn"]
    events.put_rule(Name="all", EventBusName="results", EventPattern=json.dumps({"source": ["lambda"]}))
    events.put_targets(Rule="all", EventBusName="results", Targets=[{"Id": "1", "Arn": aws.queue("ruled")}])
    send_results(client, success=bus, failure=bus)
    for event, outcome in (({"n": 4}, "Success"), ({"fail": 1}, "Failure")):
        request_id = send(caller, event)
        received = aws.record("ruled")
        assert received["source"] == "lambda"
        assert received["detail-type"] == f"Lambda Function Invocation Result - {outcome}"
        assert received["resources"] == [bus, caller.arn("fn", "$LATEST")]
        assert received["detail"]["requestContext"]["requestId"] == request_id


def test_a_bucket_gets_an_object_for_a_failure(client: Any, caller: Caller, aws: Aws, function: str) -> None:
    s3 = aws.client("s3")
    bucket = f"failures-{caller.account}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    send_results(client, failure=f"arn:aws:s3:::{bucket}")
    request_id = send(caller, {"fail": 1})
    [found] = wait_for(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    assert re.fullmatch(
        rf"aws/lambda/async/fn/\d{{4}}/\d\d/\d\d/\d{{4}}-\d\d-\d\dT\d\d\.\d\d\.\d\d-{UUID}", found["Key"]
    )
    record = json.load(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"])
    assert record["requestContext"]["requestId"] == request_id


def test_a_function_is_invoked_with_the_record(
    client: Any, caller: Caller, function: str, lambent: LambentServer
) -> None:
    create_function(
        client, "next", "def handler(event, context):\n    print('NOTE', event['requestContext']['requestId'])"
    )
    send_results(client, success=caller.arn("next"))
    request_id = send(caller, {"n": 5})
    assert wait_for(lambda: lines_of(lambent, caller, "next", beginning="NOTE ")) == [request_id]


@pytest.mark.parametrize("kind", ["topic", "bucket", "bus"])
def test_what_a_destination_makes_run_belongs_to_the_functions_trace(
    client: Any, caller: Caller, aws: Aws, function: str, lambent: LambentServer, kind: str
) -> None:
    """And to its chain, so that a loop by way of destinations is stopped; but for buses, by way of which AWS finds none.

    Source: logs-metrics-traces.md §7.1; developer guide, "Lambda recursive loop detection".
    """
    tells = "import os\n\ndef handler(event, context):\n    print('NOTE', os.environ['_X_AMZN_TRACE_ID'])"
    create_function(client, "next", tells)
    target = {"topic": _topic_of, "bucket": _bucket_of, "bus": _bus_of}[kind](aws, caller)
    send_results(client, failure=target)
    trace = {"X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0;Lineage=3:bd4cecd5:2"}
    assert caller.invoke("fn", b'{"fail": 1}', headers={**EVENT, **trace}).status == 202
    [told] = wait_for(lambda: lines_of(lambent, caller, "next", beginning="NOTE "))
    if kind == "bus":
        assert "Lineage=5:bd4cecd5" not in told
    else:
        assert told.startswith("Root=1-5759e988-bd862e3fe1be46a994272793;")
        assert told.endswith(";Lineage=5:bd4cecd5:2")


def _topic_of(aws: Aws, caller: Caller) -> str:
    sns = aws.client("sns")
    topic: str = sns.create_topic(Name="traced")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=caller.arn("next"))
    return topic


def _bucket_of(aws: Aws, caller: Caller) -> str:
    s3 = aws.client("s3")
    bucket = f"traced-{caller.account}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    to_function = {"LambdaFunctionArn": caller.arn("next"), "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [to_function]}
    )
    return f"arn:aws:s3:::{bucket}"


def _bus_of(aws: Aws, caller: Caller) -> str:
    events = aws.client("events")
    bus: str = events.create_event_bus(Name="traced")["EventBusArn"]
    events.put_rule(Name="traced", EventBusName="traced", EventPattern=json.dumps({"source": ["lambda"]}))
    events.put_targets(Rule="traced", EventBusName="traced", Targets=[{"Id": "1", "Arn": caller.arn("next")}])
    return bus


def test_each_qualifier_has_destinations_of_its_own(client: Any, caller: Caller, aws: Aws, function: str) -> None:
    """An alias has the dead-letter queue of its version, which is as it was when that was published."""
    client.update_function_configuration(FunctionName="fn", DeadLetterConfig={"TargetArn": aws.queue("old")})
    client.get_waiter("function_updated_v2").wait(FunctionName="fn", WaiterConfig={"Delay": 0.05})
    client.publish_version(FunctionName="fn")
    client.create_alias(FunctionName="fn", Name="live", FunctionVersion="1")
    client.update_function_configuration(FunctionName="fn", DeadLetterConfig={"TargetArn": ""})
    client.put_function_event_invoke_config(
        FunctionName="fn",
        Qualifier="live",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": aws.queue("of-live")}},
    )
    request_id = send(caller, {"fail": 1}, qualifier="live")
    record = aws.record("of-live")
    assert record["requestContext"]["functionArn"] == caller.arn("fn", "live")
    assert record["responseContext"]["executedVersion"] == "1"
    assert aws.message("old")["MessageAttributes"]["RequestID"]["StringValue"] == request_id


def test_what_is_decided_is_what_the_function_has_when_the_event_ends(
    client: Any, caller: Caller, aws: Aws, lambent: LambentServer
) -> None:
    slow = "import time\n\ndef handler(event, context):\n    print('NOTE', 1)\n    time.sleep(4)"
    create_function(client, "fn", slow, Timeout=30)
    destinations = {"OnSuccess": {"Destination": aws.queue("late")}}
    send(caller, {})
    wait_for(lambda: lines_of(lambent, caller, "fn", beginning="NOTE "))
    client.put_function_event_invoke_config(FunctionName="fn", DestinationConfig=destinations)
    assert aws.record("late")["requestContext"]["condition"] == "Success"


def test_a_queue_that_is_not_there_keeps_nobody_else_waiting_and_gets_its_record_when_it_is(
    client: Any, caller: Caller, aws: Aws, function: str, lambent: LambentServer
) -> None:
    missing = f"arn:aws:sqs:{REGION}:{caller.account}:missing"
    send_results(client, success=missing, failure=aws.queue("there"))
    late = send(caller, {"n": 6})
    wait_for(lambda: [one for one in deliveries_of(lambent, late) if one["failure"]])
    send(caller, {"fail": 1})
    assert aws.record("there")["requestContext"]["condition"] == "RetriesExhausted"
    [waiting] = status_of(lambent, late)["deliveries"]
    assert "NonExistentQueue" in waiting["failure"]
    aws.queue("missing")
    control(lambent, "POST", f"queue/retry?request_id={late}")
    assert aws.record("missing")["requestContext"]["requestId"] == late


def test_what_could_not_be_sent_is_counted_and_told(
    client: Any, caller: Caller, aws: Aws, function: str, lambent: LambentServer
) -> None:
    """The record has 1 MB and more: no queue takes it. Source: developer guide, DestinationDeliveryFailures."""
    create_function(client, "long", "def handler(event, context):\n    return 'x' * 1_100_000")
    destinations = {"OnSuccess": {"Destination": caller.arn("fn")}}
    client.put_function_event_invoke_config(FunctionName="long", DestinationConfig=destinations)
    request_id = caller.invoke("long", headers=EVENT).headers["x-amzn-requestid"]
    given_up = wait_for(lambda: [one for one in deliveries_of(lambent, request_id) if one["state"] == "given up"])
    assert "an event may have 1048576" in given_up[0]["failure"]
    labels = f'account="{caller.account}",region="{REGION}",function="long"'
    wait_for(lambda: f"lambent_destination_delivery_failures_total{{{labels}}} 1\n" in metrics(caller))
    assert f"lambent_async_events_received_total{{{labels}}} 1\n" in metrics(caller)


def metrics(caller: Caller) -> str:
    connection = caller.connect()
    connection.request("GET", "/_lambent/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text
