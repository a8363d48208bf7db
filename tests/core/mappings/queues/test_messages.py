"""Source of the record's shape: event-sources.md §2."""

import json

from lambent.core.mappings.queues.messages import Message, message_of, record_of, rendered

ARN = "arn:aws:sqs:eu-west-1:123456789012:q"
RECEIVED = {
    "MessageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
    "ReceiptHandle": "AQEB",
    "Body": '{"a":1}',
    "MD5OfBody": "e4e6",
    "Attributes": {
        "ApproximateReceiveCount": 1,
        "SentTimestamp": "1545082649183",
        "AWSTraceHeader": "Root=1-5c14b5b9-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=3:bd4cecd5:1",
    },
}


def test_a_record_has_every_attribute_as_text() -> None:
    record = record_of(message_of(RECEIVED), queue_arn=ARN)
    assert record == {
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEB",
        "body": '{"a":1}',
        "attributes": {**RECEIVED["Attributes"], "ApproximateReceiveCount": "1"},  # type: ignore[dict-item]
        "messageAttributes": {},
        "md5OfBody": "e4e6",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "eu-west-1",
    }
    assert json.loads(rendered(record)) == record


def test_message_attributes_and_their_digest() -> None:
    received = {
        **RECEIVED,
        "MD5OfMessageAttributes": "d25a",
        "MessageAttributes": {
            "Author": {"DataType": "String", "StringValue": "X"},
            "Photo": {"DataType": "Binary.jpeg", "BinaryValue": "AAE="},
        },
    }
    record = record_of(message_of(received), queue_arn=ARN)
    assert record["messageAttributes"] == {
        "Author": {"stringValue": "X", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
        "Photo": {"binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary.jpeg"},
    }
    assert record["md5OfMessageAttributes"] == "d25a"


def test_a_digest_of_no_attributes_is_not_shown() -> None:
    received = {**RECEIVED, "MD5OfMessageAttributes": "d25a", "MessageAttributes": {}}
    assert "md5OfMessageAttributes" not in record_of(message_of(received), queue_arn=ARN)


def test_the_group_of_a_fifo_queue() -> None:
    assert message_of(RECEIVED).group == ""
    assert Message("1", "r", "b", system_attributes={"MessageGroupId": "g"}).group == "g"


def test_the_lineage_is_that_of_the_trace_header() -> None:
    assert message_of(RECEIVED).lineage == "3:bd4cecd5:1"
    assert Message("1", "r", "b").lineage == ""
    assert Message("1", "r", "b", system_attributes={"AWSTraceHeader": "nonsense"}).lineage == ""


def test_text_is_utf_8_in_the_event() -> None:
    assert rendered({"body": "é ☃"}) == '{"body":"é ☃"}'.encode()


def test_half_a_surrogate_pair_is_escaped() -> None:
    assert rendered({"body": "\ud800"}) == b'{"body":"\\ud800"}'


def test_a_message_of_a_server_that_says_little() -> None:
    message = message_of({"MessageId": "1", "ReceiptHandle": "r", "Body": None, "Attributes": None})
    assert message == Message("1", "r", "")
