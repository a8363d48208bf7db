"""Response streams of Node.js, through our client and through AWS's own, unmodified. Source: runtime-api.md §2.3."""

import contextlib
import json
from typing import Any

from tests.scenarios import families
from tests.scenarios.columns import Column, played_on
from tests.scenarios.conftest import Deploy
from tests.scenarios.functions_under_test import Function

pytestmark = played_on(lambda column: column.family is families.NODE)


def streamed(function: Function, **event: Any) -> tuple[bytes, dict[str, Any]]:
    """What came in pieces, and what the end says."""
    answer = function.client.invoke_with_response_stream(FunctionName=function.name, Payload=json.dumps(event))
    with contextlib.closing(answer["EventStream"]) as stream:
        *pieces, last = stream
    return b"".join(piece["PayloadChunk"]["Payload"] for piece in pieces), last["InvokeComplete"]


def test_what_is_written_is_streamed(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Handler="app.streaming")
    for texts in (["one", "two"], ["x" * 300_000] * 3, []):
        assert streamed(function, texts=texts) == ("".join(texts).encode(), {})


def test_an_error_in_the_middle(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Handler="app.streaming")
    payload, end = streamed(function, texts=["one"], fail=True)
    assert payload == b"one"
    assert end["ErrorCode"] == "RangeError"
    assert json.loads(end["ErrorDetails"])["errorMessage"] == "mid"
    assert streamed(function, texts=["again"]) == (b"again", {})


def test_an_invocation_that_wants_it_whole(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Handler="app.streaming")
    answer = function.invoke(json.dumps({"texts": ["one", "two"], "prelude": {"statusCode": 201}}).encode())
    assert not answer.failed
    assert answer.payload == b'{"statusCode":201}' + bytes(8) + b"onetwo"
