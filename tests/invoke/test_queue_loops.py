"""Loops by way of queues are stopped, and what isn't a loop goes on: invocation.md section 4."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.installed import node_modules, with_files, zip_of_folder
from tests.companion.conftest import aws_client
from tests.invoke.caller import Caller
from tests.invoke.logs import lines_of, wait_for
from tests.invoke.test_layers import NODE as NODE_RUNTIME
from tests.invoke.test_recursion import dropped, lineage_of, passes
from tests.lambent_server import REGION, ROLE, LambentServer, create_function, wait_until_active

SENDS_BACK = """\
import json, os, boto3

queue = boto3.client("sqs")

def handler(event, context):
    for record in event["Records"]:
        chain, _, number = record["body"].partition(":")
        print("PASS", number)
        print("CHAIN", chain)
        if int(number) < 20:
            queue.send_message(QueueUrl=os.environ["TO"], MessageBody=f"{chain}:{int(number) + 1}")
"""
PUBLISHES = """\
import json, os, boto3

topic = boto3.client("sns")

def handler(event, context):
    for record in event["Records"]:
        number = int(json.loads(record["body"])["Message"])
        print("PASS", number)
        if number < 20:
            topic.publish(TopicArn=os.environ["TO"], Message=str(number + 1))
"""
SENDS_ITSELF_EVENTS = """\
import json, boto3

client = boto3.client("lambda")

def handler(event, context):
    if "Records" not in event:
        return event["n"] + 1
    for record in event["Records"]:
        number = json.loads(record["body"])["responsePayload"]
        print("PASS", number)
        if number < 40:
            payload = json.dumps({"n": number})
            client.invoke(FunctionName=context.function_name, InvocationType="Event", Payload=payload)
"""
IN_NODE = """
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const client = new SQSClient({});

export const handler = async (event) => {
  for (const { body } of event.Records) {
    process.stdout.write(`PASS ${body}\\n`);
    if (Number(body) < 20) {
      const MessageBody = String(Number(body) + 1);
      await client.send(new SendMessageCommand({ QueueUrl: process.env.TO, MessageBody }));
    }
  }
};
"""
PRODUCES = """\
import os, boto3

queue = boto3.client("sqs")

def handler(event, context):
    for number in range(event["first"], event["first"] + event["count"]):
        queue.send_message(QueueUrl=os.environ["TO"], MessageBody=str(number))
"""
CONSUMES = """\
def handler(event, context):
    for record in event["Records"]:
        print("PASS", record["body"])
"""
# Each message is sent on once, as a function does that waits for longer than a queue can delay.
SENDS_ON_ONCE = """\
import os, boto3

queue = boto3.client("sqs")

def handler(event, context):
    for record in event["Records"]:
        print("ROUND", record["body"], record["attributes"].get("AWSTraceHeader", ""))
        if record["body"].startswith("new"):
            queue.send_message(QueueUrl=os.environ["TO"], MessageBody="old" + record["body"][3:])
"""
SECONDS = 6
"""How long a function may take, and so how long its queue hides messages at least."""

Mapped = Callable[..., "Queue"]


class Queue:
    """A queue, and where its dead letters go."""

    def __init__(self, lambent: LambentServer, account: str, name: str) -> None:
        self.sqs = aws_client(lambent, "sqs", account)
        kind = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if name.endswith(".fifo") else {}
        self.dead_url = self.sqs.create_queue(QueueName=f"dead-{name}", Attributes=kind)["QueueUrl"]
        policy = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{account}:dead-{name}", "maxReceiveCount": 1}
        attributes = {"VisibilityTimeout": str(SECONDS), "RedrivePolicy": json.dumps(policy), **kind}
        self.group = {"MessageGroupId": "g"} if kind else {}
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{account}:{name}"

    def send(self, *bodies: str, lineages: dict[str, str] | None = None) -> None:
        """Messages at once; to each body belongs a lineage, if any does."""
        entries: list[dict[str, Any]] = []
        for at, body in enumerate(bodies):
            entry: dict[str, Any] = {"Id": str(at), "MessageBody": body, **self.group}
            lineage = (lineages or {}).get(body)
            if lineage is not None:
                header = f"Root=1-5759e988-bd862e3fe1be46a994272793;Lineage={lineage}"
                attribute = {"DataType": "String", "StringValue": header}
                entry["MessageSystemAttributes"] = {"AWSTraceHeader": attribute}
            entries.append(entry)
        self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def dead_letter(self) -> str:
        """The body of the first, once there is one."""

        def received() -> Any:
            return self.sqs.receive_message(QueueUrl=self.dead_url, WaitTimeSeconds=20).get("Messages")

        [message] = wait_for(received, seconds=60)
        return str(message["Body"])


@pytest.fixture
def queue(lambent: LambentServer, account: str) -> Queue:
    return Queue(lambent, account, "q")


def function_of_queue(client: Any, queue: Queue, name: str, code: str, *, to: str = "", **settings: Any) -> str:
    """A function that reads the queue; its mapping's id."""
    environment = {"Variables": {"TO": to or queue.url}}
    create_function(client, name, code, Timeout=SECONDS, MemorySize=256, Environment=environment)
    return read_queue(client, queue, name, **settings)


def read_queue(client: Any, queue: Queue, name: str, **settings: Any) -> str:
    mapping = {"FunctionName": name, "EventSourceArn": queue.arn, "BatchSize": 1, **settings}
    return str(client.create_event_source_mapping(**mapping)["UUID"])


@pytest.mark.timeout(180)
def test_a_function_that_sends_each_message_back_is_stopped(
    lambent: LambentServer, caller: Caller, client: Any, queue: Queue
) -> None:
    """What would have been its seventeenth message stays in the queue, until that gives it up."""
    function_of_queue(client, queue, "back", SENDS_BACK)
    queue.send("a:1")
    assert queue.dead_letter() == "a:17"
    assert sorted(set(passes(lambent, caller, "back"))) == list(range(1, 17))
    assert dropped(lambent, caller.account, "back") == "1"
    queue.send("b:1")  # another chain
    assert queue.dead_letter() == "b:17"


@pytest.mark.timeout(180)
def test_each_chain_of_a_batch_is_stopped(lambent: LambentServer, caller: Caller, client: Any, queue: Queue) -> None:
    function_of_queue(client, queue, "back", SENDS_BACK, BatchSize=10)
    queue.send(*(f"{chain}:1" for chain in "abcde"))
    assert sorted(queue.dead_letter() for _ in "abcde") == [f"{chain}:17" for chain in "abcde"]
    counts = Counter(passes(lambent, caller, "back"))
    assert sorted(counts) == list(range(1, 17))
    assert min(counts.values()) >= 5


@pytest.mark.timeout(180)
def test_a_group_goes_on_in_order_behind_a_message_that_is_stopped(
    lambent: LambentServer, account: str, caller: Caller, client: Any
) -> None:
    """It waits for as long as the message is retried."""
    queue = Queue(lambent, account, "q.fifo")
    code = SENDS_BACK.replace("QueueUrl=", 'MessageGroupId="g", QueueUrl=')
    function_of_queue(client, queue, "back", code, BatchSize=10)
    queue.send("a:1", "b:10")
    assert queue.dead_letter() == "a:17"
    wait_for(lambda: Counter(passes(lambent, caller, "back"))[20] == 1, seconds=60)
    assert dropped(lambent, caller.account, "back") == "1"


def test_a_function_that_allows_loops_goes_on(
    lambent: LambentServer, caller: Caller, client: Any, queue: Queue
) -> None:
    function_of_queue(client, queue, "back", SENDS_BACK)
    client.put_function_recursion_config(FunctionName="back", RecursiveLoop="Allow")
    queue.send("a:1")
    wait_for(lambda: sorted(set(passes(lambent, caller, "back"))) == list(range(1, 21)), seconds=60)
    assert dropped(lambent, caller.account, "back") == "0"


@pytest.mark.timeout(180)
def test_a_loop_by_way_of_a_topic_and_a_queue_is_stopped(
    lambent: LambentServer, account: str, caller: Caller, client: Any, queue: Queue
) -> None:
    topics = aws_client(lambent, "sns", account)
    topic = topics.create_topic(Name="loop")["TopicArn"]
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    function_of_queue(client, queue, "publishes", PUBLISHES, to=topic)
    topics.publish(TopicArn=topic, Message="1")
    assert json.loads(queue.dead_letter())["Message"] == "17"
    assert sorted(set(passes(lambent, caller, "publishes"))) == list(range(1, 17))


@pytest.mark.timeout(180)
def test_a_loop_by_way_of_a_destination_and_a_queue_is_stopped(
    lambent: LambentServer, caller: Caller, client: Any, queue: Queue
) -> None:
    """Each round is two invocations of the function: one with the event, one with the record of it."""
    function_of_queue(client, queue, "round", SENDS_ITSELF_EVENTS)
    client.put_function_event_invoke_config(
        FunctionName="round", DestinationConfig={"OnSuccess": {"Destination": queue.arn}}
    )
    caller.invoke("round", b'{"n": 0}', headers={"X-Amz-Invocation-Type": "Event"})
    wait_for(lambda: dropped(lambent, caller.account, "round") == "1", seconds=60)
    wait_for(lambda: sorted(set(passes(lambent, caller, "round"))) == list(range(1, 9)))


@pytest.mark.timeout(180)
def test_two_functions_that_send_each_other_messages_are_stopped(
    lambent: LambentServer, account: str, caller: Caller, client: Any, queue: Queue
) -> None:
    other = Queue(lambent, account, "other")
    function_of_queue(client, queue, "ping", SENDS_BACK.replace("20", "60"), to=other.url)
    function_of_queue(client, other, "pong", SENDS_BACK.replace("20", "60"), to=queue.url)
    queue.send("a:1")
    names = ("ping", "pong")
    wait_for(lambda: any(dropped(lambent, account, name) == "1" for name in names), seconds=60)
    wait_for(lambda: 32 <= max(max(passes(lambent, caller, name), default=0) for name in names) <= 36)


@pytest.mark.timeout(180)
def test_many_messages_of_one_chain_are_no_loop(
    lambent: LambentServer, caller: Caller, client: Any, queue: Queue
) -> None:
    """A producer that sends forty messages, and is invoked twenty times."""
    environment = {"Variables": {"TO": queue.url}}
    create_function(client, "produces", PRODUCES, Timeout=20, MemorySize=256, Environment=environment)
    function_of_queue(client, queue, "consumes", CONSUMES)
    caller.result("produces", {"first": 0, "count": 40})
    for first in range(40, 60):
        caller.result("produces", {"first": first, "count": 1})
    wait_for(lambda: len(set(passes(lambent, caller, "consumes"))) == 60, seconds=60)
    assert dropped(lambent, caller.account, "consumes") == "0"


def test_a_message_has_nothing_of_the_chains_of_others_in_its_batch(
    lambent: LambentServer, caller: Caller, client: Any, queue: Queue
) -> None:
    """A function that sends on each message once isn't in a loop, however its messages are mixed."""
    function_of_queue(client, queue, "once", SENDS_ON_ONCE, BatchSize=10)
    hops, function, _ = lineage_of(caller, "once").split(":")
    queue.send("new1", "new2", "newest", "new3", lineages={"newest": f"{hops}:{function}:13"})

    def rounds() -> dict[str, str]:
        lines = lines_of(lambent, caller, "once", beginning="ROUND ")
        return {body: header for body, _, header in (line.partition(" ") for line in lines)}

    found = wait_for(lambda: rounds() if len(rounds()) == 8 else None, seconds=60)
    loops = {body: int(header.rpartition(":")[2]) for body, header in found.items() if body.startswith("old")}
    assert loops == {"old1": 0, "old2": 0, "old3": 0, "oldest": 14}


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.skipif(NODE_RUNTIME is None, reason="this machine has no Node.js that functions can have")
def test_the_sdk_for_javascript_carries_the_chain_on_with_its_messages(
    lambent: LambentServer, caller: Caller, client: Any, queue: Queue
) -> None:
    modules = node_modules("sdk-for-javascript-sqs", "@aws-sdk/client-sqs@3.1162.0") / "node_modules"
    package = zip_of_folder(modules, "node_modules", without=("dist-types",))
    client.create_function(
        FunctionName="node",
        Runtime=NODE_RUNTIME,
        Handler="index.handler",
        Role=ROLE,
        Timeout=SECONDS,
        MemorySize=512,
        Environment={"Variables": {"TO": queue.url}},
        Code={"ZipFile": with_files(package, {"index.mjs": IN_NODE.encode()})},
    )
    wait_until_active(client, "node", seconds=60)
    read_queue(client, queue, "node")
    queue.send("1")
    assert queue.dead_letter() == "17"
    assert sorted(set(passes(lambent, caller, "node"))) == list(range(1, 17))
    assert dropped(lambent, caller.account, "node") == "1"
