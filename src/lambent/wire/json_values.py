"""Values of the API in a JSON body, by their shape.

Decoding is as strict about JSON types as AWS is; members that the model doesn't know are ignored, null is the same as
absent. Encoding leaves None out, and knows every member: an unknown one is a bug.

Source of the texts: observed, from services on the same framework as Lambda (Athena, DynamoDB, CloudWatch); for Lambda
itself they are unverified.
"""

import base64
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from lambent.core.errors import SerializationFailed
from lambent.wire.service_model import Member, Shape
from lambent.wire.timestamps import format_timestamp, parse_timestamp

_INTEGER_BITS: Final = {"integer": 32, "long": 64}
_NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def parse_json(body: bytes) -> Any:
    """Read a JSON document.

    Raises:
        SerializationFailed: it isn't one, isn't UTF-8, or is nested too deeply.
    """
    try:
        # The parser takes some bytes in strings for UTF-8 that aren't.
        body.isascii() or body.decode()
        return msgspec.json.decode(body)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise SerializationFailed(f"Could not parse request body into json: {error}") from None


def decode_value(member: Member, value: Any) -> Any:
    """From JSON to what is inside Lambent: blobs are bytes, moments datetimes, names of members snake_case.

    Args:
        value: not None.

    Raises:
        SerializationFailed: the type in JSON isn't that of the model.
    """
    shape = member.shape
    if shape.definition.document:
        return value
    match shape.type:
        case "structure":
            return decode_structure(shape, value)
        case "list":
            if not isinstance(value, list):
                raise _unexpected(value, "Expected list or null")
            return [None if one is None else decode_value(shape.element, one) for one in value]
        case "map":
            if not isinstance(value, dict):
                raise _unexpected(value, "Expected map or null")
            return {key: None if one is None else decode_value(shape.value, one) for key, one in value.items()}
        case _:
            return _decode_scalar(member, value)


def decode_structure(shape: Shape, value: Any) -> dict[str, Any]:
    """The members of a structure that are there and that the model knows.

    Raises:
        SerializationFailed: as `decode_value`.
    """
    if not isinstance(value, dict):
        raise _unexpected(value, "Unexpected field type")
    decoded = {}
    for member in shape.body_members:
        member_value = value.get(member.wire_name)
        if member_value is not None:
            decoded[member.snake_name] = decode_value(member, member_value)
    return decoded


def encode_value(member: Member, value: Any) -> Any:
    """The reverse of `decode_value`, ready for a JSON encoder.

    Raises:
        ValueError: a structure has a member that the model doesn't know.
    """
    shape = member.shape
    if value is None or shape.definition.document:
        return value
    match shape.type:
        case "structure":
            return encode_structure(shape, value)
        case "list":
            return [encode_value(shape.element, one) for one in value]
        case "map":
            return {key: encode_value(shape.value, one) for key, one in value.items()}
        case _:
            return _encode_scalar(member, value)


def encode_structure(shape: Shape, value: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a structure that are in the body and not None, by their names on the wire.

    Raises:
        ValueError: as `encode_value`.
    """
    unknown = value.keys() - shape.by_snake_name.keys()
    if unknown:
        raise ValueError(f"{shape.name} has no member {', '.join(sorted(unknown))}")
    return {
        member.wire_name: encode_value(member, value[member.snake_name])
        for member in shape.body_members
        if value.get(member.snake_name) is not None
    }


def not_finite_name(value: float) -> str:
    """What JSON has no number for, as a string."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decode_scalar(member: Member, value: Any) -> Any:
    match member.shape.type:
        case "timestamp":
            return _decode_timestamp(value)
        case "blob":
            return _decode_blob(_text(value))
        case "string":
            return parse_json(_text(value).encode()) if member.jsonvalue else _text(value)
        case "boolean":
            if not isinstance(value, bool):
                raise _unexpected(value, f"{_kind(value)} can not be converted to a Boolean")
            return value
        case _:
            return _decode_number(member.shape, value)


def _encode_scalar(member: Member, value: Any) -> Any:
    match member.shape.type:
        case "timestamp":
            return format_timestamp(value, member.timestamp_format or "unixTimestamp")
        case "blob":
            return base64.b64encode(value).decode()
        case "string":
            return msgspec.json.encode(value).decode() if member.jsonvalue else value
        case "float" | "double":
            return value if math.isfinite(value) else not_finite_name(value)
        case _:
            return value


def _decode_number(shape: Shape, value: Any) -> int | float:
    article = "an Integer" if shape.type == "integer" else f"a {shape.type.capitalize()}"
    if shape.type in _INTEGER_BITS:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _unexpected(value, f"{_kind(value)} can not be converted to {article}")
        check_range(shape, value)
        return value
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _unexpected(value, f"{_kind(value)} can not be converted to {article}")
    return _to_float(value)


def check_range(shape: Shape, value: int) -> None:
    """Raises SerializationFailed for an integer that its type can't hold."""
    limit = 1 << (_INTEGER_BITS[shape.type] - 1)
    if not -limit <= value < limit:
        name = "int" if shape.type == "integer" else "long"
        raise SerializationFailed(f"Numeric value ({value}) out of range of {name} ({-limit} - {limit - 1})")


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise SerializationFailed(f"Numeric value ({value}) out of range of double") from None


def _decode_timestamp(value: Any) -> datetime:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return parse_timestamp(value)
        except ValueError:
            pass
    raise _unexpected(value, f"{_kind(value)} can not be converted to milliseconds since epoch")


def _decode_blob(text: str) -> bytes:
    try:
        # A third of the time of base64.b64decode: a deployment package may have 50 MB.
        return msgspec.convert(text, type=bytes)
    except msgspec.ValidationError:
        raise SerializationFailed("Unable to decode the base64 of a binary value") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _unexpected(value, f"{_kind(value)} can not be converted to a String")
    return value


def _unexpected(value: Any, of_scalar: str) -> SerializationFailed:
    """What AWS says of a value of another JSON type than the model's."""
    if isinstance(value, dict):
        return SerializationFailed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return SerializationFailed("Start of list found where not expected")
    return SerializationFailed(of_scalar)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "DECIMAL_VALUE" if isinstance(value, float) else "NUMBER_VALUE"
