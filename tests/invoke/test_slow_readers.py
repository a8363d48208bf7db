"""Who reads slowly, or not at all, makes the function wait: what isn't taken is collected nowhere."""

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.invoke.caller import Caller
from tests.invoke.logs import lines_of, wait_for
from tests.invoke.test_layers import NODE
from tests.invoke.test_streams import create_http_stream, steps
from tests.lambent_server import ROLE, LambentServer, wait_until_active, zip_of

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(NODE is None, reason="this machine has no Node.js that functions can have"),
]

MEGABYTES = 40
READERS = 6
WRITER = """
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  if (!event.body) return stream.end();
  for (let i = 0; i < 40; i += 1) {
    if (!stream.write(Buffer.alloc(1_000_000))) await new Promise((drained) => stream.once('drain', drained));
  }
  stream.end();
});
"""


@pytest.fixture(scope="module")
def unthrottled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambentServer]:
    """A server on which only its reader makes a stream slow."""
    server = LambentServer(tmp_path_factory.mktemp("unthrottled") / "data", flags=["--stream-bytes-per-second", "0"])
    server.start()
    yield server
    assert server.stop() == 0
    assert server.leftovers() == []
    assert "Traceback" not in server.said()


def create_node_stream(client: Any, name: str, **settings: Any) -> None:
    package = zip_of({"index.mjs": WRITER})
    given = {"Runtime": NODE, "Handler": "index.handler", "Role": ROLE, **settings}
    client.create_function(FunctionName=name, Code={"ZipFile": package}, **given)
    wait_until_active(client, name)


def memory_mb(server: LambentServer) -> int:
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def ask(server: LambentServer, host: str, body: bytes) -> socket.socket:
    """Ask for a stream, and read nothing of it."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    reader.settimeout(60)
    reader.connect(("127.0.0.1", server.port))
    head = f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    reader.sendall(head.encode() + body)
    return reader


def rest(reader: socket.socket) -> bytes:
    """What is left for a reader after its stream has ended."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := reader.recv(1_000_000):
            received += piece
    return received


@pytest.mark.parametrize("runtime", ["node", "http"])
def test_a_function_waits_for_readers_that_do_not_read(unthrottled: LambentServer, runtime: str) -> None:
    """Its time passes meanwhile: what a reader finds then is a few hundred kilobytes of 40 MB."""
    client = unthrottled.client()
    settings = {"Timeout": 5, "MemorySize": 256}
    if runtime == "node":
        create_node_stream(client, runtime, **settings)
    else:
        create_http_stream(client, runtime, **settings)
    config = client.create_function_url_config(FunctionName=runtime, AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    host = urlsplit(config["FunctionUrl"]).netloc
    before = memory_mb(unthrottled)
    body = json.dumps(steps(*[{"text": "x" * 1000, "times": 1000}] * MEGABYTES)).encode()
    readers = [ask(unthrottled, host, body) for _ in range(READERS)]
    most = before
    caller = Caller(unthrottled.port, "000000000000")

    def all_ended() -> bool:
        nonlocal most
        most = max(most, memory_mb(unthrottled))
        return len(lines_of(unthrottled, caller, runtime, beginning="REPORT RequestId: ")) >= READERS

    wait_for(all_ended, seconds=60)
    reports = lines_of(unthrottled, caller, runtime, beginning="REPORT RequestId: ")
    assert all("Status: timeout" in report for report in reports)
    for reader in readers:
        received = rest(reader)
        assert received.startswith(b"HTTP/1.1 200")
        assert len(received) < 2_000_000
        assert not received.endswith(b"0\r\n\r\n")
        reader.close()
    assert most - before < 60, "MB that 240 MB of streams took"
