"""What a function returned as the answer to an HTTP request.

Source: invocation.md §6.2 (recorded from AWS, but for what is said to be unverified).
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

_ENCODING = "utf-8"
_JSON = "application/json"

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

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


# Of any other name HTTP's readers make what they will, such as `Content-Length ` or `Transfer-Encoding: chunked, x`.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response"
"""The content type of a streamed response that begins with its status and headers, as JSON and 8 NUL bytes."""

PRELUDE_END = bytes(8)

BAD_GATEWAY = HttpAnswer(502, [("Content-Type", _JSON)], b"Internal Server Error")
"""For a function that failed, and for an answer that can't be understood."""


def answer_of(payload: bytes) -> HttpAnswer:
    """The answer that a response stands for; `BAD_GATEWAY` where it stands for none.

    An object with statusCode is taken apart. Everything else is a 200 with its JSON, without blanks, as the body; of a
    text the text, and of what isn't JSON every byte (observed of a stream; of a runtime that answers so by itself:
    unverified). A response that was streamed and collected has its prelude before the body.
    """
    prelude, separator, body = payload.partition(PRELUDE_END)
    if separator:
        head = head_of_prelude(prelude)
        return BAD_GATEWAY if head is None else HttpAnswer(*head, body)
    try:
        returned = _parsed(payload)
    except (ValueError, RecursionError):
        return HttpAnswer(200, [("Content-Type", _JSON)], payload)
    try:
        if isinstance(returned, dict) and "statusCode" in returned:
            return _described(returned)
        return HttpAnswer(200, [("Content-Type", _JSON)], _written(returned))
    except (ValueError, RecursionError):
        return BAD_GATEWAY


def head_of_prelude(prelude: bytes) -> HttpHead | None:
    """Status and headers that a streamed response begins with; None where they can't be understood.

    A prelude without statusCode means 200 (unverified).
    """
    try:
        members = _parsed(prelude)
        return _head(msgspec.convert({"statusCode": 200, **members}, _Described))
    except (ValueError, TypeError, RecursionError):  # msgspec's ValidationError is a ValueError
        return None


def _parsed(document: bytes) -> Any:
    """A JSON document, with what runtimes write beyond the standard: Python writes NaN and halves of surrogate pairs.

    Raises:
        ValueError, RecursionError: it can't be read.
    """
    try:
        return _decode(document)
    except msgspec.DecodeError:
        return json.loads(document)


def _written(returned: object) -> bytes:
    """The body that a value which describes no answer stands for."""
    if isinstance(returned, str):
        return returned.encode(_ENCODING, "replace")
    try:
        return _encode(returned)
    except ValueError:  # what only json can read only json can write
        return json.dumps(returned, ensure_ascii=False, separators=(",", ":")).encode(_ENCODING, "replace")


def _described(returned: Mapping[str, Any]) -> HttpAnswer:
    try:
        described = msgspec.convert(returned, _Described)
        body = _body(described)
    except (msgspec.ValidationError, binascii.Error):
        return BAD_GATEWAY
    head = _head(described)
    return BAD_GATEWAY if head is None else HttpAnswer(*head, body)


def _head(described: "_Described") -> HttpHead | None:
    lines = []
    typed = False
    for name, value in (described.headers or {}).items():
        if _TOKEN.fullmatch(name) is None:
            return None
        lowered = name.lower()
        typed = typed or lowered == "content-type"
        outside = f"x-amzn-Remapped-{name}" if lowered in _REMAPPED or lowered.startswith("x-amzn-") else name
        lines.append((outside, value if isinstance(value, str) else json.dumps(value)))
    if not typed:
        lines.append(("Content-Type", _JSON))
    if described.cookies:
        lines += [("Set-Cookie", cookie) for cookie in described.cookies]
    code = described.statusCode
    status = code if type(code) is int else _number(code)
    if not 200 <= status <= 599 or _breaks("".join([part for line in lines for part in line])):
        return None
    return HttpHead(status, lines)


def _number(code: float | str) -> int:
    """A status that isn't an integer: digits as text will do (observed); 0 for what isn't a number."""
    if isinstance(code, str) and not (code.isascii() and code.isdigit()):
        return 0
    try:
        return int(code)
    except (ValueError, OverflowError):
        return 0


class _Described(msgspec.Struct):
    """Payload format 2.0. Which other types AWS takes for a header's value is unverified."""

    statusCode: int | float | str  # noqa: N815 - AWS's name
    headers: dict[str, str | int | float | bool] | None = None
    cookies: list[str] | None = None
    body: str | None = None
    isBase64Encoded: bool | None = False  # noqa: N815 - AWS's name


def _body(described: _Described) -> bytes:
    text = described.body or ""
    if described.isBase64Encoded:
        return base64.b64decode(text, validate=True)
    return text.encode(_ENCODING, "replace")


def _breaks(text: str) -> bool:
    return not text.isprintable() and any(character in text for character in "\r\n\0")
