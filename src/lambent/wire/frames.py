"""The frames that our own runtime clients and the server exchange over a socket pair: a codec without I/O.

A frame is a header of 8 bytes, `>IB3x` (length of the body, type), and the body. Fields within a body end in one NUL
byte; what follows the last field is raw. The server sends INIT, INVOKE and CREDIT; the runtime sends the rest.

The runtime's side is hostile: a function can write anything to the descriptor. So the parser takes any split of the
bytes, keeps at most `MAX_BODY_BYTES` of a body however long it is declared (the rest is counted and dropped), and
whatever isn't a frame is a `FrameError`, which ends that one environment's runtime.
"""

import json
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final, NamedTuple

from lambent.core.invocation import MAX_PAYLOAD_BYTES, Invocation

HEADER: Final = Struct(">IB3x")

INIT: Final = 0x01
INVOKE: Final = 0x02
CREDIT: Final = 0x03

NEXT: Final = 0x10
RESPONSE: Final = 0x11
ERROR: Final = 0x12
INIT_ERROR: Final = 0x13
LOG: Final = 0x14
STREAM_START: Final = 0x15
CHUNK: Final = 0x16
STREAM_END: Final = 0x17
STREAM_ERROR: Final = 0x18
LAUNCH_FAILED: Final = 0x19
"""The function's program could not be executed: error type, and AWS's words for why."""

FROM_RUNTIME: Final = frozenset(range(NEXT, LAUNCH_FAILED + 1))

# Request id and content type, or error type: far shorter than this in anything an honest runtime sends.
_MAX_FIELDS_BYTES = 4096
MAX_BODY_BYTES: Final = MAX_PAYLOAD_BYTES + _MAX_FIELDS_BYTES
"""The longest body that is kept whole; a RESPONSE cut here still has a payload over `MAX_PAYLOAD_BYTES`."""

STREAM_WINDOW_BYTES: Final = 65_536
"""How many bytes of a response's chunks the runtime may send before it is given more by CREDIT."""

_HEADER_BYTES = HEADER.size
_LOG_HEAD = Struct(">QI")
_CREDIT = Struct(">I")
_INVOKE_FIELDS = 8
_unpack_header = HEADER.unpack_from
_pack_header = HEADER.pack


class FrameError(ValueError):
    """The peer sent what isn't a frame of this protocol."""


_NEXT_FRAME = HEADER.pack(0, NEXT)

Frame = tuple[int, bytes]
"""One frame as received: its type, and its body cut at `MAX_BODY_BYTES`."""


class LogRecord(NamedTuple):
    """A LOG frame.

    Attributes:
        timestamp_us: epoch microseconds; 0 where the server shall stamp it.
        frame_type: AWS's type of a framed record (0xA55A0003 …), or 0 for plain output, which splits at newlines.
    """

    timestamp_us: int
    frame_type: int
    text: bytes


class FrameParser:
    """Bytes in, frames out, at any split."""

    __slots__ = ("_dropping", "_parts", "_rest", "_type", "_wanted")

    def __init__(self) -> None:
        self._rest = b""  # less than a header
        self._type = 0  # of the frame in progress
        self._parts: list[bytes] = []
        self._wanted = 0  # bytes of its body still to come and to keep
        self._dropping = 0  # bytes of its body to come after those, to drop

    @property
    def between_frames(self) -> bool:
        """Whether the next byte to come is the first of a frame."""
        return not (self._wanted or self._dropping or self._rest)

    @property
    def missing(self) -> int:
        """How many bytes complete the frame in progress; 0 where none is."""
        return self._wanted + self._dropping

    def feed(self, data: bytes) -> Sequence[Frame]:
        """Take the next bytes.

        Returns:
            the frames that they complete.

        Raises:
            FrameError: a header of an unknown type; the parser can't be used any more.
        """
        frames: list[Frame] = []
        position = self._continue(data, frames) if self._wanted or self._dropping else 0
        if self._rest:
            data = self._rest + data
            self._rest = b""
        end = len(data)
        while end - position >= _HEADER_BYTES:
            length, frame_type = _unpack_header(data, position)
            if frame_type not in FROM_RUNTIME:
                raise FrameError(f"unknown frame type {frame_type:#x}")
            start = position + _HEADER_BYTES
            position = start + length
            if position > end:
                self._begin(frame_type, length, data[start:])
                return frames
            if length > MAX_BODY_BYTES:
                frames.append((frame_type, data[start : start + MAX_BODY_BYTES]))
            else:
                frames.append((frame_type, data[start:position]))
        if position < end:
            self._rest = data[position:]
        return frames

    def _begin(self, frame_type: int, length: int, part: bytes) -> None:
        """The body isn't here yet, or not all of it."""
        kept = min(length, MAX_BODY_BYTES)
        self._type = frame_type
        self._parts = [part[:kept]]
        self._wanted = max(0, kept - len(part))
        self._dropping = length - max(kept, len(part))

    def _continue(self, data: bytes, frames: list[Frame]) -> int:
        """Go on with the frame in progress; returns how much of `data` belonged to it."""
        taken = min(self._wanted, len(data))
        if taken:
            self._parts.append(data[:taken] if taken < len(data) else data)
            self._wanted -= taken
        if self._dropping and not self._wanted:
            dropped = min(self._dropping, len(data) - taken)
            self._dropping -= dropped
            taken += dropped
        if not self._wanted and not self._dropping:
            frames.append((self._type, b"".join(self._parts)))
            self._parts = []
        return taken


# --- what the server sends -------------------------------------------------------------------------------------------


def encode_init(
    *,
    environment: Mapping[str, str],
    handler: str,
    exec_interpreter: bool,
    flags: Sequence[str] = (),
    initialization_type: str = "on-demand",
) -> bytes:
    """The INIT frame.

    Args:
        environment: the complete environment of the process.
        exec_interpreter: replace the forked process by a fresh interpreter, because the environment has what one reads
            at its start.
        flags: what the command line of an executed interpreter has between the program and its script.
    """
    body = json.dumps(
        {
            "env": dict(environment),
            "handler": handler,
            "exec": exec_interpreter,
            "flags": list(flags),
            "initialization_type": initialization_type,
        },
    ).encode()
    return _pack_header(len(body), INIT) + body


def encode_invoke(invocation: Invocation, deadline_ms: int) -> bytes:
    """The INVOKE frame up to its payload: header and fields; `invocation.payload` is to be sent after it."""
    fields = (
        f"{invocation.request_id}\0{deadline_ms}\0{invocation.invoked_function_arn}\0{invocation.trace_id}\0"
        f"{invocation.client_context}\0{invocation.cognito_identity}\0{invocation.tenant_id}\0"
        f"{invocation.content_type}\0"
    ).encode("utf-8", "replace")
    if fields.count(b"\0") != _INVOKE_FIELDS:
        fields = _fields_without_nul(invocation, deadline_ms)
    return _pack_header(len(fields) + len(invocation.payload), INVOKE) + fields


def encode_credit(size: int) -> bytes:
    """The CREDIT frame: the runtime may send so many more bytes of its response's chunks."""
    return _pack_header(_CREDIT.size, CREDIT) + _CREDIT.pack(size)


def _fields_without_nul(invocation: Invocation, deadline_ms: int) -> bytes:
    """A caller put a NUL into a header or its client context: it can't be said, and must not shift the fields."""
    fields = (
        invocation.request_id,
        str(deadline_ms),
        invocation.invoked_function_arn,
        invocation.trace_id,
        invocation.client_context,
        invocation.cognito_identity,
        invocation.tenant_id,
        invocation.content_type,
    )
    return "".join(f"{field.replace(chr(0), '')}\0" for field in fields).encode(errors="replace")


# --- what the runtime sends ------------------------------------------------------------------------------------------


def parse_fields(body: bytes, count: int) -> Sequence[bytes]:
    """The body's `count` fields and, last, what follows them.

    Raises:
        FrameError: there are fewer.
    """
    parts = body.split(b"\0", count)
    if len(parts) <= count:
        raise FrameError(f"{len(parts) - 1} fields, expected {count}")
    return parts


def parse_completion(data: bytes) -> Sequence[bytes] | None:
    """What was read between two frames, if it is how nearly every invocation ends: one RESPONSE and then NEXT.

    Returns:
        request id, content type and payload, or None for anything else, which is the parser's to read.
    """
    payload_end = len(data) - _HEADER_BYTES
    if payload_end < _HEADER_BYTES or not data.endswith(_NEXT_FRAME):
        return None
    length, frame_type = _unpack_header(data)
    if frame_type != RESPONSE or length != payload_end - _HEADER_BYTES:
        return None
    parts = data[_HEADER_BYTES:payload_end].split(b"\0", 2)
    return parts if len(parts) == 3 else None


def parse_log(body: bytes) -> LogRecord:
    """A LOG frame's body.

    Raises:
        FrameError: shorter than its head.
    """
    if len(body) < _LOG_HEAD.size:
        raise FrameError("LOG frame without a head")
    timestamp_us, frame_type = _LOG_HEAD.unpack_from(body)
    return LogRecord(timestamp_us, frame_type, body[_LOG_HEAD.size :])
