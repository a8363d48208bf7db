"""The Runtime API over HTTP: exact answers, hostile clients, and AWS's own runtime client.

Source of the expected answers: reference/runtime-api.md sections 1 to 3.
"""

import asyncio
import base64
import contextlib
import json
import os
import sys
from pathlib import Path

import pytest

from lambent.core.environment import (
    State,
)
from lambent.core.invocation import MAX_PAYLOAD_BYTES, InvocationResult
from lambent.environments.runtime_api import MAX_CONNECTIONS
from tests.environments.fakes import ARN, REQUEST_ID, Harness, MakeHarness, invocation

BASE = "/2018-06-01/runtime"
OK = (202, b'{"status":"OK"}\n')


class Client:
    """One raw HTTP connection to the environment's Runtime API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.headers: dict[str, str] = {}

    @classmethod
    async def connect(cls, harness: Harness) -> "Client":
        return cls(*await asyncio.open_connection(*harness.sandbox.runtime_api.getsockname()))

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.write("\r\n".join([*lines, "", ""]).encode() + body)

    async def answer(self) -> tuple[int, bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.rstrip("\r\n").split("\r\n")
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await self.reader.readexactly(int(self.headers.get("content-length", "0")))
        return int(status.split()[1]), body

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        self.request(method, path, body, **headers)
        return await self.answer()

    async def next(self) -> bytes:
        status, body = await self.ask("GET", f"{BASE}/invocation/next")
        assert status == 200
        return body

    async def post(self, what: str, body: bytes, request_id: str = REQUEST_ID, **headers: str) -> tuple[int, bytes]:
        return await self.ask("POST", f"{BASE}/invocation/{request_id}/{what}", body, **headers)

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@pytest.fixture
async def harness(make: MakeHarness) -> Harness:
    harness = make()
    harness.environment.start()
    return harness


async def running(harness: Harness, client_context: str = "") -> tuple[Client, "asyncio.Future[InvocationResult]"]:
    """A client to which an event was delivered, and the caller's answer."""
    client = await Client.connect(harness)
    client.request("GET", f"{BASE}/invocation/next")
    answer: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
    harness.environment.invoke(invocation(b'{"n":1}', client_context=client_context, on_result=answer.set_result))
    assert await client.answer() == (200, b'{"n":1}')
    return client, answer


def error(error_type: str, message: str) -> bytes:
    return json.dumps({"errorMessage": message, "errorType": error_type}, separators=(",", ":")).encode()


async def test_an_event_has_its_headers_and_those_without_a_value_are_left_out(harness: Harness) -> None:
    client, answer = await running(harness, client_context='{\n"custom": 1}')
    headers = client.headers
    assert headers["content-type"] == "application/json"
    assert headers["lambda-runtime-aws-request-id"] == REQUEST_ID
    assert headers["lambda-runtime-invoked-function-arn"] == ARN
    assert headers["lambda-runtime-deadline-ms"].isdigit()
    assert headers["lambda-runtime-trace-id"].startswith("Root=1-")
    assert headers["lambda-runtime-client-context"] == '{ "custom": 1}'
    assert not {"lambda-runtime-cognito-identity", "lambda-runtime-aws-tenant-id"} & headers.keys()
    assert await client.post("response", b'"ok"') == OK
    assert client.headers["content-type"] == "application/json"
    assert (await answer).payload == b'"ok"'
    client.request("GET", f"{BASE}/invocation/next")
    await harness.idle.get()
    await client.close()


async def test_an_errors_body_reaches_the_caller_byte_for_byte(harness: Harness) -> None:
    client, answer = await running(harness)
    assert await client.post("error", b"not even json", Lambda_Runtime_Function_XRay_Error_Cause="{}") == OK
    result = await answer
    assert (result.payload, result.function_error) == (b"not even json", "Unhandled")
    await client.close()


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (b'{"errorMessage":"m","errorType":"T","errorCause":{"a":1}}', b'{"errorMessage":"m","errorType":"T"}'),
        (b"[1]", b'"Invalid error body"'),
        (b"{", b'"Invalid error body"'),
        (b"\xff", b'"Invalid error body"'),
    ],
)
async def test_the_cause_is_taken_out_of_an_error_that_carries_it(
    harness: Harness, body: bytes, payload: bytes
) -> None:
    client, answer = await running(harness)
    assert await client.post("error", body, Content_Type="application/vnd.aws.lambda.error.cause+json") == OK
    assert (await answer).payload == payload
    await client.close()


async def test_refusals(harness: Harness) -> None:
    client, answer = await running(harness)
    not_allowed = "failed for runtime. Error: State transition is not allowed"
    assert await client.post("response", b"1", "other") == (400, error("InvalidRequestID", "Invalid request ID"))
    assert await client.post("error", b"1", "") == (400, error("InvalidRequestID", "Invalid request ID"))
    assert await client.ask("POST", f"{BASE}/init/error", b"{}") == (
        403,
        error("InvalidStateTransition", f"State transition from Running to InitError {not_allowed}"),
    )
    assert await client.next() == b'{"n":1}'  # the same event again
    assert await client.post("response", b"1") == OK
    assert await client.post("response", b"2") == (
        403,
        error(
            "InvalidStateTransition",
            f"State transition from RuntimeResponseSentState to InvocationResponse {not_allowed}",
        ),
    )
    assert (await answer).payload == b"1"
    await client.close()


async def test_routes(harness: Harness) -> None:
    client = await Client.connect(harness)
    assert await client.ask("GET", "/2018-06-01/ping") == (200, b"pong")
    for path in ("/", "/2018-06-01/", f"{BASE}/restore/next", f"{BASE}/invocation/a/b/response", "/2020-01-01/x"):
        assert (await client.ask("GET", path))[0] == 404
    assert (await client.ask("POST", f"{BASE}/invocation/next"))[0] == 405
    assert (await client.ask("POST", "/2018-06-01/ping"))[0] == 405
    assert (await client.ask("GET", f"{BASE}/init/error"))[0] == 405
    await client.close()


async def test_before_the_first_event_there_is_nothing_to_respond_to(harness: Harness) -> None:
    client = await Client.connect(harness)
    message = "State transition from Started to InvocationResponse failed for runtime."
    assert await client.post("response", b"1") == (
        403,
        error("InvalidStateTransition", f"{message} Error: State transition is not allowed"),
    )
    await client.close()


async def test_a_response_over_the_limit(harness: Harness) -> None:
    client, answer = await running(harness)
    assert await client.post("response", b"x" * (MAX_PAYLOAD_BYTES + 70_000)) == (
        413,
        error("RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes)."),
    )
    assert b"Function.ResponseSizeTooLarge" in (await answer).payload
    client.request("GET", f"{BASE}/invocation/next")
    await harness.idle.get()
    await client.close()


async def test_a_payload_of_six_megabytes_to_a_slow_client_that_closes(harness: Harness) -> None:
    client = await Client.connect(harness)
    client.write(f"GET {BASE}/invocation/next HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
    payload = b'"' + b"x" * (MAX_PAYLOAD_BYTES - 2) + b'"'
    await asyncio.sleep(0)
    harness.environment.invoke(invocation(payload))
    assert await client.answer() == (200, payload)
    assert await client.reader.read() == b""
    await client.close()


async def test_chunks_trailers_and_expect(harness: Harness) -> None:
    client, answer = await running(harness)
    body = base64.b64encode(b'{"errorType":"Midway"}').decode()
    head = f"POST {BASE}/invocation/{REQUEST_ID}/response HTTP/1.1\r\nExpect: 100-continue\r\n"
    head += "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.write(head.encode())
    assert (await client.answer())[0] == 100
    rest = (
        f"3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: T\r\nLambda-Runtime-Function-Error-Body: {body}\r\n\r\n"
    )
    for byte in rest.encode():
        client.write(bytes([byte]))
        await client.writer.drain()
    assert await client.answer() == OK
    result = await answer
    assert (result.payload, result.function_error) == (b'{"errorType":"Midway"}', "Unhandled")
    await client.close()


async def test_a_trailer_with_the_type_alone_is_an_error_too(harness: Harness) -> None:
    client, answer = await running(harness)
    head = f"POST {BASE}/invocation/{REQUEST_ID}/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    head += "Lambda-Runtime-Function-Response-Mode: streaming\r\n\r\n"
    client.write(head.encode() + b"3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: Own.Type\r\n\r\n")
    assert await client.answer() == OK
    result = await answer
    assert (json.loads(result.payload), result.function_error) == ({"errorType": "Own.Type"}, "Unhandled")
    await client.close()


async def test_a_stream_is_collected(harness: Harness) -> None:
    client, answer = await running(harness)
    head = f"POST {BASE}/invocation/{REQUEST_ID}/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    head += "Lambda-Runtime-Function-Response-Mode: streaming\r\n\r\n"
    client.write(head.encode() + b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
    assert await client.answer() == OK
    assert (await answer).payload == b"abcdef"
    await client.close()


async def test_trailers_of_one_who_has_not_said_that_it_streams_are_not_read(harness: Harness) -> None:
    """Source: AWS's Runtime Interface Emulator, core/directinvoke/directinvoke.go, sendPayloadLimitedResponse."""
    client, answer = await running(harness)
    head = f"POST {BASE}/invocation/{REQUEST_ID}/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.write(head.encode() + b"3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: T\r\n\r\n")
    assert await client.answer() == OK
    result = await answer
    assert (result.payload, result.function_error) == (b"abc", None)
    await client.close()


async def test_an_unknown_response_mode_is_the_callers_error(harness: Harness) -> None:
    client, answer = await running(harness)
    status, body = await client.post("response", b"1", Lambda_Runtime_Function_Response_Mode="Streaming")
    assert (status, json.loads(body)["errorType"]) == (400, "InvalidFunctionResponseMode")
    assert json.loads((await answer).payload)["errorType"] == "Runtime.InvalidResponseModeHeader"
    await client.close()


async def test_a_truncated_stream_is_the_callers_error(harness: Harness) -> None:
    client, answer = await running(harness)
    head = f"POST {BASE}/invocation/{REQUEST_ID}/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    client.write(f"{head}Lambda-Runtime-Function-Response-Mode: streaming\r\n\r\n3\r\nabc\r\n".encode())
    client.writer.write_eof()
    assert await client.answer() == (
        400,
        error("TruncatedHTTPRequest", "HTTP request detected as truncated"),
    )
    assert json.loads((await answer).payload)["errorType"] == "Runtime.TruncatedResponse"
    await client.close()


async def test_a_truncated_buffered_response_can_be_sent_again(harness: Harness) -> None:
    client, answer = await running(harness)
    client.write(f"POST {BASE}/invocation/{REQUEST_ID}/response HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc".encode())
    client.writer.write_eof()
    assert (await client.answer())[0] == 400
    again = await Client.connect(harness)
    assert await again.post("response", b"1") == OK
    assert (await answer).payload == b"1"
    await client.close()
    await again.close()


async def test_a_header_of_a_megabyte_is_allowed(harness: Harness) -> None:
    client, answer = await running(harness)
    cause = "x" * (1 << 20)
    assert await client.post("error", b"{}", Lambda_Runtime_Function_XRay_Error_Cause=cause) == OK
    await answer
    await client.close()


async def test_requests_sent_ahead_are_answered_in_order(harness: Harness) -> None:
    client, answer = await running(harness)
    client.request("POST", f"{BASE}/invocation/{REQUEST_ID}/response", b"1")
    client.request("GET", f"{BASE}/invocation/next")
    client.request("GET", "/2018-06-01/ping")
    assert await client.answer() == OK
    await answer
    await harness.idle.get()
    harness.environment.invoke(invocation(b"2"))
    assert await client.answer() == (200, b"2")
    assert await client.answer() == (200, b"pong")
    await client.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * (5 << 20),
        b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n" * 40,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA: " + b"x" * (26 << 20),
    ],
)
async def test_hostile_bytes_end_their_connection_only(harness: Harness, data: bytes) -> None:
    hostile = await Client.connect(harness)
    hostile.write(data)
    with contextlib.suppress(OSError):
        await hostile.reader.read()
    await hostile.close()
    client, answer = await running(harness)
    assert await client.post("response", b"1") == OK
    await answer
    await client.close()
    assert harness.environment._api._held_bytes <= 4096


async def test_connections_are_bounded(harness: Harness) -> None:
    clients = [await Client.connect(harness) for _ in range(MAX_CONNECTIONS)]
    for client in clients:
        assert (await client.ask("GET", "/2018-06-01/ping"))[0] == 200
    refused = await Client.connect(harness)
    assert await refused.reader.read() == b""
    for client in [*clients, refused]:
        await client.close()


async def test_a_waiter_that_goes_away_loses_nothing(harness: Harness) -> None:
    gone = await Client.connect(harness)
    gone.request("GET", f"{BASE}/invocation/next")
    while harness.environment.state is not State.READY:
        await asyncio.sleep(0)
    await gone.close()
    while harness.environment._api._connections:
        await asyncio.sleep(0)
    client, answer = await running(harness)
    assert await client.post("response", b"1") == OK
    await answer
    await client.close()


async def test_the_first_request_for_an_event_decides_the_codec(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    harness.invoke()
    await runtime.receive_invoke()
    client = await Client.connect(harness)
    assert (await client.ask("GET", f"{BASE}/invocation/next"))[0] == 403
    assert (await client.post("response", b'"forged"'))[0] == 403
    await runtime.respond(b"1")
    await harness.idle.get()
    await client.close()


async def test_an_init_error_over_http_has_its_type_in_the_log(harness: Harness) -> None:
    answer = harness.invoke()
    body = b'{"errorMessage":"m","errorType":"Exception","requestId":"","stackTrace":[]}'
    for _ in range(2):
        await harness.runtime()
        client = await Client.connect(harness)
        kind = {"Lambda_Runtime_Function_Error_Type": "Runtime.ImportModuleError"}
        assert await client.ask("POST", f"{BASE}/init/error", body, **kind) == OK
        assert (await client.ask("GET", f"{BASE}/invocation/next"))[0] == 403
        harness.sandbox.exit(1)
        await client.close()
        await asyncio.sleep(0)
    assert (await answer).payload == body
    assert harness.logs.text.count("Error Type: Runtime.ImportModuleError") == 3


HANDLER = """
import os
def handler(event, context):
    print("handling", event)
    if event == "fail":
        raise ValueError("bad")
    if event == "large":
        return "x" * 6291556
    return {"event": event, "id": context.aws_request_id, "arn": context.invoked_function_arn,
            "left": context.get_remaining_time_in_millis()}
"""


async def test_awss_own_python_client_runs_on_it(make: MakeHarness, tmp_path: Path) -> None:
    """awslambdaric from PyPI, unchanged, as a process of its own."""
    harness = make(timeout_seconds=30)
    (tmp_path / "app.py").write_text(HANDLER)
    host, port = harness.sandbox.runtime_api.getsockname()
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
        "_HANDLER": "app.handler",
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "AWS_LAMBDA_FUNCTION_NAME": "fn",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/fn",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "PYTHONWARNINGS": "ignore",
        "PYTHONUNBUFFERED": "1",
    }
    output = harness.sandbox.generations[0].output
    harness.environment.start()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "awslambdaric", "app.handler", env=environment, cwd=tmp_path, stdout=output, stderr=output
    )
    try:
        result = await harness.invoke(b'{"n": 1}')
        answer = json.loads(result.payload)
        assert answer["event"] == {"n": 1}
        assert answer["id"] == REQUEST_ID
        assert answer["arn"] == ARN
        assert 0 < answer["left"] <= 30_000
        await harness.idle.get()
        result = await harness.invoke(b'"fail"')
        assert result.function_error == "Unhandled"
        assert json.loads(result.payload)["errorType"] == "ValueError"
        await harness.idle.get()
        assert "handling {'n': 1}\n" in harness.logs.messages
        assert "[ERROR] ValueError: bad" in harness.logs.text
        result = await harness.invoke(b'"large"')
        assert b"Function.ResponseSizeTooLarge" in result.payload
        harness.sandbox.exit(await process.wait())
        assert process.returncode == 1
        await harness.idle.get()
        assert harness.logs.text.endswith("\tStatus: error\tError Type: Runtime.ExitError\n")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_same_event_many_times_over_is_at_the_environments_own_expense(harness: Harness) -> None:
    client, answer = await running(harness)
    [connection] = harness.environment._api._connections
    asked = 0
    async with asyncio.timeout(30):
        while connection._stream._pause is None:
            assert await client.next() == b'{"n":1}'
            asked += 1
        assert asked >= 100
        assert await client.post("response", b"1") == OK
        assert (await answer).payload == b"1"
    await client.close()


async def test_a_body_in_crumbs_waits_and_arrives_whole(harness: Harness) -> None:
    client, answer = await running(harness)
    client.write(
        f"POST {BASE}/invocation/{REQUEST_ID}/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    client.write(b"1\r\nx\r\n" * 30_000 + b"0\r\n\r\n")
    [connection] = harness.environment._api._connections
    async with asyncio.timeout(30):
        while connection._stream._pause is None:
            await asyncio.sleep(0)
        assert await client.answer() == OK
        assert (await answer).payload == b"x" * 30_000
    await client.close()
