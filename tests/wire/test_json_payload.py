"""What is JSON, and AWS's words for what isn't."""

from pathlib import Path

import pytest

from lambent.core.errors import InvalidRequestContent
from lambent.wire.json_payload import check_json
from tests.shared_data import files

REDACTED = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def complaint(payload: bytes) -> str:
    with pytest.raises(InvalidRequestContent) as caught:
        check_json(payload)
    frame = "Could not parse request body into json: Could not parse payload into json: "
    assert str(caught.value).startswith(frame)
    return str(caught.value).removeprefix(frame)


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b"[]",
        b"0",
        b"-0.1e+9",
        b"null",
        b"true",
        b'"\\u00e9"',
        '"é🌍"'.encode(),
        b" \t\r\n[1 , 2]\n",
        b'{"a":1,"a":2}',
    ],
)
def test_every_kind_of_json_is_accepted(payload: bytes) -> None:
    check_json(payload)


@pytest.mark.parametrize("payload", [b'"\\ud800"', b'["\\uDC00", {"\\ud83c\\ud83c": 1}]'])
def test_half_a_surrogate_pair_may_be_escaped(payload: bytes) -> None:
    """Source: RFC 8259, section 8.2; RFC 8259's grammar has them."""
    check_json(payload)


def test_the_recorded_answer_to_what_isnt_utf_8() -> None:
    """Source: answers/invoke.json, "payload is not UTF-8"."""
    assert complaint(b"n\x87r\x9e") == f"Invalid UTF-8 start byte 0x87\n at {REDACTED}; line: 1, column: 3]"


@pytest.mark.parametrize(
    ("payload", "what", "line", "column"),
    [
        (b"hello", f"Unrecognized token 'hello': was expecting {EXPECTED}", 1, 1),
        (b"[1,\n nul ]", f"Unrecognized token 'nul': was expecting {EXPECTED}", 2, 3),
        (b"{'a': 1}", f"Unexpected character (''' (code 39)): expected a valid value {EXPECTED}", 1, 2),
        ('["é", }'.encode(), f"Unexpected character ('}}' (code 125)): expected a valid value {EXPECTED}", 1, 7),
        (b'{"a": NaN}', f"Unrecognized token 'NaN': was expecting {EXPECTED}", 1, 7),
        (b'{"a": 1} x y', f"Unrecognized token 'x': was expecting {EXPECTED}", 1, 10),
        (b'{"a": ', "Unexpected end-of-input", 1, 7),
        (b"\n", "Unexpected end-of-input", 2, 1),
    ],
)
def test_a_complaint_names_what_and_where(payload: bytes, what: str, line: int, column: int) -> None:
    """Source: the words are Jackson's, which AWS uses; unverified."""
    assert complaint(payload) == f"{what}\n at {REDACTED}; line: {line}, column: {column}]"


def test_nesting_has_an_end() -> None:
    assert complaint(b"[" * 100_000).startswith("Document nesting depth exceeds the maximum allowed\n at ")
    check_json(b"[" * 500 + b"]" * 500)


@pytest.mark.parametrize("path", files("json", "[yn]_*.json"), ids=lambda path: path.stem)
def test_the_same_is_json_as_for_everybody(path: Path) -> None:
    """Source: JSONTestSuite: y_ must be accepted, n_ must not."""
    payload = path.read_bytes()
    if path.name.startswith("y_"):
        check_json(payload)
    elif payload:  # no payload at all is the gateway's to judge
        complaint(payload)
