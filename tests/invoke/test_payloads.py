"""What goes into a function and what comes out: any JSON, up to 6 MB, byte for byte."""

import json
from typing import Any

import pytest

from tests.golden import Answer, assert_answer, sample
from tests.invoke.caller import Caller
from tests.lambent_server import create_function

ECHO = "def handler(event, context):\n    return event\n"
SIX_MB = 6_291_456
LARGEST_RESPONSE = 6_291_556


@pytest.fixture
def echo(client: Any) -> str:
    create_function(client, "echo", ECHO)
    return "echo"


@pytest.mark.parametrize(
    "payload",
    [
        "{}",
        '{"a": [1, {"b": null}]}',
        "[]",
        "[1, 2]",
        '"text"',
        '""',
        "0",
        "-1.5",
        "true",
        "false",
        "null",
        ' {"a": 1}\n',
    ],
)
def test_any_json_is_an_event(caller: Caller, echo: str, payload: str) -> None:
    """Source: developer guide, "Lambda function handler in Python", table of JSON types."""
    answer = caller.invoke(echo, payload.encode())
    assert answer.status == 200
    assert json.loads(answer.body) == json.loads(payload)
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_without_a_payload_the_event_is_an_empty_object(caller: Caller, echo: str) -> None:
    """Source: invocation.md section 1 (recorded)."""
    assert caller.invoke(echo).body == b"{}"


@pytest.mark.parametrize(
    "text",
    ["Grüße, 世界 🌍", "\u0000\u001f", "\\u00e9", "\ud83c\udf0d".encode("utf-16", "surrogatepass").decode("utf-16")],
)
def test_every_character_goes_in_and_out(caller: Caller, echo: str, text: str) -> None:
    for payload in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
        assert json.loads(caller.invoke(echo, payload.encode()).body) == text


def test_six_megabytes_are_accepted_and_one_byte_more_is_not(caller: Caller, client: Any) -> None:
    """Source: quotas.md section 7 (recorded)."""
    create_function(client, "length", "def handler(event, context):\n    return len(event)\n", MemorySize=512)
    largest = b'"' + b"x" * (SIX_MB - 2) + b'"'
    assert caller.invoke("length", largest).body == str(SIX_MB - 2).encode()
    answer = caller.invoke("length", largest + b" ")
    assert_too_large(answer, SIX_MB)


def test_a_response_of_six_megabytes_and_a_hundred_bytes_comes_back(caller: Caller, client: Any) -> None:
    """Source: runtime-api.md section 2.2 (recorded)."""
    create_function(client, "long", "def handler(event, context):\n    return 'x' * event\n", MemorySize=512)
    answer = caller.invoke("long", str(LARGEST_RESPONSE - 2).encode())
    assert "x-amz-function-error" not in answer.headers
    assert len(answer.body) == LARGEST_RESPONSE


def test_a_longer_response_is_the_functions_error_and_its_environment_lives_on(caller: Caller, client: Any) -> None:
    """Source: runtime-api.md section 2.2 (recorded); AWS's client would exit after it, ours needn't."""
    source = "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return 'x' * event + str(count)\n"
    create_function(client, "long", source, MemorySize=512)
    assert caller.error("long", LARGEST_RESPONSE) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert caller.result("long", 0) == "2"


def test_a_payload_that_isnt_utf_8_is_refused(caller: Caller, echo: str) -> None:
    golden = sample("invoke", "Invoke", "payload is not UTF-8")
    answer = caller.invoke(echo, b"n\x87r\x9e")
    assert_answer(golden, answer, {"function": echo})


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"{", "Unexpected end-of-input"),
        (b"{'a': 1}", "Unexpected character (''' (code 39))"),
        (
            b"hello",
            "Unrecognized token 'hello': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
        ),
        (b'{"a": 1} x', "Unrecognized token 'x'"),
        (b"NaN", "Unrecognized token 'NaN'"),
        (b'{"a": Infinity}', "Unrecognized token 'Infinity'"),
        (b" ", "Unexpected end-of-input"),
        (b'"\n"', "Unexpected character"),
        (b"[" * 200_000, "Document nesting depth exceeds the maximum allowed"),
    ],
)
def test_a_payload_that_isnt_json_is_refused(caller: Caller, echo: str, payload: bytes, why: str) -> None:
    """Source: invocation.md section 1 (the frame of the text is recorded, the parser's words are unverified)."""
    answer = caller.invoke(echo, payload)
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "InvalidRequestContentException"
    body = json.loads(answer.body)
    assert body["Type"] == "User"
    assert body["message"].startswith(
        f"Could not parse request body into json: Could not parse payload into json: {why}"
    )
    assert "\n at [Source: " in body["message"]


def test_a_bad_payload_is_refused_for_every_invocation_type(caller: Caller, echo: str) -> None:
    for invocation_type in ("Event", "RequestResponse"):
        assert caller.invoke(echo, b"{", headers={"X-Amz-Invocation-Type": invocation_type}).status == 400


def test_the_connection_is_good_for_another_request_after_a_refused_payload(caller: Caller, echo: str) -> None:
    connection = caller.connect()
    assert caller.invoke(echo, b"{", connection=connection).status == 400
    assert caller.invoke(echo, b"1", connection=connection).body == b"1"
    connection.close()


def assert_too_large(answer: Answer, limit: int) -> None:
    assert answer.status == 413
    assert answer.headers["x-amzn-errortype"] == "RequestTooLargeException"
    assert json.loads(answer.body) == {
        "Type": "User",
        "message": f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
    }
