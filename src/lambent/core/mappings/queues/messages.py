"""A message of SQS, and the record of a Lambda event that is made of it.

Every attribute is text, as SQS says it. The body is passed on as it is.

Source: event-sources.md §2 (`md5OfMessageAttributes` recorded from AWS); SQS API reference, ReceiveMessage.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lambent.core.trace_header import parse_trace_header

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Message:
    """What a receive returned.

    Attributes:
        receipt: the handle by which this receive of the message is known, for its deletion.
        system_attributes: `SentTimestamp`, `MessageGroupId` … as text.
        attributes: what its sender gave it, in the API's form: `DataType` and `StringValue` or `BinaryValue` (base64).
    """

    id: str
    receipt: str
    body: str
    md5_of_body: str = ""
    md5_of_attributes: str = ""
    system_attributes: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The message group; empty if it is in none, which messages of FIFO queues always are."""
        return self.system_attributes.get("MessageGroupId", "")

    @property
    def lineage(self) -> str:
        """Where the chain of invocations has been that sent it, as its trace header says; empty if it doesn't."""
        header = self.system_attributes.get("AWSTraceHeader")
        trace = None if header is None else parse_trace_header(header)
        return "" if trace is None else trace.lineage


def message_of(received: Mapping[str, Any]) -> Message:
    """A message as ReceiveMessage returns it."""
    return Message(
        id=str(received["MessageId"]),
        receipt=str(received["ReceiptHandle"]),
        body=str(received.get("Body") or ""),
        md5_of_body=received.get("MD5OfBody") or "",
        md5_of_attributes=received.get("MD5OfMessageAttributes") or "",
        system_attributes={name: str(value) for name, value in (received.get("Attributes") or {}).items()},
        attributes=received.get("MessageAttributes") or {},
    )


def record_of(message: Message, *, queue_arn: str) -> dict[str, Any]:
    """The record of an event, as the function gets it and as filters see it (but for the body)."""
    record: dict[str, Any] = {
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": message.system_attributes,
        "messageAttributes": {name: _attribute(value) for name, value in message.attributes.items()},
    }
    if message.attributes and message.md5_of_attributes:
        record["md5OfMessageAttributes"] = message.md5_of_attributes
    record["md5OfBody"] = message.md5_of_body
    record["eventSource"] = "aws:sqs"
    record["eventSourceARN"] = queue_arn
    record["awsRegion"] = queue_arn.split(":")[3]
    return record


def rendered(record: Mapping[str, Any]) -> bytes:
    """A record as JSON."""
    try:
        return _encode(record)
    except UnicodeEncodeError:  # half a surrogate pair, which SQS refuses and an imitation may not
        return json.dumps(record, separators=(",", ":")).encode()


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if value.get("StringValue") is not None:
        shown["stringValue"] = value["StringValue"]
    if value.get("BinaryValue") is not None:
        shown["binaryValue"] = value["BinaryValue"]
    return {**shown, "stringListValues": [], "binaryListValues": [], "dataType": value.get("DataType", "String")}
