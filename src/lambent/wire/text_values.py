"""Values of the API in a path, a query or a header, by their shape.

Source of the texts: as in json_values.py.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from lambent.core.errors import SerializationFailed
from lambent.wire.json_values import check_range, not_finite_name, parse_json
from lambent.wire.service_model import Member
from lambent.wire.timestamps import format_timestamp, parse_timestamp

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_FRACTION: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|NaN|-?Infinity")
_DEFAULT_FORMAT: Final = {"header": "rfc822", "headers": "rfc822"}

# An element of a list in a header: quoted, or up to the next comma. The date of HTTP has a comma itself.
_ELEMENT: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*?))\s*(?:,|$)')
_DATE_ELEMENT: Final = re.compile(r"\s*()([^,]*,[^,]*?)\s*(?:,|$)")


def decode_text(member: Member, text: str) -> Any:
    """From text to what is inside Lambent.

    Raises:
        SerializationFailed: the text isn't of the member's type.
    """
    shape = member.shape
    match shape.type:
        case "string":
            return _decode_json(text) if member.jsonvalue else text
        case "boolean" if text in {"true", "false"}:
            return text == "true"
        case "integer" | "long" if _INTEGER.fullmatch(text):
            value = int(text)
            check_range(shape, value)
            return value
        case "float" | "double" if _FRACTION.fullmatch(text):
            return float(text)
        case "timestamp":
            return _decode_timestamp(text)
    article = "an" if shape.type == "integer" else "a"
    raise SerializationFailed(f"STRING_VALUE can not be converted to {article} {shape.type.capitalize()}")


def decode_header(member: Member, text: str) -> Any:
    """From one header value, which may hold a list."""
    if member.shape.type != "list":
        return decode_text(member, text)
    element = member.shape.element
    dates = element.shape.type == "timestamp" and _format(element, "header") == "rfc822"
    return [decode_text(element, one) for one in _split(text, _DATE_ELEMENT if dates else _ELEMENT)]


def encode_header(member: Member, value: Any) -> str:
    """To one header value."""
    if member.shape.type == "list":
        return ", ".join(_quoted(_encode_text(member.shape.element, one), member) for one in value)
    return _encode_text(member, value)


def _encode_text(member: Member, value: Any) -> str:
    if isinstance(value, datetime):
        return str(format_timestamp(value, _format(member, member.location or "header")))
    if member.jsonvalue:
        return base64.b64encode(msgspec.json.encode(value)).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return not_finite_name(value)
    return str(value)


def _format(member: Member, location: str) -> str:
    return member.timestamp_format or _DEFAULT_FORMAT.get(location, "iso8601")


def _quoted(text: str, member: Member) -> str:
    """An element of a list; only strings can have what needs quotes."""
    if member.shape.element.shape.type == "string" and re.search(r'[",]', text):
        return json.dumps(text, ensure_ascii=False)
    return text


def _split(text: str, element: re.Pattern[str]) -> Sequence[str]:
    elements = []
    position = 0
    while position < len(text):
        match = element.match(text, position)
        if match is None:
            raise SerializationFailed("A list in a header could not be read")
        quoted, plain = match.groups()
        elements.append(plain if plain is not None else re.sub(r"\\(.)", r"\1", quoted))
        position = match.end()
    return elements


def _decode_timestamp(text: str) -> datetime:
    try:
        return parse_timestamp(text)
    except ValueError:
        raise SerializationFailed("STRING_VALUE can not be converted to milliseconds since epoch") from None


def _decode_json(text: str) -> Any:
    try:
        return parse_json(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise SerializationFailed("Unable to decode the base64 of a JSON value") from None
