"""What the samples of event-source-mappings.json need: sources in another AWS, and mappings in the right state."""

import sqlite3
import time
from contextlib import closing
from typing import Any

from tests.api.golden_world import Reasons, Situations, World, nothing
from tests.aws_server import aws_client
from tests.golden import fill
from tests.lambent_server import REGION

FILE = "event-source-mappings"

_IN_REQUESTS = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "EventSourceArn",
    "MaximumBatchingWindowInSeconds",
    "MaximumRetryAttempts",
    "ScalingConfig",
    "StartingPosition",
)


def _service(world: World, service: str) -> Any:
    return aws_client(service, world.fixture("aws"), region=REGION)


def _number(world: World) -> str:
    """Names of queues and streams are shared by the tests: each account has its own."""
    return str(world.values["account"])


def queue_named(world: World) -> None:
    world.values["queue"] = f"queue-{_number(world)}"


def queue(world: World) -> None:
    queue_named(world)
    if "FIFO" in world.sample.when or world.sample.operation != "CreateEventSourceMapping":
        world.values["queue"] += ".fifo"
        _service(world, "sqs").create_queue(QueueName=world.values["queue"], Attributes={"FifoQueue": "true"})
    else:
        _service(world, "sqs").create_queue(QueueName=world.values["queue"])


def stream(world: World) -> None:
    queue_named(world)
    world.values["stream"] = f"stream-{_number(world)}"
    _service(world, "kinesis").create_stream(StreamName=world.values["stream"], ShardCount=1)


def table(world: World) -> None:
    queue_named(world)
    world.values["table"] = f"table-{_number(world)}"
    made = _service(world, "dynamodb").create_table(
        TableName=world.values["table"],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    world.values["stream-label"] = made["TableDescription"]["LatestStreamLabel"]


def function(world: World) -> None:
    world.create(like={})


def versions_and_alias(world: World) -> None:
    function(world)
    world.publish()
    world.change(Description="another")
    world.publish()
    world.client.create_alias(FunctionName=world.values["function"], Name="myalias", FunctionVersion="1")


def settled(world: World) -> None:
    """Wait until the mapping is in no transition."""
    states = ("Enabled", "Disabled")
    while world.client.get_event_source_mapping(UUID=world.values["uuid:1"])["State"] not in states:
        time.sleep(0.01)


def mapping(world: World, **more: Any) -> None:
    """A mapping as the sample shows it, settled; its UUID is the sample's."""
    expected = world.sample.body
    shown = expected.get("EventSourceMappings", [expected])[0]
    request = {name: shown[name] for name in _IN_REQUESTS if name in shown}
    request = fill(request, world.values) | {"FunctionName": world.values["function"]} | more
    uuid = world.client.create_event_source_mapping(**request)["UUID"]
    world.values["uuid:1"] = world.values["uuid"] = uuid
    settled(world)


def queue_and_function(world: World) -> None:
    queue(world)
    function(world)


def queue_and_versions(world: World) -> None:
    queue(world)
    versions_and_alias(world)


def disabled(world: World) -> None:
    queue_and_function(world)
    mapping(world, Enabled=False)


def enabled(world: World) -> None:
    queue_and_function(world)
    mapping(world)


def of_first_version(world: World) -> None:
    queue_named(world)
    _service(world, "sqs").create_queue(QueueName=world.values["queue"])
    versions_and_alias(world)
    mapping(world, FunctionName=world.values["function"] + ":1")


def pointed_at_another(world: World) -> None:
    of_first_version(world)
    world.client.update_event_source_mapping(UUID=world.values["uuid:1"], FunctionName=world.values["function"] + ":2")
    settled(world)


def of_default_settings(world: World) -> None:
    queue_named(world)
    _service(world, "sqs").create_queue(QueueName=world.values["queue"])
    function(world)
    arn = fill("arn:aws:sqs:<region>:<account>:<queue>", world.values)
    uuid = world.client.create_event_source_mapping(FunctionName=world.values["function"], EventSourceArn=arn)["UUID"]
    world.values["uuid:1"] = world.values["uuid"] = uuid
    settled(world)


def stream_and_function(world: World) -> None:
    stream(world)
    function(world)


def mapped_stream(world: World) -> None:
    stream_and_function(world)
    made = world.client.create_event_source_mapping(**fill(world.request, world.values))
    world.values["uuid"] = made["UUID"]


def missing_stream(world: World) -> None:
    function(world)
    world.values["stream"] = f"missing-{_number(world)}"


def missing_queue(world: World) -> None:
    function(world)
    world.values["queue"] = f"missing-{_number(world)}"


def missing_table(world: World) -> None:
    function(world)
    world.values |= {"table": f"missing-{_number(world)}", "stream-label": "2024-05-01T00:00:00.000"}


def table_and_function(world: World) -> None:
    table(world)
    function(world)


def mapped_table(world: World) -> None:
    table_and_function(world)
    mapping(world)


def processed(world: World) -> None:
    """Write what a poller will: the result of the last batch."""
    server = world.fixture("lambent_with_aws")
    with closing(sqlite3.connect(server.data_directory / "control.db", isolation_level=None)) as database:
        database.execute(
            "UPDATE event_source_mappings SET last_processing_result = 'OK' WHERE uuid = ?", (world.values["uuid"],)
        )


def processed_stream(world: World) -> None:
    stream_and_function(world)
    mapping(world)
    processed(world)


def processed_table(world: World) -> None:
    mapped_table(world)
    processed(world)


def table_deleted(world: World) -> None:
    mapped_table(world)
    _service(world, "dynamodb").delete_table(TableName=world.values["table"])


def unknown(world: World) -> None:
    world.values["uuid"] = "00000000-0000-4000-8000-000000000000"


SITUATIONS: Situations = {
    ("CreateEventSourceMapping", "SQS, only required parameters"): queue_and_function,
    ("CreateEventSourceMapping", "SQS, name with $LATEST: kept in FunctionArn"): queue_and_function,
    ("CreateEventSourceMapping", "SQS, name with alias"): queue_and_versions,
    ("CreateEventSourceMapping", "SQS, ARN of a version"): queue_and_versions,
    ("CreateEventSourceMapping", "SQS FIFO (queue name ends in .fifo), disabled from the start"): queue_and_function,
    ("UpdateEventSourceMapping", "disabled one switched on"): disabled,
    ("GetEventSourceMapping", "SQS, enabled"): enabled,
    ("CreateEventSourceMapping", "SQS, window, big batches and maximum concurrency"): queue_and_function,
    ("UpdateEventSourceMapping", "SQS, pointed at another version"): of_first_version,
    ("GetEventSourceMapping", "SQS, that update finished"): pointed_at_another,
    ("CreateEventSourceMapping", "Kinesis, only required parameters"): stream_and_function,
    ("CreateEventSourceMapping", "Kinesis with retries, window and failure destination"): stream_and_function,
    ("GetEventSourceMapping", "Kinesis, after a batch was processed"): processed_stream,
    ("UpdateEventSourceMapping", "DynamoDB stream switched off"): processed_table,
    ("CreateEventSourceMapping", "DynamoDB stream with retries, window and failure destination"): table_and_function,
    ("GetEventSourceMapping", "DynamoDB stream, enabled"): mapped_table,
    ("DeleteEventSourceMapping", "DynamoDB stream"): mapped_table,
    ("CreateEventSourceMapping", "DynamoDB stream, empty filter list: not echoed"): table_and_function,
    ("ListEventSourceMappings", "by source; the table behind it was just deleted"): table_deleted,
    ("GetEventSourceMapping", "unknown"): unknown,
    ("DeleteEventSourceMapping", "unknown"): unknown,
    ("UpdateEventSourceMapping", "unknown"): unknown,
    ("CreateEventSourceMapping", "no source given"): nothing,
    ("CreateEventSourceMapping", "function does not exist: 400, not 404"): queue_named,
    ("CreateEventSourceMapping", "OnSuccess destination"): queue_named,
    ("CreateEventSourceMapping", "Kinesis without starting position"): stream,
    ("CreateEventSourceMapping", "Kinesis, unknown starting position"): stream,
    ("CreateEventSourceMapping", "SQS queue does not exist"): missing_queue,
    ("CreateEventSourceMapping", "Kinesis stream does not exist"): missing_stream,
    ("CreateEventSourceMapping", "DynamoDB stream does not exist"): missing_table,
    ("CreateEventSourceMapping", "Kinesis: same stream and function again"): mapped_stream,
    ("CreateEventSourceMapping", "SQS, batch of 11 without window"): queue_and_function,
    ("UpdateEventSourceMapping", "SQS, batch of 11 without window"): of_default_settings,
    ("CreateEventSourceMapping", "filter pattern that is no event pattern"): queue_and_function,
}

SKIPPED: Reasons = {}

SERVERS = dict.fromkeys(SITUATIONS, "lambent_with_aws")
