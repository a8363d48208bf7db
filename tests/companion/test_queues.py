"""The companion's queues, as a poller reads them. Source: SQS API reference and developer guide."""

import http.client
import json
import socket
import struct
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.companion.conftest import Account
from tests.lambent_server import REGION

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=3:bd4cecd5:1"
WITHOUT_LINEAGE = TRACE.rpartition(";")[0]
LONG = 20  # the longest that a receive can wait


class Queue:
    """A queue, and a client of its account."""

    def __init__(self, aws: Account, name: str = "q", **attributes: str) -> None:
        self.aws = aws
        self.sqs = aws.client("sqs", parameter_validation=False, max_pool_connections=64)
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{aws.number}:{name}"

    def send(self, body: str = "m", **more: Any) -> Any:
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def receive(self, count: int = 10, wait: int = LONG, **more: Any) -> list[Any]:
        names = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=count, WaitTimeSeconds=wait, **names, **more
        )
        return list(answer.get("Messages", []))

    def bodies(self, **more: Any) -> list[str]:
        return [message["Body"] for message in self.receive(**more)]

    def delete(self, message: Any) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def hide(self, message: Any, seconds: int) -> None:
        self.sqs.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    def counts(self) -> tuple[int, int, int]:
        """Visible, in flight, delayed."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        visible, in_flight, delayed = (int(found[name]) for name in names)
        return visible, in_flight, delayed


@pytest.fixture
def queue(aws: Account) -> Queue:
    return Queue(aws)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as pool:
        yield pool


def with_trace(client: Any, header: str = TRACE) -> Any:
    """Have a client send a trace header with each request, as SDKs in functions do."""
    client.meta.events.register(
        "before-call", lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": header})
    )
    return client


def raw(aws: Account, body: bytes, **headers: str) -> bytes:
    """A request to SQS, as bytes."""
    lines = {
        "Host": "127.0.0.1",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={aws.number}/20260101/{REGION}/sqs/aws4_request, "
        "SignedHeaders=host, Signature=none",
        "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "Content-Length": str(len(body)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return "\r\n".join(["POST / HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items()), "", ""]).encode() + body


def hanging_receive(queue: Queue) -> socket.socket:
    """A connection whose receive waits."""
    body = json.dumps({"QueueUrl": queue.url, "WaitTimeSeconds": LONG}).encode()
    request = raw(queue.aws, body, X_Amz_Target="AmazonSQS.ReceiveMessage", Content_Type="application/x-amz-json-1.0")
    connection = socket.create_connection(("127.0.0.1", queue.aws.server.port), timeout=30)
    connection.sendall(request)
    return connection


def settle(queue: Queue) -> None:
    """What was sent to the server before this has been looked at after it."""
    for _ in range(3):
        queue.counts()


def test_a_message_goes_to_one_of_those_who_wait(queue: Queue, threads: ThreadPoolExecutor) -> None:
    waiting: list[Future[list[str]]] = [threads.submit(queue.bodies, count=1) for _ in range(30)]
    for at in range(30):
        queue.send(str(at))
    assert sorted(int(body) for one in waiting for body in one.result()) == list(range(30))
    assert queue.counts() == (0, 30, 0)


def test_many_messages_are_received_once_each(queue: Queue, threads: ThreadPoolExecutor) -> None:
    """While others are sent, and deleted."""

    def send(part: int) -> None:
        for at in range(5):
            entries = [{"Id": str(one), "MessageBody": f"{part}-{at}-{one}"} for one in range(10)]
            queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)

    seen: list[str] = []
    all_there = threading.Event()

    def receive() -> None:
        while not all_there.is_set():
            found = queue.receive(wait=1)
            if found:
                entries = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(found)]
                assert len(queue.sqs.delete_message_batch(QueueUrl=queue.url, Entries=entries)["Successful"]) == len(
                    found
                )
                seen.extend(one["Body"] for one in found)
            if len(seen) >= 200:
                all_there.set()

    senders, receivers = [threads.submit(send, part) for part in range(4)], [threads.submit(receive) for _ in range(6)]
    for one in [*senders, *receivers]:
        one.result()
    assert len(seen) == len(set(seen)) == 200
    assert queue.counts() == (0, 0, 0)


def test_a_message_that_is_visible_again_or_was_delayed_comes_to_who_waits(aws: Account) -> None:
    queue = Queue(aws, VisibilityTimeout="1")
    queue.send("delayed", DelaySeconds=1)
    assert queue.counts() == (0, 0, 1)
    began = time.monotonic()
    [first] = queue.receive()
    [second] = queue.receive()
    assert time.monotonic() - began < LONG
    assert first["MessageId"] == second["MessageId"]
    assert [one["Attributes"]["ApproximateReceiveCount"] for one in (first, second)] == ["1", "2"]
    since, again = (one["Attributes"]["ApproximateFirstReceiveTimestamp"] for one in (first, second))
    assert since == again
    assert int(since) - int(first["Attributes"]["SentTimestamp"]) >= 1000


def test_a_message_that_is_given_back_comes_to_who_waits(queue: Queue, threads: ThreadPoolExecutor) -> None:
    queue.send("a")
    [held] = queue.receive()
    waiting = threads.submit(queue.receive)
    queue.hide(held, 0)
    assert [one["Body"] for one in waiting.result()] == ["a"]


@pytest.mark.parametrize("reset", [False, True], ids=["ended", "reset"])
def test_who_has_hung_up_receives_nothing(queue: Queue, *, reset: bool) -> None:
    gone = [hanging_receive(queue) for _ in range(3)]
    settle(queue)
    for connection in gone:
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    settle(queue)
    queue.send("for somebody")
    [message] = queue.receive()
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_what_a_receive_tells_of_a_message(queue: Queue) -> None:
    sent = queue.send(
        "text",
        MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}},
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}},
    )
    [message] = queue.receive()
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["MessageAttributes"] == {"k": {"StringValue": "v", "DataType": "String"}}
    attributes = message["Attributes"]
    assert attributes.pop("SenderId")
    assert int(attributes.pop("ApproximateFirstReceiveTimestamp")) - int(attributes.pop("SentTimestamp")) >= 0
    assert attributes == {"ApproximateReceiveCount": "1", "AWSTraceHeader": TRACE}
    queue.hide(message, 0)
    assert "Attributes" not in queue.sqs.receive_message(QueueUrl=queue.url)["Messages"][0]


def test_a_message_belongs_to_the_trace_of_its_request(queue: Queue) -> None:
    """SDKs in functions send the header; an attribute of the message's own goes before it."""
    other = TRACE.replace("5759e988", "5759e989")
    attributes = {"AWSTraceHeader": {"DataType": "String", "StringValue": other}}
    with_trace(queue.sqs)
    queue.send("one")
    queue.sqs.send_message_batch(
        QueueUrl=queue.url,
        Entries=[
            {"Id": "1", "MessageBody": "two"},
            {"Id": "2", "MessageBody": "three", "MessageSystemAttributes": attributes},
        ],
    )
    found = {one["Body"]: one["Attributes"]["AWSTraceHeader"] for one in queue.receive()}
    assert found == {"one": TRACE, "two": TRACE, "three": other}


def test_a_header_that_names_no_trace_is_none(queue: Queue) -> None:
    with_trace(queue.sqs, "Self=1-5759e988-bd862e3fe1be46a994272793")
    queue.send()
    [message] = queue.receive()
    assert "AWSTraceHeader" not in message["Attributes"]


@pytest.mark.parametrize("raw_delivery", ["true", "false", None])
def test_a_topic_hands_the_trace_on_to_its_queues(queue: Queue, raw_delivery: str | None) -> None:
    sns = with_trace(queue.aws.client("sns"))
    topic = sns.create_topic(Name="t")["TopicArn"]
    attributes = {} if raw_delivery is None else {"RawMessageDelivery": raw_delivery}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    sent = {"text": {"DataType": "String", "StringValue": "v"}, "bytes": {"DataType": "Binary", "BinaryValue": b"\x01"}}
    sns.publish(TopicArn=topic, Message="text", MessageAttributes=sent)
    [message] = queue.receive()
    assert message["Attributes"]["AWSTraceHeader"] == TRACE
    if raw_delivery == "true":
        assert (message["Body"], message["MessageAttributes"]) == ("text", sent)
    else:
        assert json.loads(message["Body"])["Message"] == "text"
        assert "MessageAttributes" not in message


def test_a_message_that_is_refused_is_not_in_the_queue(queue: Queue) -> None:
    with pytest.raises(ClientError, match="message attribute name"):
        queue.send(MessageAttributes={"a name": {"DataType": "String", "StringValue": "v"}})
    assert queue.counts() == (0, 0, 0)


def test_a_bucket_hands_the_trace_on_to_its_queues(queue: Queue) -> None:
    bucket, s3 = queue.aws.bucket("b"), queue.aws.client("s3")
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    queue.sqs.purge_queue(QueueUrl=queue.url)  # of the test event of a new configuration
    with_trace(s3).put_object(Bucket=bucket, Key="k", Body=b"b")
    [message] = queue.receive()
    assert message["Attributes"]["AWSTraceHeader"] == TRACE
    assert json.loads(message["Body"])["Records"][0]["s3"]["object"]["key"] == "k"


def test_a_rule_hands_the_trace_on_to_its_queues_but_not_the_chain(queue: Queue) -> None:
    """Loops by way of EventBridge aren't found by AWS. Source: developer guide, "Lambda recursive loop detection"."""
    events = with_trace(queue.aws.client("events"))
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": queue.arn}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": "{}"}])
    [message] = queue.receive()
    assert message["Attributes"]["AWSTraceHeader"] == WITHOUT_LINEAGE


def test_a_message_that_was_received_often_enough_is_a_dead_letter(aws: Account, threads: ThreadPoolExecutor) -> None:
    dead = Queue(aws, "dead")
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": "2"})
    queue = Queue(aws, RedrivePolicy=policy, VisibilityTimeout="0")
    sent = queue.send(
        "poison", MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    )
    waiting = threads.submit(dead.receive)
    assert [queue.receive(wait=0)[0]["Attributes"]["ApproximateReceiveCount"] for _ in range(2)] == ["1", "2"]
    assert queue.receive(wait=0) == []
    [letter] = waiting.result()
    assert (letter["MessageId"], letter["Body"]) == (sent["MessageId"], "poison")
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"
    assert letter["Attributes"]["AWSTraceHeader"] == TRACE
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == queue.arn
    assert queue.counts() == (0, 0, 0)


def test_a_waiting_receive_moves_dead_letters_out_of_its_way(aws: Account, threads: ThreadPoolExecutor) -> None:
    dead = Queue(aws, "dead")
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1})
    queue = Queue(aws, RedrivePolicy=policy, VisibilityTimeout="1")
    queue.send("poison")
    assert queue.bodies() == ["poison"]
    waiting = threads.submit(queue.bodies)
    assert dead.bodies() == ["poison"]
    queue.send("other")
    assert waiting.result() == ["other"]


@pytest.fixture
def fifo(aws: Account) -> Queue:
    return Queue(aws, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")


def test_a_group_with_a_message_in_flight_yields_no_others(fifo: Queue, threads: ThreadPoolExecutor) -> None:
    for body in ("a1", "b1", "a2", "b2"):
        fifo.send(body, MessageGroupId=body[0])
    [first] = fifo.receive(count=1)
    assert (first["Body"], first["Attributes"]["MessageGroupId"]) == ("a1", "a")
    assert fifo.bodies() == ["b1", "b2"]
    waiting = threads.submit(fifo.bodies)
    fifo.delete(first)
    assert waiting.result() == ["a2"]
    assert fifo.counts() == (0, 3, 0)


def test_a_group_keeps_its_order_after_a_failure(fifo: Queue) -> None:
    for at in range(4):
        fifo.send(str(at), MessageGroupId="g")
    held = fifo.receive(count=3)
    assert [one["Body"] for one in held] == ["0", "1", "2"]
    numbers = [int(one["Attributes"]["SequenceNumber"]) for one in held]
    assert numbers == sorted(numbers)
    assert all(len(one["Attributes"]["SequenceNumber"]) == 20 for one in held)
    fifo.delete(held[0])
    fifo.hide(held[2], 0)
    assert fifo.bodies(wait=0) == []
    fifo.hide(held[1], 0)
    assert fifo.bodies(wait=0) == ["1", "2", "3"]


def test_a_batch_of_a_group_that_timed_out_comes_again_in_order(aws: Account) -> None:
    fifo = Queue(aws, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout="1")
    for at in range(3):
        fifo.send(str(at), MessageGroupId="g")
    assert fifo.bodies(VisibilityTimeout=1) == ["0", "1", "2"]
    assert fifo.bodies() == ["0", "1", "2"]


def test_a_duplicate_is_dropped_though_the_first_was_deleted(fifo: Queue) -> None:
    first = fifo.send("same", MessageGroupId="g")
    [message] = fifo.receive()
    fifo.delete(message)
    again = fifo.send("same", MessageGroupId="g")
    assert again["MessageId"] == first["MessageId"]
    assert fifo.counts() == (0, 0, 0)
    fifo.send("same", MessageGroupId="g", MessageDeduplicationId="another")
    assert fifo.bodies() == ["same"]


def test_a_receipt_handle_of_a_group_ends_with_its_visibility_timeout(fifo: Queue) -> None:
    fifo.send("a", MessageGroupId="g")
    [first] = fifo.receive(VisibilityTimeout=1)
    [second] = fifo.receive()
    with pytest.raises(ClientError, match=r"The receipt handle has expired\.") as caught:
        fifo.delete(first)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
    entries = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate((first, second))]
    answer = fifo.sqs.delete_message_batch(QueueUrl=fifo.url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["1"]
    [failed] = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"], failed["Code"]) == ("0", True, "InvalidParameterValue")


def test_receipt_handles(queue: Queue) -> None:
    queue.send("a")
    [message] = queue.receive()
    other = Queue(queue.aws, "other")
    for handle in ("", "none", "AQEB", message["ReceiptHandle"][:-4]):
        with pytest.raises(ClientError) as caught:
            queue.delete({"ReceiptHandle": handle})
        assert caught.value.response["Error"]["Code"] == "ReceiptHandleIsInvalid"
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        other.delete(message)
    queue.delete(message)
    queue.delete(message)  # what is gone is gone
    with pytest.raises(ClientError, match="not available for visibility timeout change"):
        queue.hide(message, 1)
    assert queue.counts() == (0, 0, 0)


def test_a_batch_of_visibility_timeouts(queue: Queue) -> None:
    for body in ("a", "b"):
        queue.send(body)
    first, second = queue.receive()
    entries = [
        {"Id": "1", "ReceiptHandle": first["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "2", "ReceiptHandle": second["ReceiptHandle"], "VisibilityTimeout": 43_201},
        {"Id": "3", "ReceiptHandle": "none", "VisibilityTimeout": 0},
    ]
    answer = queue.sqs.change_message_visibility_batch(QueueUrl=queue.url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["1"]
    assert {one["Id"]: one["Code"] for one in answer["Failed"]} == {
        "2": "InvalidParameterValue",
        "3": "ReceiptHandleIsInvalid",
    }
    assert queue.counts() == (1, 1, 0)


def test_a_purged_queue_has_nothing(queue: Queue) -> None:
    queue.send("visible")
    queue.send("in flight")
    queue.receive(count=1)
    queue.send("delayed", DelaySeconds=900)
    assert queue.counts() == (1, 1, 1)
    queue.sqs.purge_queue(QueueUrl=queue.url)
    assert queue.counts() == (0, 0, 0)
    queue.send("later")
    assert queue.bodies() == ["later"]


def test_who_waits_at_a_queue_that_is_deleted_is_told(queue: Queue, threads: ThreadPoolExecutor) -> None:
    waiting = threads.submit(queue.receive)
    settle(queue)
    queue.sqs.delete_queue(QueueUrl=queue.url)
    with pytest.raises(ClientError) as caught:
        waiting.result()
    assert caught.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert isinstance(caught.value, queue.sqs.exceptions.QueueDoesNotExist)


def test_a_queue_that_is_not_there_in_both_protocols(aws: Account) -> None:
    """Source: SQS developer guide, "AWS JSON protocol"; error responses of the query protocol."""
    connection = http.client.HTTPConnection("127.0.0.1", aws.server.port, timeout=30)
    url = f"{aws.server.url}/{aws.number}/not-there"
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    credential = f"AWS4-HMAC-SHA256 Credential={aws.number}/20260101/{REGION}/sqs/aws4_request, SignedHeaders=host"
    headers = {"X-Amz-Date": date, "Authorization": f"{credential}, Signature=none"}
    json_headers = {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"}
    connection.request("POST", "/", json.dumps({"QueueUrl": url}), {**headers, **json_headers})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    assert answer.status == 400
    assert body["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"

    form = f"Action=ReceiveMessage&Version=2012-11-05&QueueUrl={url}"
    connection.request("POST", "/", form, {**headers, "Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    error = ET.fromstring(answer.read())
    assert answer.status == 400
    assert [one.text for one in error.iter() if one.tag.endswith("Code")] == ["AWS.SimpleQueueService.NonExistentQueue"]
    connection.close()


def test_times_of_a_queue_are_whole_seconds(queue: Queue) -> None:
    found = queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert found["CreatedTimestamp"].isdecimal()
    assert found["LastModifiedTimestamp"].isdecimal()


def test_a_queue_keeps_its_policy_when_something_else_is_set(queue: Queue) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue.arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for attributes in ({"Policy": policy}, {"VisibilityTimeout": "7"}):
        queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes=attributes)
    found = queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["Policy"])["Attributes"]
    assert json.loads(found["Policy"])["Statement"] == [statement]
    queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": ""})
    assert "Policy" not in queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
