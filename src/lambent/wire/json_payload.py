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
_TOKEN = re.compile(r"[\w$]+")

_decode = msgspec.json.Decoder(msgspec.Raw).decode


def check_json(payload: bytes) -> None:
    """Accept one JSON document, of any kind.

    Raises:
        InvalidRequestContent: payload isn't JSON, or not UTF-8; the message says where.
    """
    try:
        payload.isascii() or payload.decode()
        _decode(payload)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        raise InvalidRequestContent(
            "Could not parse request body into json: "
            f"Could not parse payload into json: {_why(payload)}"
        ) from None


def _why(payload: bytes) -> str:
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        byte = payload[error.start]
        line = payload.count(b"\n", 0, error.start) + 1
        start = payload.rfind(b"\n", 0, error.start) + 1
        column = len(payload[start : error.start].decode(errors="replace")) + 2
        return f"Invalid UTF-8 start byte 0x{byte:x}\n at {_SOURCE}; line: {line}, column: {column}]"
    position = _position(text)
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"{_what(text, position)}\n at {_SOURCE}; line: {line}, column: {column}]"


def _position(text: str) -> int:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos
    except RecursionError:
        pass
    return 0


def _what(text: str, position: int) -> str:
    if position >= len(text):
        return "Unexpected end-of-input"
    token = _TOKEN.match(text, position)
    if token is not None:
        return f"Unrecognized token '{token[0]}': was expecting {_EXPECTED}"
    character = text[position]
    return f"Unexpected character ('{character}' (code {ord(character)})): expected a valid value {_EXPECTED}"
