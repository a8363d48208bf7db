"""Events go in and answers come out, whatever runs: any JSON, in any letters, of any size up to 6 MB."""

import json
from typing import Any

import pytest

from tests.scenarios.functions_under_test import Function

SIX_MB = 6_291_456
LARGEST_RESPONSE = 6_291_556


@pytest.mark.parametrize(
    "value",
    [{}, [], None, False, 0, -1.5, "", "text", {"a": [1, {"b": [None]}]}, "Grüße, 世界 🌍", "\u2028<&>\u00a0"],
    ids=["object", "array", "null", "false", "zero", "number", "empty", "text", "nested", "unicode", "escaped"],
)
def test_any_json_goes_in_and_out(function: Function, value: Any) -> None:
    assert function("echo", value=value).result == value


@pytest.mark.parametrize("text", ["12345678901234567890.5", "9007199254740993", "1.10"])
def test_numbers_keep_their_digits_where_the_language_does(function: Function, text: str) -> None:
    """Lambda hands over the bytes; what becomes of a number is the language's business."""
    answer = function.invoke(b'{"do":"echo","value":%s}' % text.encode())
    assert answer.result == json.loads(text) or function.column.family.name == "nodejs"
    if function.column.family.exactly:
        assert answer.payload.decode().strip() == text


def test_numbers_beyond_doubles_travel_as_text(function: Function) -> None:
    assert function("echo", value="1e400").result == "1e400"


def test_six_megabytes_go_in_and_out(function: Function) -> None:
    """Source: invocation.md section 1: requests of up to 6 MiB."""
    frame = b'{"do":"echo","value":"%s"}'
    text = "x" * (SIX_MB - len(frame) + 2)
    event = frame % text.encode()
    assert len(event) == SIX_MB
    assert function.invoke(event).result == text


def test_a_larger_request_is_refused(function: Function) -> None:
    """Source: invocation.md section 1."""
    with pytest.raises(function.client.exceptions.RequestTooLargeException, match="smaller than 6291456 bytes"):
        function.invoke(b'{"do":"echo","value":"%s"}' % (b"x" * SIX_MB))


def test_the_largest_response(function: Function) -> None:
    """Source: runtime-api.md section 2.2: 6 MiB + 100 bytes; the quotes are two of them."""
    assert len(function("large", bytes=LARGEST_RESPONSE - 2).payload) == LARGEST_RESPONSE


def test_a_larger_response_is_an_error_and_the_next_invocation_works(function: Function) -> None:
    """Source: runtime-api.md section 2.2 (recorded)."""
    assert function("large", bytes=LARGEST_RESPONSE - 1).error == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }
    assert function("echo", value=1).result == 1
