"""What a function returned as the answer to an HTTP request.

Source: invocation.md §6.2 (recorded from AWS, but for what is said to be unverified).
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import msgspec

_ENCODING = "utf-8"
_JSON = "application/json"

# What the server says itself, or only between two neighbours; a function's own word for it is renamed, as on AWS.
_REMAPPED = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    }
)


class HttpAnswer(NamedTuple):
    """Status, headers and body; names in the case that the function gave them."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class HttpHead(NamedTuple):
    """Status and headers alone."""

    status: int
    headers: list[tuple[str, str]]


PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response"
"""The content type of a streamed response that begins with its status and headers, as JSON and 8 NUL bytes."""

PRELUDE_END = bytes(8)

BAD_GATEWAY = HttpAnswer(502, [("Content-Type", _JSON)], b"Internal Server Error")
"""For a function that failed, and for an answer that can't be understood."""


def answer_of(payload: bytes) -> HttpAnswer:
    """The answer that a response stands for; `BAD_GATEWAY` where it stands for none.

    An object with statusCode is taken apart. Everything else is a 200 with its JSON, without blanks, as the body; of a
    text the text. A response that was streamed and collected has its prelude before the body.
    """
    prelude, separator, body = payload.partition(PRELUDE_END)
    if separator:
        head = head_of_prelude(prelude)
        return BAD_GATEWAY if head is None else HttpAnswer(*head, body)
    try:
        returned = json.loads(payload)
    except ValueError:
        return BAD_GATEWAY
    if isinstance(returned, dict) and "statusCode" in returned:
        return _described(returned)
    if isinstance(returned, str):
        body = returned.encode(_ENCODING, "replace")
    else:
        body = json.dumps(returned, ensure_ascii=False, separators=(",", ":")).encode(_ENCODING, "replace")
    return HttpAnswer(200, [("Content-Type", _JSON)], body)


def head_of_prelude(prelude: bytes) -> HttpHead | None:
    """Status and headers that a streamed response begins with; None where they can't be understood.

    A prelude without statusCode means 200 (unverified).
    """
    try:
        members = json.loads(prelude)
        return _head(msgspec.convert({"statusCode": 200, **members}, _Described))
    except (ValueError, TypeError):  # msgspec's ValidationError is a ValueError
        return None


def _described(returned: Mapping[str, Any]) -> HttpAnswer:
    try:
        described = msgspec.convert(returned, _Described)
        body = _body(described)
    except (msgspec.ValidationError, binascii.Error):
        return BAD_GATEWAY
    head = _head(described)
    return BAD_GATEWAY if head is None else HttpAnswer(*head, body)


def _head(described: "_Described") -> HttpHead | None:
    headers = described.headers or {}
    lines = [(_outside(name), _text(value)) for name, value in headers.items()]
    if not any(name.lower() == "content-type" for name in headers):
        lines.append(("Content-Type", _JSON))
    lines += [("Set-Cookie", cookie) for cookie in described.cookies or ()]
    if any(_breaks(name) or _breaks(value) for name, value in lines):
        return None
    return HttpHead(described.statusCode, lines)


class _Described(msgspec.Struct):
    """Payload format 2.0. Which other types AWS takes for a header's value is unverified."""

    statusCode: Annotated[int, msgspec.Meta(ge=200, le=599)]  # noqa: N815 - AWS's name
    headers: dict[str, str | int | float | bool] | None = None
    cookies: list[str] | None = None
    body: str | None = None
    isBase64Encoded: bool | None = False  # noqa: N815 - AWS's name


def _body(described: _Described) -> bytes:
    text = described.body or ""
    if described.isBase64Encoded:
        return base64.b64decode(text, validate=True)
    return text.encode(_ENCODING, "replace")


def _outside(name: str) -> str:
    """A header's name as clients see it."""
    lowered = name.lower()
    remapped = lowered in _REMAPPED or lowered.startswith("x-amzn-")
    return f"x-amzn-Remapped-{name}" if remapped else name


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _breaks(text: str) -> bool:
    return not text.isprintable() and any(character in text for character in "\r\n\0")
