"""AWS's framing of event streams, as far as a server needs it: messages out.

    total length 4 | headers' length 4 | CRC-32 of those 8 bytes | headers | payload | CRC-32 of everything before

Numbers are big-endian. A header is its name (length 1), the type 7 and a text (length 2).
Source: invocation.md §1.1; Smithy, "Amazon Event Stream Specification".
"""

import json
from collections.abc import Mapping
from struct import Struct
from typing import Final
from zlib import crc32

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"

_LENGTHS = Struct(">II")
_CRC = Struct(">I")
_TEXT = 7
_AROUND = 16
"""Bytes of a message beside its headers and its payload."""


def _header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([_TEXT]) + len(value).to_bytes(2, "big") + value.encode()


def _event_headers(event_type: str, content_type: str) -> bytes:
    return (
        _header(":event-type", event_type) + _header(":content-type", content_type) + _header(":message-type", "event")
    )


_CHUNK_HEADERS = _event_headers("PayloadChunk", "application/octet-stream")
_COMPLETE_HEADERS = _event_headers("InvokeComplete", "application/json")


def payload_chunk(data: bytes) -> bytes:
    """The message that carries a piece of a function's response."""
    return _message(_CHUNK_HEADERS, data)


def invoke_complete(members: Mapping[str, str]) -> bytes:
    """The last message of an invocation: empty, or with ErrorCode, ErrorDetails and LogResult."""
    text = json.dumps(
        members, ensure_ascii=False, separators=(",", ":")
    )  # escapes would make 6 MB more than clients take
    return _message(_COMPLETE_HEADERS, text.encode())


def _message(headers: bytes, payload: bytes) -> bytes:
    prelude = _LENGTHS.pack(_AROUND + len(headers) + len(payload), len(headers))
    before = b"".join((prelude, _CRC.pack(crc32(prelude)), headers, payload))
    return before + _CRC.pack(crc32(before))
