"""AWS's rest-json protocol from the server's side, driven by the service model.

`RestJsonCodec` turns a request into an operation and a dictionary with snake_case names (checked against the model's
constraints), and what the operation answers back into status, headers and body. It doesn't know any operation.
Order of the checks: the request is read (SerializationException), then validated (ValidationException).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from lambent.core.errors import ApiError
from lambent.wire.constraints import check_constraints
from lambent.wire.json_values import decode_structure, decode_value, encode_structure, encode_value, parse_json
from lambent.wire.routes import Match, Query, Router, parse_query
from lambent.wire.service_model import Member, Operation, ServiceModel, Shape
from lambent.wire.text_values import decode_header, decode_text, encode_header

Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers, body."""

# The model says 200 for this one, AWS answers another status (operations.md, recorded).
_STATUS_ON_THE_WIRE: Final[Mapping[str, int]] = {"DeleteFunction": 204}

_NO_CONTENT: Final = 204
_JSON: Final = ("Content-Type", "application/json")


class RestJsonCodec:
    """The protocol of one service."""

    def __init__(self, model: ServiceModel) -> None:
        self._router = Router(model.operations.values())

    def match(self, method: str, path: str, query: str) -> Match | None:
        """The operation that a request is for, or None: answer UnknownOperation.

        Args:
            path: still percent-encoded, without the query.
            query: still percent-encoded, without the question mark.
        """
        return self._router.match(method, path, query)

    def decode(self, match: Match, *, query: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Read and validate a request.

        Args:
            match: from `match`, of the same request.
            headers: names in lower case.

        Returns:
            Its members in snake_case: blobs as bytes, moments as aware datetimes. What wasn't sent, or was null, isn't
            there; names in maps are as they were sent.

        Raises:
            SerializationFailed: not JSON, or a value of another type than the model's.
            ValidationFailed: constraints of the model are violated; the message has all of them.
        """
        shape = match.operation.input
        if shape is None:
            return {}
        request = _decode_body(shape, body)
        parameters = parse_query(query)
        for member in shape.members:
            value = _decode_located(member, match.labels, parameters, headers)
            if value is not None:
                request[member.snake_name] = value
        check_constraints(match.operation, request)
        return request

    def encode(self, operation: Operation, result: Mapping[str, Any]) -> Answer:
        """Write an operation's answer.

        Args:
            result: members in snake_case; None is left out.

        Raises:
            ValueError: the answer has no such member.
        """
        status = _STATUS_ON_THE_WIRE.get(operation.name, operation.status)
        headers: list[tuple[str, str]] = []
        shape = operation.output
        body = b"" if shape is None else _encode_body(shape, result)
        for member in () if shape is None else shape.members:
            value = result.get(member.snake_name)
            if value is None:
                continue
            if member.location == "statusCode":
                status = value
            elif member.location == "header":
                headers.append((member.wire_name, encode_header(member, value)))
            elif member.location == "headers":
                headers.extend((member.wire_name + name, one) for name, one in value.items())
        if status == _NO_CONTENT:
            return status, headers, b""
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.insert(0, _JSON)
        return status, headers, body


def encode_error(error: ApiError, request_id: str) -> Answer:
    """Write an error as AWS does: the code in a header, the rest in the body.

    Source: api-errors.md §1 (recorded).
    """
    body: dict[str, object] = dict(error.extra)
    if error.fault is not None:
        body["Type"] = error.fault
    body[error.message_key] = None if error.message is None else _writable(error.message)
    headers = [_JSON, ("x-amzn-RequestId", request_id), ("x-amzn-ErrorType", error.code), *error.headers]
    return error.status, headers, msgspec.json.encode(body)


def _writable(text: str) -> str:
    """A message may quote what a caller wrote, and half of a surrogate pair has no UTF-8."""
    return text.encode(errors="replace").decode()


def _decode_body(shape: Shape, body: bytes) -> dict[str, Any]:
    """What the body has; a body that the operation doesn't have is ignored, as AWS does."""
    payload = shape.payload
    if not body:
        return {}
    if payload is None:
        document = parse_json(body) if shape.body_members else None
        return {} if document is None else decode_structure(shape, document)
    if payload.shape.type == "blob":
        return {payload.snake_name: body}
    if payload.shape.type == "string":
        return {payload.snake_name: body.decode(errors="replace")}
    document = parse_json(body)
    return {} if document is None else {payload.snake_name: decode_value(payload, document)}


def _decode_located(member: Member, labels: Mapping[str, str], query: Query, headers: Mapping[str, str]) -> Any:
    """A member that is outside of the body, or None."""
    match member.location:
        case "uri":
            text = labels.get(member.wire_name)
            return None if text is None else decode_text(member, text)
        case "querystring":
            return _decode_query(member, query)
        case "header":
            text = headers.get(member.wire_name.lower())
            return None if text is None else decode_header(member, text)
        case "headers":
            prefix = member.wire_name.lower()
            return {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
    return None


def _decode_query(member: Member, query: Query) -> Any:
    if member.shape.type == "map":
        return _decode_query_map(member, query)
    texts = [value for name, value in query if name == member.wire_name]
    if not texts:
        return None
    if member.shape.type == "list":
        return [decode_text(member.shape.element, text) for text in texts]
    return decode_text(member, texts[0])


def _decode_query_map(member: Member, query: Query) -> dict[str, Any]:
    """Every parameter, those too that are members of their own."""
    values: dict[str, Any] = {}
    for name, text in query:
        if member.shape.value.shape.type == "list":
            values.setdefault(name, []).append(text)
        else:
            values.setdefault(name, text)
    return values


def _encode_body(shape: Shape, result: Mapping[str, Any]) -> bytes:
    payload = shape.payload
    if payload is None:
        return msgspec.json.encode(encode_structure(shape, result))
    value = result.get(payload.snake_name)
    if value is None:
        return b""
    if payload.shape.type == "blob":
        return bytes(value)
    if payload.shape.type == "string":
        return str(value).encode()
    return msgspec.json.encode(encode_value(payload, value))
