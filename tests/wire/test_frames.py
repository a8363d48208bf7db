"""The frames codec: any split, bounded memory, nothing but FrameError for what isn't a frame."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.wire import frames
from lambent.wire.frames import MAX_BODY_BYTES, Frame, FrameError, FrameParser
from tests.environments.fakes import ARN, REQUEST_ID, invocation

FRAMES = st.lists(st.tuples(st.sampled_from(sorted(frames.FROM_RUNTIME)), st.binary(max_size=40)), max_size=8)


def encode(frame_type: int, body: bytes) -> bytes:
    return frames.HEADER.pack(len(body), frame_type) + body


@given(FRAMES, st.data())
def test_frames_survive_any_split(sent: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(encode(*frame) for frame in sent)
    parser = FrameParser()
    received: list[Frame] = []
    position = 0
    while position < len(stream):
        size = data.draw(st.integers(1, len(stream) - position))
        received += parser.feed(stream[position : position + size])
        position += size
    assert received == sent
    assert parser.missing == 0


def test_frames_arrive_byte_by_byte() -> None:
    parser = FrameParser()
    stream = encode(frames.RESPONSE, b"abc") + encode(frames.NEXT, b"")
    received = [frame for byte in stream for frame in parser.feed(bytes([byte]))]
    assert received == [(frames.RESPONSE, b"abc"), (frames.NEXT, b"")]


@pytest.mark.parametrize("chunk", [65_536, 1 << 20, 1 << 30])
def test_a_body_over_the_limit_is_cut_and_the_next_frame_is_found(chunk: int) -> None:
    stream = encode(frames.RESPONSE, b"x" * (MAX_BODY_BYTES + 100_000)) + encode(frames.NEXT, b"")
    parser = FrameParser()
    received = [frame for i in range(0, len(stream), chunk) for frame in parser.feed(stream[i : i + chunk])]
    assert [(frame_type, len(body)) for frame_type, body in received] == [
        (frames.RESPONSE, MAX_BODY_BYTES),
        (frames.NEXT, 0),
    ]


def test_a_declared_length_costs_nothing() -> None:
    parser = FrameParser()
    assert parser.feed(frames.HEADER.pack(0xFFFF_FFFF, frames.LOG)) == []
    assert parser.missing == 0xFFFF_FFFF


@given(st.binary(max_size=200))
def test_garbage_is_a_frame_error_or_frames(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        assert all(frame_type in frames.FROM_RUNTIME for frame_type, _ in FrameParser().feed(data))


def test_an_unknown_type_is_an_error() -> None:
    with pytest.raises(FrameError, match="unknown frame type 0x2"):
        FrameParser().feed(encode(frames.INVOKE, b""))


def test_an_invoke_frame_has_eight_fields_and_the_event() -> None:
    event = invocation(b'{"\0": 1}', client_context='{"custom":{}}', tenant_id="blue")
    head = frames.encode_invoke(event, 1_700_000_003_000)
    length, frame_type = frames.HEADER.unpack_from(head)
    body = head[8:] + event.payload
    assert (length, frame_type) == (len(body), frames.INVOKE)
    assert [field.decode() for field in body.split(b"\0", 8)] == [
        REQUEST_ID,
        "1700000003000",
        ARN,
        event.trace_id,
        '{"custom":{}}',
        "",
        "blue",
        "application/json",
        '{"\0": 1}',
    ]


def test_a_nul_in_a_callers_header_does_not_shift_the_fields() -> None:
    event = invocation(b"event", client_context="a\0b", tenant_id="\0")
    fields = (frames.encode_invoke(event, 1)[8:] + event.payload).split(b"\0", 8)
    assert (fields[4], fields[6], fields[8]) == (b"ab", b"", b"event")


def test_init_is_json() -> None:
    frame = frames.encode_init(environment={"A": "ä"}, handler="app.handler", exec_interpreter=True, flags=["-v"])
    assert frames.HEADER.unpack_from(frame) == (len(frame) - 8, frames.INIT)
    assert json.loads(frame[8:]) == {
        "env": {"A": "ä"},
        "handler": "app.handler",
        "exec": True,
        "flags": ["-v"],
        "initialization_type": "on-demand",
    }


def test_fields_and_log_records() -> None:
    assert list(frames.parse_fields(b"id\0type\0pay\0load", 2)) == [b"id", b"type", b"pay\0load"]
    with pytest.raises(FrameError):
        frames.parse_fields(b"id\0type", 2)
    record = frames.parse_log((7).to_bytes(8, "big") + (0xA55A0003).to_bytes(4, "big") + b"text")
    assert record == (7, 0xA55A0003, b"text")
    with pytest.raises(FrameError):
        frames.parse_log(b"short")
