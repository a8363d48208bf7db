"""What is said of an asynchronous invocation when it is over: records for destinations, messages for dead letters.

Source: invocation.md §2.1 and §2.2 (recorded from AWS, but for the numbers of errors that aren't a function's).
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from lambent.core.recursion import STOPPED
from lambent.core.retry import Condition

_ERROR_MESSAGE_BYTES = 1_024
_FAILURE_CHARACTERS = 256
_UNKNOWN_ERROR = ""
_THROTTLED = ("429", "Rate Exceeded.")
_NEVER_RAN = {Condition.RECURSIVE_LOOP: ("400", STOPPED)}
# Source: SQS API reference, SendMessage: what is none of XML's characters.
_NOT_IN_MESSAGES = re.compile("[^\\t\\n\\r\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT = "\ufffd"

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Response:
    """What came of the last attempt that ran.

    Attributes:
        function_error: "Unhandled", or None where the function succeeded.
        payload: as received; JSON but for what a custom runtime may say.
    """

    executed_version: str
    function_error: str | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class EventEnd:
    """An asynchronous invocation that is over.

    Attributes:
        function_arn: qualified, also where the caller gave no qualifier.
        attempts: how often the function ran.
        payload: the event.
        response: None where it never ran.
    """

    request_id: str
    function_arn: str
    condition: Condition
    attempts: int
    payload: bytes
    response: Response | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The message that a dead-letter queue or topic gets: the event itself, and attributes of the message."""

    body: bytes
    request_id: str
    error_code: str
    """A number, as text."""
    error_message: str


def destination_record(end: EventEnd, *, now_ms: int, with_payloads: bool = True) -> bytes:
    """The record that a destination gets, as JSON; payloads go into it byte for byte.

    Without a response both of its members are null, as payloads are that are left out; whether AWS leaves these members
    out is unverified.
    """
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": _timestamp(now_ms),
        "requestContext": {
            "requestId": end.request_id,
            "functionArn": end.function_arn,
            "condition": end.condition.value,
            "approximateInvokeCount": end.attempts,
        },
        "requestPayload": msgspec.Raw(end.payload or b"{}") if with_payloads else None,
        "responseContext": None,
        "responsePayload": None,
    }
    if end.response is not None:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": end.response.executed_version}
        if end.response.function_error is not None:
            context["functionError"] = end.response.function_error
        record["responseContext"] = context
        record["responsePayload"] = _json_value(end.response.payload) if with_payloads else None
    return _encode(record)


def event_bus_detail_type(condition: Condition) -> str:
    """The detail-type of the event that an event bus gets."""
    outcome = "Success" if condition is Condition.SUCCESS else "Failure"
    return f"Lambda Function Invocation Result - {outcome}"


def s3_key(function_name: str, *, token: str, now_ms: int) -> str:
    """The key of the object that a bucket gets. `token` tells records of the same second apart: a UUID."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    return f"aws/lambda/async/{function_name}/{moment:%Y/%m/%d}/{moment:%Y-%m-%dT%H.%M.%S}-{token}"


def dead_letter(end: EventEnd) -> DeadLetter:
    """The message of an event that was given up.

    The code of an event that never ran is that of the answer which a synchronous caller would have had (unverified).
    """
    if end.response is None:
        return DeadLetter(end.payload, end.request_id, *_NEVER_RAN.get(end.condition, _THROTTLED))
    message = _NOT_IN_MESSAGES.sub(_REPLACEMENT, _error_message(end.response.payload))
    short = message.encode()[:_ERROR_MESSAGE_BYTES].decode(errors="ignore")
    return DeadLetter(end.payload, end.request_id, "200", short)


def failure_of(response: Response) -> str:
    """A function's error in one line for people and their terminals: type and message, at most 256 characters."""
    members = (_member(response.payload, "errorType"), _member(response.payload, "errorMessage"))
    line = " ".join(": ".join(filter(None, members)).split())[:_FAILURE_CHARACTERS]
    printable = "".join(character if character.isprintable() else _REPLACEMENT for character in line)
    return printable or response.function_error or ""


def _error_message(payload: bytes) -> str:
    return _member(payload, "errorMessage")


def _member(payload: bytes, name: str) -> str:
    """A text of the error object; empty where there is none."""
    try:
        error = _parsed(payload)
    except (ValueError, RecursionError):
        return _UNKNOWN_ERROR
    value = error.get(name) if isinstance(error, dict) else None
    return value if isinstance(value, str) else _UNKNOWN_ERROR


def _json_value(payload: bytes) -> msgspec.Raw | str | None:
    """A response as a member of a record, which is UTF-8: what isn't JSON is a text."""
    if not payload:
        return None
    text = payload.decode(errors="replace")
    try:
        _parsed(text, type=msgspec.Raw)
    except (ValueError, RecursionError):
        return text
    return msgspec.Raw(text.encode())


def _parsed(document: bytes | str, type: Any = Any) -> Any:  # noqa: A002 - msgspec's word
    """What JSON says. Raises ValueError or RecursionError if it isn't JSON.

    msgspec refuses what JSON may have: halves of surrogate pairs (RFC 8259, section 8.2), and numbers beyond a float's.
    """
    try:
        return msgspec.json.decode(document, type=type)
    except msgspec.DecodeError:
        return json.loads(document, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _timestamp(now_ms: int) -> str:
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03}Z"
