"""Response streams, from a function's write to its caller's read. Source: invocation.md §1.1, runtime-api.md §2.3."""

import base64
import contextlib
import http.client
import io
import json
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from lambent.core.invocation import MAX_PAYLOAD_BYTES
from tests.lambent_server import ROLE, LambentServer, create_function, wait_until_active, zip_of

pytestmark = pytest.mark.root

# A runtime of its own, in Python, that streams over HTTP as AWS's clients do. The event is a list of what to do.
RUNTIME = """#!/var/lang/bin/python3.13
import base64, json, os, socket, time
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
api = "/2018-06-01/runtime/invocation"

def receive(connection, data=b""):
    while b"\\r\\n\\r\\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise SystemExit("closed")
        data += more
    head, _, body = data.partition(b"\\r\\n\\r\\n")
    lines = head.decode().split("\\r\\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65536)
    return int(lines[0].split()[1]), headers, body

while True:
    connection = socket.create_connection((host, int(port)))
    connection.sendall(f"GET {api}/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode())
    _, headers, event = receive(connection)
    plan = json.loads(event)
    if "body" in plan:
        plan = json.loads(plan["body"])
    connection.sendall((
        f"POST {api}/{headers['lambda-runtime-aws-request-id']}/response HTTP/1.1\\r\\nHost: x\\r\\n"
        "Lambda-Runtime-Function-Response-Mode: streaming\\r\\nTransfer-Encoding: chunked\\r\\n"
        f"Content-Type: {plan.get('type', 'text/plain')}\\r\\n"
        "Trailer: Lambda-Runtime-Function-Error-Type\\r\\nTrailer: Lambda-Runtime-Function-Error-Body\\r\\n\\r\\n"
    ).encode())
    trailers = b""
    for step in plan["steps"]:
        if "text" in step:
            piece = step["text"].encode() * step.get("times", 1)
            connection.sendall(b"%x\\r\\n%b\\r\\n" % (len(piece), piece))
        elif "sleep" in step:
            time.sleep(step["sleep"])
        elif "gate" in step:
            with socket.create_connection(("127.0.0.1", step["gate"])) as gate:
                gate.recv(1)
        elif "fail" in step:
            error = base64.b64encode(json.dumps({"errorType": step["fail"], "errorMessage": "mid"}).encode()).decode()
            trailers = (
                f"Lambda-Runtime-Function-Error-Type: {step['fail']}\\r\\n"
                f"Lambda-Runtime-Function-Error-Body: {error}\\r\\n"
            ).encode()
        elif "close" in step:
            break
        elif "exit" in step:
            os._exit(3)
    else:
        connection.sendall(b"0\\r\\n" + trailers + b"\\r\\n")
        status, _, _ = receive(connection)
        print("status", status)
    connection.close()
"""
NODE = """
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.status) {
    stream = awslambda.HttpResponseStream.from(stream, { statusCode: event.status, headers: { "x-own": "1" }, cookies: ["a=b"] });
  }
  for (const text of event.texts ?? ["one", "two"]) {
    stream.write(text.repeat(event.times ?? 1));
  }
  if (event.fail) {
    throw new RangeError("mid");
  }
  stream.end();
});
"""


def create_http_stream(client: Any, name: str, **settings: Any) -> str:
    """Create a function with a runtime that streams over HTTP."""
    program = zipfile.ZipInfo("run")
    program.external_attr = 0o755 << 16
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(program, RUNTIME)
    given = {"Runtime": "python3.13", "Handler": "app.handler", "Role": ROLE, "Timeout": 5, **settings}
    wrapper = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/run"}}
    client.create_function(FunctionName=name, Environment=wrapper, Code={"ZipFile": package.getvalue()}, **given)
    wait_until_active(client, name)
    return name


@pytest.fixture
def http_stream(client: Any) -> str:
    """A function with a runtime that streams over HTTP."""
    return create_http_stream(client, "over-http")


@pytest.fixture
def node_stream(client: Any, lambent: LambentServer) -> str:
    """A function in JavaScript that streams."""
    client.create_function(
        FunctionName="node",
        Runtime="nodejs20.x",
        Handler="index.handler",
        Role=ROLE,
        Timeout=5,
        Code={"ZipFile": zip_of({"index.mjs": NODE})},
    )
    wait_until_active(client, "node")
    return "node"


@pytest.fixture(params=["http", "frames"])
def stream(request: pytest.FixtureRequest) -> str:
    """Each way in which a runtime can stream."""
    return str(request.getfixturevalue("http_stream" if request.param == "http" else "node_stream"))


def invoke(client: Any, name: str, event: object, **more: Any) -> tuple[list[bytes], dict[str, Any]]:
    """The pieces of a response, and what its end says."""
    answer = client.invoke_with_response_stream(FunctionName=name, Payload=json.dumps(event), **more)
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    pieces, complete = [], []
    with contextlib.closing(answer["EventStream"]) as messages:
        for message in messages:
            if "PayloadChunk" in message:
                pieces.append(message["PayloadChunk"]["Payload"])
            else:
                complete.append(message["InvokeComplete"])
    assert len(complete) == 1
    return pieces, complete[0]


def steps(*what: dict[str, object], **more: object) -> dict[str, object]:
    return {"steps": list(what), **more}


def test_what_is_written_arrives(client: Any, stream: str) -> None:
    for _ in range(2):
        plan = steps({"text": "one"}, {"text": "two"}, texts=["one", "two"])
        pieces, complete = invoke(client, stream, plan)
        assert b"".join(pieces) == b"onetwo"
        assert complete == {}


def test_a_piece_arrives_before_the_next_is_made(client: Any, http_stream: str) -> None:
    answer = client.invoke_with_response_stream(
        FunctionName=http_stream, Payload=json.dumps(steps({"text": "one"}, {"sleep": 3}, {"text": "two"}))
    )
    with pytest.raises(ClientError, match="TooManyRequests"):
        _busy(client, http_stream, answer)


def _busy(client: Any, name: str, answer: Any) -> None:
    """The first piece is here while the function still runs: with one execution reserved, another is throttled."""
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with contextlib.closing(answer["EventStream"]) as stream:
        messages = iter(stream)
        assert next(messages)["PayloadChunk"]["Payload"] == b"one"
        try:
            client.invoke(FunctionName=name)
        finally:
            assert next(messages)["PayloadChunk"]["Payload"] == b"two"
            assert next(messages) == {"InvokeComplete": {}}


def test_an_error_in_the_middle_is_told_at_the_end(client: Any, stream: str) -> None:
    plan = steps({"text": "one"}, {"fail": "RangeError"}, texts=["one"], fail=True)
    pieces, complete = invoke(client, stream, plan)
    assert pieces == [b"one"]
    assert complete["ErrorCode"] == "RangeError"
    assert json.loads(complete["ErrorDetails"])["errorMessage"] == "mid"
    assert invoke(client, stream, steps({"text": "again"}, texts=["again"]))[0] == [b"again"]


def test_a_time_out_ends_a_stream(client: Any, http_stream: str) -> None:
    pieces, complete = invoke(client, http_stream, steps({"text": "one"}, {"sleep": 60}))
    assert pieces == [b"one"]
    assert complete["ErrorCode"] == "Sandbox.Timedout"


def test_an_exit_ends_a_stream(client: Any, http_stream: str) -> None:
    pieces, complete = invoke(client, http_stream, steps({"text": "one"}, {"exit": True}))
    assert pieces == [b"one"]
    assert complete["ErrorCode"] == "Runtime.ExitError"
    assert json.loads(complete["ErrorDetails"])["errorMessage"].endswith("exit status 3")


def test_a_connection_that_breaks_off_ends_a_stream(client: Any, http_stream: str) -> None:
    pieces, complete = invoke(client, http_stream, steps({"text": "one"}, {"close": True}))
    assert pieces == [b"one"]
    assert complete["ErrorCode"] == "Runtime.TruncatedResponse"


def test_the_log_is_at_the_end(client: Any, stream: str) -> None:
    _, complete = invoke(client, stream, steps({"text": "one"}), LogType="Tail")
    log = base64.b64decode(complete["LogResult"]).decode()
    assert log.startswith("START RequestId: ") or "INIT_START" in log
    assert "REPORT RequestId: " in log


def test_a_function_that_does_not_stream_comes_in_one_piece(client: Any) -> None:
    create_function(client, "plain", "def handler(event, context):\n    return 1 / event['by']\n")
    assert invoke(client, "plain", {"by": 2}) == ([b"0.5"], {})
    pieces, complete = invoke(client, "plain", {"by": 0})
    assert pieces == []
    assert complete["ErrorCode"] == "ZeroDivisionError"


def test_what_keeps_it_from_running(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke_with_response_stream(FunctionName="nobody")
    create_function(client, "plain", "def handler(event, context):\n    return 1\n")
    client.put_function_concurrency(FunctionName="plain", ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke_with_response_stream(FunctionName="plain")


def test_a_dry_run(client: Any) -> None:
    create_function(client, "plain", "def handler(event, context):\n    return 1\n")
    answer = client.invoke_with_response_stream(FunctionName="plain", InvocationType="DryRun")
    answer["EventStream"].close()
    assert answer["StatusCode"] == 204


def test_a_stream_that_is_wanted_whole_is_collected(client: Any, stream: str) -> None:
    plan = steps({"text": "one"}, {"text": "two"}, texts=["one", "two"])
    assert client.invoke(FunctionName=stream, Payload=json.dumps(plan))["Payload"].read() == b"onetwo"
    plan = steps({"text": "one"}, {"fail": "RangeError"}, texts=["one"], fail=True)
    answer = client.invoke(FunctionName=stream, Payload=json.dumps(plan))
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "RangeError"


def test_a_collected_stream_has_the_limit_of_every_response(client: Any, node_stream: str) -> None:
    event = {"texts": ["x" * 1_000_000] * 3, "times": 3}
    answer = client.invoke(FunctionName=node_stream, Payload=json.dumps(event))
    assert json.loads(answer["Payload"].read())["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_long_stream_is_whole(client: Any, http_stream: str) -> None:
    """Longer than what a response may have that isn't streamed."""
    plan = steps(*[{"text": "0123456789", "times": 60_000}] * 14)
    pieces, complete = invoke(client, http_stream, plan)
    assert complete == {}
    received = b"".join(pieces)
    assert len(received) == 8_400_000 > MAX_PAYLOAD_BYTES
    assert received == b"0123456789" * 840_000


def test_a_caller_that_leaves_changes_nothing_for_the_function(
    lambent: LambentServer, client: Any, account: str, http_stream: str
) -> None:
    """It runs to its end, and its environment serves the next caller."""
    answer = client.invoke_with_response_stream(
        FunctionName=http_stream, Payload=json.dumps(steps({"text": "one"}, {"sleep": 0.2}, {"text": "two"}))
    )
    answer["EventStream"].close()
    assert invoke(client, http_stream, steps({"text": "next"}))[0] == [b"next"]


def test_a_reader_with_little_room_gets_all_of_it(lambent: LambentServer, client: Any, http_stream: str) -> None:
    """5 MB don't fit into the sockets on the way; who doesn't read at all: test_slow_readers.py."""
    url = client.create_function_url_config(FunctionName=http_stream, AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    body = json.dumps(steps(*[{"text": "x" * 1000, "times": 1000}] * 5)).encode()
    headers = {"Host": urlsplit(url["FunctionUrl"]).netloc, "Content-Type": "text/plain"}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", lambent.port, timeout=30)) as connection:
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.request("POST", "/", body, headers)
        assert connection.getresponse().read() == b"x" * 5_000_000


Calls = Callable[..., http.client.HTTPResponse]


@pytest.fixture
def call_url(lambent: LambentServer, client: Any) -> Iterator[Calls]:
    connections = []

    def call(name: str, event: object, *, mode: str = "RESPONSE_STREAM") -> http.client.HTTPResponse:
        config = client.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode=mode)
        connection = http.client.HTTPConnection("127.0.0.1", lambent.port, timeout=30)
        connections.append(connection)
        host = urlsplit(config["FunctionUrl"]).netloc
        connection.request("POST", "/", json.dumps(event), {"Host": host, "Content-Type": "application/json"})
        return connection.getresponse()

    yield call
    for connection in connections:
        connection.close()


URL_NODE = NODE.replace("async (event, stream)", "async (request, stream)").replace(
    "  if (event.status)", "  const event = JSON.parse(request.body);\n  if (event.status)"
)


@pytest.fixture
def web(client: Any) -> str:
    client.create_function(
        FunctionName="web",
        Runtime="nodejs20.x",
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": zip_of({"index.mjs": URL_NODE})},
    )
    wait_until_active(client, "web")
    return "web"


@pytest.mark.parametrize("mode", ["RESPONSE_STREAM", "BUFFERED"])
def test_a_url_takes_the_prelude_apart(web: str, call_url: Calls, mode: str) -> None:
    answer = call_url(web, {"status": 201}, mode=mode)
    assert answer.status == 201
    assert answer.headers["x-own"] == "1"
    assert answer.headers["set-cookie"] == "a=b"
    assert answer.read() == b"onetwo"
    assert (answer.headers.get("transfer-encoding") == "chunked") is (mode == "RESPONSE_STREAM")


def test_a_url_without_a_prelude(web: str, call_url: Calls) -> None:
    answer = call_url(web, {})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/octet-stream")
    assert answer.read() == b"onetwo"


def test_a_url_is_cut_when_the_stream_breaks_off(web: str, call_url: Calls) -> None:
    answer = call_url(web, {"fail": True})
    assert answer.status == 200
    with answer, pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        answer.read()


def test_a_streaming_url_of_a_function_that_does_not_stream(client: Any, call_url: Calls) -> None:
    create_function(client, "plain", "def handler(event, context):\n    return {'statusCode': 418, 'body': 'tea'}\n")
    answer = call_url("plain", {})
    assert (answer.status, answer.read()) == (418, b"tea")


def test_many_streams_at_once(client: Any, http_stream: str) -> None:
    """Each caller has its own pieces."""
    received: dict[int, bytes] = {}

    def run(number: int) -> None:
        plan = steps(*[{"text": f"{number};", "times": 2000}] * 20)
        received[number] = b"".join(invoke(client, http_stream, plan)[0])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert received == {number: f"{number};".encode() * 40_000 for number in range(8)}
