"""What a function gets of a queue, and when. Source: event-sources.md §2 and §8."""

import hashlib
import json
import re

import pytest

from tests.sources.world import World

pytestmark = pytest.mark.root

TRACE = "Root=1-5c14b5b9-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=1"


def test_the_record_of_a_message(world: World) -> None:
    queue = world.queue()
    world.function()
    world.mapping(queue)
    queue.send(
        '{"a": 1}',
        MessageAttributes={
            "Author": {"DataType": "String", "StringValue": "X"},
            "Photo": {"DataType": "Binary", "BinaryValue": b"\0\1"},
            "Year": {"DataType": "Number", "StringValue": "2026"},
        },
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}},
    )
    call = world.callee.next()
    [record] = call.records
    assert call.event == {"Records": [record]}
    attributes = record.pop("attributes")
    assert attributes.pop("AWSTraceHeader") == TRACE
    assert attributes.pop("ApproximateReceiveCount") == "1"
    assert re.fullmatch(r"\d{13}", attributes.pop("SentTimestamp"))
    assert re.fullmatch(r"\d{13}", attributes.pop("ApproximateFirstReceiveTimestamp"))
    assert attributes.keys() == {"SenderId"}
    assert record.pop("messageId")
    assert record.pop("receiptHandle")
    empty: dict[str, list[str]] = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "body": '{"a": 1}',
        "messageAttributes": {
            "Author": {"stringValue": "X", **empty, "dataType": "String"},
            "Photo": {"binaryValue": "AAE=", **empty, "dataType": "Binary"},
            "Year": {"stringValue": "2026", **empty, "dataType": "Number"},
        },
        "md5OfMessageAttributes": record["md5OfMessageAttributes"],
        "md5OfBody": hashlib.md5(b'{"a": 1}').hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": world.region,
    }
    call.answer()
    queue.wait_until_empty()


def test_the_record_of_a_message_of_a_fifo_queue(world: World) -> None:
    queue = world.queue("q.fifo")
    world.function()
    world.mapping(queue)
    queue.send("text", group="g")
    call = world.callee.next()
    [record] = call.records
    assert record["body"] == "text"
    assert record["messageAttributes"] == {}
    assert "md5OfMessageAttributes" not in record
    assert record["attributes"]["MessageGroupId"] == "g"
    assert record["attributes"]["MessageDeduplicationId"]
    assert record["attributes"]["SequenceNumber"].isdigit()
    assert all(isinstance(value, str) for value in record["attributes"].values())
    call.answer()
    queue.wait_until_empty()


def test_what_is_in_the_queue_already_comes_in_batches(world: World) -> None:
    queue = world.queue()
    world.function()
    bodies = [f"é {number}" for number in range(23)]
    queue.send_many(*bodies)
    world.mapping(queue, BatchSize=4)
    found: list[str] = []
    while len(found) < len(bodies):
        call = world.callee.next().answer()
        assert 1 <= len(call.records) <= 4
        found += call.bodies
    assert sorted(found) == sorted(bodies)
    queue.wait_until_empty()


def test_each_invocation_has_a_request_id_and_a_trace_of_its_own(world: World) -> None:
    """The traces of messages are linked to the function's, which is a new one: AWSTraceHeader is in the record."""
    queue = world.queue()
    world.function()
    world.mapping(queue, BatchSize=1)
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": f"{TRACE};Lineage=5:bd4cecd5:2"}}
    queue.send("one", "two", MessageSystemAttributes=header)
    calls = [world.callee.next().answer(), world.callee.next().answer()]
    assert len({call.told["request_id"] for call in calls}) == 2
    assert len({call.told["trace"] for call in calls}) == 2
    for call in calls:
        assert "1-5c14b5b9-0123456789abcdef01234567" not in call.told["trace"]
        assert call.told["trace"].endswith(";Lineage=6:bd4cecd5:2")
    queue.wait_until_empty()


def test_what_no_filter_wants_is_deleted_unseen(world: World) -> None:
    queue = world.queue()
    world.function()
    patterns = [{"body": {"kind": ["order"], "total": [{"numeric": [">", 10]}]}}, {"body": [{"prefix": "urgent"}]}]
    world.mapping(queue, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]})
    wanted = ['{"kind":"order","total":11}', "urgent: look"]
    queue.send_many('{"kind":"order","total":10}', wanted[0], "plain", wanted[1], '{"kind":"other","total":12}')
    assert sorted(world.callee.bodies(2)) == sorted(wanted)
    queue.wait_until_empty()


def test_a_version_or_an_alias_gets_its_own_messages(world: World) -> None:
    world.function()
    functions = world.functions
    version = functions.publish_version(FunctionName="worker")["Version"]
    functions.create_alias(FunctionName="worker", Name="live", FunctionVersion=version)
    for name, qualifier in (("of-version", version), ("of-alias", "live"), ("of-latest", "$LATEST")):
        queue = world.queue(name)
        world.mapping(queue, f"worker:{qualifier}")
        queue.send(name)
        call = world.callee.next().answer()
        assert call.bodies == [name]
        assert call.told["arn"].endswith(f":function:worker:{qualifier}")
        assert call.told["version"] == ("$LATEST" if qualifier == "$LATEST" else version)
        queue.wait_until_empty()


def test_queues_of_other_regions_are_other_queues(world: World) -> None:
    there = World(world.server, world.account, world.callee, region="ap-southeast-2")
    for one in (world, there):
        one.function(f"worker-{one.region}")
        one.mapping(one.queue(), f"worker-{one.region}")
    try:
        for one in (world, there):
            one.queue().send(one.region)
            call = world.callee.next().answer()
            assert call.bodies == [one.region]
            assert call.records[0]["awsRegion"] == one.region
            assert call.told["arn"].endswith(f"function:worker-{one.region}")
            one.queue().wait_until_empty()
    finally:
        there.clean()


def test_a_queue_of_another_account(world: World) -> None:
    there = World(world.server, f"3{world.account[1:]}", world.callee)
    queue = there.queue("theirs")
    world.function()
    world.mapping(queue)
    queue.send("a")
    call = world.callee.next().answer()
    assert call.records[0]["eventSourceARN"] == f"arn:aws:sqs:{world.region}:{there.account}:theirs"
    assert f":{world.account}:function:" in call.told["arn"]
    queue.wait_until_empty()


def test_each_batch_fits_into_six_megabytes(world: World) -> None:
    queue = world.queue(MaximumMessageSize=1_048_576)
    world.function(MemorySize=256)
    for number in range(8):
        queue.send(str(number) * 1_000_000)
    world.mapping(queue)
    found: list[int] = []
    while sum(found) < 8:
        found.append(len(world.callee.next().answer().records))
    assert max(found) <= 6
    assert sum(found) == 8
    queue.wait_until_empty()
