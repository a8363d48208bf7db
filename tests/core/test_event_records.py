"""Source: invocation.md §2.1 and §2.2 (recorded from AWS, but for what the module says is unverified)."""

import json

import pytest

from lambent.core.event_records import (
    DeadLetter,
    EventEnd,
    Response,
    dead_letter,
    destination_record,
    event_bus_detail_type,
    failure_of,
    s3_key,
)
from lambent.core.retry import Condition

NOW_MS = 1_714_557_605_568
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:fn:$LATEST"
FAILED = Response("$LATEST", "Unhandled", b'{"errorMessage":"boom","errorType":"Exception"}')


def end(
    condition: Condition = Condition.RETRIES_EXHAUSTED, attempts: int = 3, response: Response | None = FAILED
) -> EventEnd:
    return EventEnd("e4b4", ARN, condition, attempts, b'{"order": 1}', response)


def test_the_record_of_a_failure() -> None:
    assert destination_record(end(), now_ms=NOW_MS) == (
        b'{"version":"1.0","timestamp":"2024-05-01T10:00:05.568Z",'
        b'"requestContext":{"requestId":"e4b4",'
        b'"functionArn":"arn:aws:lambda:eu-west-1:123456789012:function:fn:$LATEST",'
        b'"condition":"RetriesExhausted","approximateInvokeCount":3},'
        b'"requestPayload":{"order": 1},'
        b'"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},'
        b'"responsePayload":{"errorMessage":"boom","errorType":"Exception"}}'
    )


def test_the_record_of_a_success_has_no_function_error() -> None:
    record = json.loads(destination_record(end(Condition.SUCCESS, 1, Response("7", None, b"[1]")), now_ms=NOW_MS))
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "7"}
    assert record["responsePayload"] == [1]


def test_the_record_of_what_never_ran() -> None:
    record = json.loads(destination_record(end(Condition.ZERO_RESERVED_CONCURRENCY, 0, None), now_ms=NOW_MS))
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["responseContext"] is None
    assert record["responsePayload"] is None


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", "null"),
        (b"no json", '"no json"'),
        (b"\xff", '"\ufffd"'),
        (b"NaN", '"NaN"'),
        (b'"\xe9"', '"\ufffd"'),  # a record is UTF-8
        (rb'{"half": "\ud83d"}', r'{"half": "\ud83d"}'),  # JSON may have halves of surrogate pairs
        (b"[1e999]", "[1e999]"),
    ],
)
def test_a_response_is_json_or_a_text(payload: bytes, expected: str) -> None:
    record = destination_record(end(response=Response("1", None, payload)), now_ms=NOW_MS).decode()
    assert record.endswith(f'"responsePayload":{expected}}}')


def test_a_dead_letter_is_the_event_itself() -> None:
    assert dead_letter(end()) == DeadLetter(b'{"order": 1}', "e4b4", "200", "boom")


def test_a_dead_letter_of_what_never_ran() -> None:
    assert dead_letter(end(Condition.ZERO_RESERVED_CONCURRENCY, 0, None)).error_code == "429"


def test_a_dead_letter_of_a_loop_says_what_a_synchronous_caller_is_told() -> None:
    letter = dead_letter(end(Condition.RECURSIVE_LOOP, 0, None))
    assert letter.error_code == "400"
    assert letter.error_message.startswith("Lambda has detected your function being invoked in a recursive loop")


def test_an_error_message_is_cut_at_1_kb_between_characters() -> None:
    long = Response("1", "Unhandled", json.dumps({"errorMessage": "é" * 600 + "x"}).encode())
    message = dead_letter(end(response=long)).error_message
    assert message == "é" * 512


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (r"half a pair: \ud83d", "half a pair: \ufffd"),
        (r"\u001b[31mred\u001b[0m\u0000", "\ufffd[31mred\ufffd[0m\ufffd"),
        (r"a\tb\r\nc \u00e9 \ud83d\ude00", "a\tb\r\nc é 😀"),
        (r"\ufffe\uffff", "\ufffd\ufffd"),
    ],
)
def test_an_error_message_has_no_characters_that_messages_may_not_have(said: str, told: str) -> None:
    """Source: SQS API reference, SendMessage: a message with another character is refused."""
    failed = Response("1", "Unhandled", f'{{"errorMessage": "{said}"}}'.encode())
    assert dead_letter(end(response=failed)).error_message == told


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        (
            rb'{"errorType": "E", "errorMessage": "\u001b[2J\u0007two\nlines\ud83d\u202e"}',
            "E: \ufffd[2J\ufffdtwo lines\ufffd\ufffd",
        ),
        (b'{"errorMessage": "number", "cause": 1e999}', "number"),
        (b"no json", "Unhandled"),
    ],
)
def test_a_failure_in_one_line_does_nothing_to_a_terminal(payload: bytes, line: str) -> None:
    assert failure_of(Response("1", "Unhandled", payload)) == line


@pytest.mark.parametrize("payload", [b"no json", b"[]", b'{"errorMessage": 5}', b"\xff"])
def test_an_error_without_a_message(payload: bytes) -> None:
    assert dead_letter(end(response=Response("1", "Unhandled", payload))).error_message == ""


def test_what_an_event_bus_is_told() -> None:
    assert event_bus_detail_type(Condition.SUCCESS) == "Lambda Function Invocation Result - Success"
    assert event_bus_detail_type(Condition.EVENT_AGE_EXCEEDED) == "Lambda Function Invocation Result - Failure"


def test_where_an_object_is_put() -> None:
    assert s3_key("fn", token="u-u", now_ms=NOW_MS) == "aws/lambda/async/fn/2024/05/01/2024-05-01T10.00.05-u-u"
