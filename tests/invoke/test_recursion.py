"""Functions that invoke themselves are stopped at the seventeenth time: invocation.md section 4."""

import http.client
import json
from typing import Any

import pytest

from lambent.core.recursion import STOPPED
from tests.clients.installed import node_modules, with_files, zip_of_folder
from tests.companion.conftest import aws_client
from tests.invoke.caller import Caller
from tests.invoke.logs import lines_of, wait_for
from tests.invoke.test_layers import NODE as NODE_RUNTIME
from tests.lambent_server import REGION, ROLE, LambentServer, create_function, wait_until_active

CALLS_ITSELF = """\
import json, boto3

client = boto3.client("lambda")

def handler(event, context):
    try:
        answer = client.invoke(FunctionName=context.function_name, Payload=json.dumps(event + 1))
    except client.exceptions.RecursiveInvocationException as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return [event, status, error.response["Message"], error.response["Type"]]
    return json.load(answer["Payload"])
"""
SENDS_ITSELF_EVENTS = """\
import json, boto3

client = boto3.client("lambda")

def handler(event, context):
    print("PASS", event)
    if event < 20:
        client.invoke(FunctionName=context.function_name, InvocationType="Event", Payload=json.dumps(event + 1))
"""
SENDS_ITSELF_EVENTS_THE_OLD_WAY = SENDS_ITSELF_EVENTS.replace(
    'invoke(FunctionName=context.function_name, InvocationType="Event", Payload=',
    "invoke_async(FunctionName=context.function_name, InvokeArgs=",
)
IN_NODE = """
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";

const client = new LambdaClient({});

export const handler = async (event, { functionName }) => {
  process.stdout.write(`PASS ${event}\\n`);
  if (event < 20) {
    const Payload = JSON.stringify(event + 1);
    await client.send(new InvokeCommand({ FunctionName: functionName, InvocationType: "Event", Payload }));
  }
};
"""
PUBLISHES = """\
import json, os, boto3

topic = boto3.client("sns")

def handler(event, context):
    number = int(event["Records"][0]["Sns"]["Message"]) if "Records" in event else event["n"]
    print("PASS", number)
    if number < 20:
        topic.publish(TopicArn=os.environ["TOPIC"], Message=str(number + 1))
"""
WRITES = """\
import boto3

files = boto3.client("s3")

def handler(event, context):
    if "s3" not in event.get("Records", [{}])[0]:  # the test event of a new notification configuration
        return
    found = event["Records"][0]["s3"]
    number = int(found["object"]["key"])
    print("PASS", number)
    if number < 20:
        files.put_object(Bucket=found["bucket"]["name"], Key=str(number + 1), Body=b"")
"""
TELLS = "import json\ndef handler(event, context):\n    print('RECORD', json.dumps(event))\n"
EVENT = {"X-Amz-Invocation-Type": "Event"}


def passes(lambent: LambentServer, caller: Caller, name: str) -> list[int]:
    return sorted(int(line) for line in lines_of(lambent, caller, name, beginning="PASS "))


def dropped(lambent: LambentServer, account: str, name: str) -> str:
    """What the metrics say of a function's stopped invocations."""
    connection = http.client.HTTPConnection("127.0.0.1", lambent.port, timeout=20)
    connection.request("GET", "/_lambent/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    beginning = f'lambent_recursive_invocations_dropped_total{{account="{account}"'
    found = [line for line in lines if line.startswith(beginning) and f'function="{name}"' in line]
    return found[0].rpartition(" ")[2] if found else "0"


@pytest.mark.timeout(180)
def test_a_synchronous_loop_ends_with_an_exception_for_its_last_caller(
    lambent: LambentServer, caller: Caller, client: Any
) -> None:
    create_function(client, "calls", CALLS_ITSELF, Timeout=120, MemorySize=256)
    assert caller.result("calls", 1) == [16, 400, STOPPED, "User"]
    assert dropped(lambent, caller.account, "calls") == "1"
    assert caller.result("calls", 1)[0] == 16  # another chain


def test_a_loop_of_events_ends_at_the_destination_for_failures(
    lambent: LambentServer, caller: Caller, client: Any
) -> None:
    create_function(client, "records", TELLS)
    create_function(client, "sends", SENDS_ITSELF_EVENTS, Timeout=20)
    client.put_function_event_invoke_config(
        FunctionName="sends", DestinationConfig={"OnFailure": {"Destination": caller.arn("records")}}
    )
    caller.invoke("sends", b"1", headers=EVENT)
    (line,) = wait_for(lambda: lines_of(lambent, caller, "records", beginning="RECORD "), seconds=60)
    record = json.loads(line)
    assert (record["requestPayload"], record["responsePayload"]) == (17, None)
    assert record["requestContext"]["condition"] == "RecursiveLoop"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert passes(lambent, caller, "sends") == list(range(1, 17))
    assert dropped(lambent, caller.account, "sends") == "1"


def test_a_loop_by_way_of_invoke_async_is_stopped(lambent: LambentServer, caller: Caller, client: Any) -> None:
    create_function(client, "older", SENDS_ITSELF_EVENTS_THE_OLD_WAY, Timeout=20)
    caller.invoke("older", b"1", headers=EVENT)
    wait_for(lambda: dropped(lambent, caller.account, "older") == "1", seconds=60)
    wait_for(lambda: passes(lambent, caller, "older") == list(range(1, 17)))


def test_a_loop_by_way_of_destinations_for_failures_ends_too(
    lambent: LambentServer, caller: Caller, client: Any
) -> None:
    """The record of the event that is stopped is sent, and begins no further round."""
    for name in ("ping", "pong"):
        create_function(client, name, "def handler(event, context):\n    print('PASS 1')\n    raise ValueError\n")
    for name, other in (("ping", "pong"), ("pong", "ping")):
        client.put_function_event_invoke_config(
            FunctionName=name,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": caller.arn(other)}},
        )
    caller.invoke("ping", headers=EVENT)
    wait_for(lambda: dropped(lambent, caller.account, "pong") == "2", seconds=60)
    assert dropped(lambent, caller.account, "ping") == "0"
    wait_for(lambda: [len(passes(lambent, caller, name)) for name in ("ping", "pong")] == [18, 16])


def test_a_function_that_allows_loops_goes_on_at_once(lambent: LambentServer, caller: Caller, client: Any) -> None:
    create_function(client, "allowed", SENDS_ITSELF_EVENTS, Timeout=20)
    client.put_function_recursion_config(FunctionName="allowed", RecursiveLoop="Allow")
    caller.invoke("allowed", b"1", headers=EVENT)
    wait_for(lambda: 20 in passes(lambent, caller, "allowed"), seconds=60)
    assert passes(lambent, caller, "allowed") == list(range(1, 21))
    stopped = {"X-Amzn-Trace-Id": f"Root=1-5759e988-bd862e3fe1be46a994272793;Lineage={lineage_of(caller, 'allowed')}"}
    assert caller.invoke("allowed", b"20", headers=stopped).status == 200
    client.put_function_recursion_config(FunctionName="allowed", RecursiveLoop="Terminate")
    answer = caller.invoke("allowed", b"20", headers=stopped)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "RecursiveInvocationException")
    assert json.loads(answer.body) == {"Type": "User", "Message": STOPPED}


def lineage_of(caller: Caller, name: str) -> str:
    """That of a chain which a function has been in sixteen times."""
    trace = caller.invoke(name, b"20").headers["x-amzn-trace-id"]
    return f"16:{trace.rpartition('Lineage=')[2].split(':')[1]}:15"


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.skipif(NODE_RUNTIME is None, reason="this machine has no Node.js that functions can have")
def test_the_sdk_for_javascript_carries_the_chain_on(lambent: LambentServer, caller: Caller, client: Any) -> None:
    modules = node_modules("sdk-for-javascript", "@aws-sdk/client-lambda@3.1162.0") / "node_modules"
    package = zip_of_folder(modules, "node_modules", without=("dist-types",))
    client.create_function(
        FunctionName="node",
        Runtime=NODE_RUNTIME,
        Handler="index.handler",
        Role=ROLE,
        Timeout=30,
        MemorySize=512,
        Code={"ZipFile": with_files(package, {"index.mjs": IN_NODE.encode()})},
    )
    wait_until_active(client, "node", seconds=60)
    caller.invoke("node", b"1", headers=EVENT)
    wait_for(lambda: dropped(lambent, caller.account, "node") == "1", seconds=120)
    wait_for(lambda: passes(lambent, caller, "node") == list(range(1, 17)))


def test_a_loop_by_way_of_a_topic_is_stopped(lambent: LambentServer, account: str, caller: Caller, client: Any) -> None:
    topics = aws_client(lambent, "sns", account)
    topic = topics.create_topic(Name="loop")["TopicArn"]
    create_function(client, "publishes", PUBLISHES, Timeout=20, Environment={"Variables": {"TOPIC": topic}})
    topics.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=caller.arn("publishes"))
    caller.invoke("publishes", b'{"n": 1}', headers=EVENT)
    wait_for(lambda: dropped(lambent, account, "publishes") == "1", seconds=60)
    wait_for(lambda: passes(lambent, caller, "publishes") == list(range(1, 17)))


def test_a_loop_by_way_of_a_bucket_is_stopped(
    lambent: LambentServer, account: str, caller: Caller, client: Any
) -> None:
    create_function(client, "writes", WRITES, Timeout=20)
    files = aws_client(lambent, "s3", account)
    bucket = f"loop-{account}"
    files.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    files.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": caller.arn("writes"), "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    )
    files.put_object(Bucket=bucket, Key="1", Body=b"")
    wait_for(lambda: dropped(lambent, account, "writes") == "1", seconds=60)
    wait_for(lambda: passes(lambent, caller, "writes") == list(range(1, 17)))
