"""Whether a payload is JSON, and AWS's words when it isn't.

AWS's front end parses with Jackson and passes its message on, so the texts here are Jackson's.
Source: answers/invoke.json, "payload is not UTF-8" (recorded); the other texts are unverified.
"""

import json
import re

import msgspec

from lambent.core.errors import InvalidRequestContent

_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
_POSITION = re.compile(r"\(byte (\d+)\)$")
_TOKEN = re.compile(r"[\w$]+")
_TOKEN_BEFORE = re.compile(r"[\w$]*$")

_decode = msgspec.json.Decoder(msgspec.Raw).decode


def check_json(payload: bytes) -> None:
    """Accept one JSON document, of any kind.

    Raises:
        InvalidRequestContent: payload isn't JSON, or not UTF-8; the message says where.
    """
    try:
        payload.isascii() or payload.decode()
        _decode(payload)
    except UnicodeDecodeError as error:
        raise _refusal(_why_not_utf8(payload, error.start)) from None
    except RecursionError:
        raise _refusal(f"Document nesting depth exceeds the maximum allowed{_at(1, 1)}") from None
    except msgspec.DecodeError as error:
        if not _is_json_with_lone_surrogates(payload):
            raise _refusal(_why_not_json(payload, str(error))) from None


def _is_json_with_lone_surrogates(payload: bytes) -> bool:
    """Half a surrogate pair may be escaped in JSON (RFC 8259, section 8.2), which msgspec refuses."""
    if b"\\u" not in payload:
        return False
    try:
        json.loads(payload.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _refusal(why: str) -> InvalidRequestContent:
    return InvalidRequestContent(f"Could not parse request body into json: Could not parse payload into json: {why}")


def _at(line: int, column: int) -> str:
    return f"\n at {_SOURCE}; line: {line}, column: {column}]"


def _why_not_utf8(payload: bytes, position: int) -> str:
    line = payload.count(b"\n", 0, position) + 1
    start = payload.rfind(b"\n", 0, position) + 1
    column = len(payload[start:position].decode(errors="replace")) + 2
    return f"Invalid UTF-8 start byte 0x{payload[position]:x}{_at(line, column)}"


def _why_not_json(payload: bytes, complaint: str) -> str:
    found = _POSITION.search(complaint)
    position = len(payload) if found is None else int(found[1])
    if "trailing characters" in complaint:
        position -= 1  # it names the byte behind the first of them
    before, after = payload[:position].decode(errors="replace"), payload[position:].decode(errors="replace")
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n")
    return f"{_what(before, after)}{_at(line, column)}"


def _what(before: str, after: str) -> str:
    if not after:
        return "Unexpected end-of-input"
    token = _TOKEN.match(_TOKEN_BEFORE.findall(before)[0] + after)
    if token is not None:
        return f"Unrecognized token '{token[0]}': was expecting {_EXPECTED}"
    character = after[0]
    return f"Unexpected character ('{character}' (code {ord(character)})): expected a valid value {_EXPECTED}"
