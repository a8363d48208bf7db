"""Response streams, through our client for Node.js and through AWS's own for it, Go and Rust. Source: runtime-api.md §2.3.

aws-lambda-go never says that it streams: a caller who takes the response in pieces gets it in pieces all the same, and
one who wants it whole isn't told of an error in its middle. Source: AWS's Runtime Interface Emulator,
`internal/lambda/core/directinvoke/directinvoke.go` (SendDirectInvokeResponse, sendPayloadLimitedResponse).
"""

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.invoke.gate import closed_gate
from tests.lambent_server import LambentServer
from tests.scenarios import families
from tests.scenarios.columns import Column, played_on
from tests.scenarios.conftest import Deploy
from tests.scenarios.functions_under_test import Function

STREAMING = (families.NODE, families.GO, families.RUST)
pytestmark = played_on(lambda column: column.family in STREAMING)


@contextlib.contextmanager
def stream_of(function: Function, **event: Any) -> Iterator[Iterator[dict[str, Any]]]:
    answer = function.client.invoke_with_response_stream(FunctionName=function.name, Payload=json.dumps(event))
    with contextlib.closing(answer["EventStream"]) as stream:
        yield iter(stream)


def payload_of(function: Function, text: bytes) -> bytes:
    """Without the beginning of an answer over HTTP, where there is one."""
    if not function.column.family.has_prelude:
        return text
    prelude, _, body = text.partition(bytes(8))
    assert json.loads(prelude)["statusCode"] == 200
    return body


def streamed(function: Function, **event: Any) -> tuple[bytes, dict[str, Any]]:
    """What came in pieces, and what the end says."""
    with stream_of(function, **event) as stream:
        *pieces, last = stream
    text = b"".join(piece["PayloadChunk"]["Payload"] for piece in pieces)
    return payload_of(function, text), last["InvokeComplete"]


def test_what_is_written_is_streamed(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Handler="app.streaming")
    for texts in (["one", "two"], ["x" * 300_000] * 3, []):
        assert streamed(function, texts=texts) == ("".join(texts).encode(), {})


def test_a_piece_arrives_before_the_next_is_made(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Handler="app.streaming")
    with closed_gate() as gate, stream_of(function, texts=["one", "two"], gate=int(gate.event)) as stream:
        text = b""
        while not text.endswith(b"one"):
            text += next(stream)["PayloadChunk"]["Payload"]
        gate.open()
        assert [event["PayloadChunk"]["Payload"] for event in stream if "PayloadChunk" in event] == [b"two"]


def test_an_error_in_the_middle(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Handler="app.streaming")
    payload, end = streamed(function, texts=["one"], fail=True)
    if column.family.stream_error is None:  # lambda_runtime writes its trailers into the body
        assert payload.startswith(b"oneLambda-Runtime-Function-Error-Type: Runtime.StreamError\r\n")
        assert end == {}
    else:
        assert payload == b"one"
        assert end["ErrorCode"] == column.family.stream_error
        assert json.loads(end["ErrorDetails"])["errorMessage"] == "mid"
    assert streamed(function, texts=["again"]) == (b"again", {})


def test_more_than_a_response_may_have_that_is_not_streamed(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Handler="app.streaming")
    payload, end = streamed(function, texts=["0123456789"] * 7, times=100_000)
    assert (len(payload), end) == (7_000_000, {})


def test_an_invocation_that_wants_it_whole(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Handler="app.streaming")
    answer = function.invoke(json.dumps({"texts": ["one", "two"], "prelude": {"statusCode": 201}}).encode())
    assert not answer.failed
    prelude, _, body = answer.payload.partition(bytes(8))
    assert body == b"onetwo"
    assert json.loads(prelude)["statusCode"] == (200 if column.family.has_prelude else 201)


def test_an_error_in_the_middle_for_one_who_wants_it_whole(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Handler="app.streaming")
    answer = function.invoke(json.dumps({"texts": ["one"], "fail": True}).encode())
    if column.family is families.NODE:
        assert answer.error["errorType"] == "RangeError"
    else:
        assert not answer.failed
        assert payload_of(function, answer.payload).startswith(b"one")


@pytest.mark.parametrize("mode", ["RESPONSE_STREAM", "BUFFERED"])
def test_behind_a_url(lambent: LambentServer, deployed: Deploy, column: Column, mode: str) -> None:
    """A streaming URL passes on what there is; each kind takes status and headers from the beginning of the stream."""
    function = deployed(column, Handler="app.streaming", Description=mode)
    config = function.client.create_function_url_config(FunctionName=function.name, AuthType="NONE", InvokeMode=mode)
    connection = http.client.HTTPConnection("127.0.0.1", lambent.port, timeout=60)
    head = {"Host": urlsplit(config["FunctionUrl"]).netloc, "Content-Type": "application/json"}
    event: dict[str, Any] = {"texts": ["one", "two"], "prelude": {"statusCode": 201, "headers": {"x-own": "1"}}}
    with closed_gate() as gate, contextlib.closing(connection):
        event["gate"] = int(gate.event)
        if mode == "BUFFERED":
            gate.open()
        connection.request("POST", "/", json.dumps(event), head)
        answer = connection.getresponse()
        assert answer.read(3) == b"one"
        gate.open()
        assert answer.read() == b"two"
    if not column.family.has_prelude:
        assert (answer.status, answer.headers["x-own"]) == (201, "1")
