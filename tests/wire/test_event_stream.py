"""Source: the test vectors of invocation.md §1.1, and botocore, which reads what was written."""

from typing import Any

from botocore.eventstream import EventStreamBuffer

from lambent.wire.event_stream import invoke_complete, payload_chunk

CHUNK = (
    "0000006c0000005ab25efdcf0b3a6576656e742d7479706507000c5061796c6f61644368756e6b0d3a636f6e74656e742d747970650700186170"
    "706c69636174696f6e2f6f637465742d73747265616d0d3a6d6573736167652d747970650700056576656e7468691162e469"
)
COMPLETE = (
    "00000066000000541f56c8690b3a6576656e742d7479706507000e496e766f6b65436f6d706c6574650d3a636f6e74656e742d74797065070010"
    "6170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b7d7006d467"
)


def test_the_recorded_messages() -> None:
    assert payload_chunk(b"hi").hex() == CHUNK
    assert invoke_complete({}).hex() == COMPLETE


def test_botocore_reads_what_is_written() -> None:
    buffer: Any = EventStreamBuffer()
    buffer.add_data(payload_chunk(b"") + payload_chunk(b"x" * 100_000) + invoke_complete({"ErrorCode": "Error"}))
    messages = list(buffer)
    assert [message.headers[":event-type"] for message in messages] == [
        "PayloadChunk",
        "PayloadChunk",
        "InvokeComplete",
    ]
    assert [message.payload for message in messages] == [b"", b"x" * 100_000, b'{"ErrorCode":"Error"}']


def test_text_is_not_escaped() -> None:
    """The error of a function may have 6 MB, and a message 24 for botocore."""
    details = "\N{SNOWMAN}" * 2_000_000
    buffer: Any = EventStreamBuffer()
    buffer.add_data(invoke_complete({"ErrorDetails": details}))
    (message,) = buffer
    assert message.payload == f'{{"ErrorDetails":"{details}"}}'.encode()
