"""What a function can reach, under `lambent dev`: the Runtime API, Lambent, the host's loopback, and no neighbour."""

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lambent_server import LambentServer, create_function
from tests.sandbox.inside import kept, refusal, urllib
from tests.sandbox.probe import Probe

RUNTIME_API = ("127.0.0.1", 9001)


class _Greeting(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the host says hello")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


@pytest.fixture(params=["127.0.0.1", "::1"])
def host_port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port of the host's loopback that something listens on."""
    kind = _Server6 if ":" in request.param else http.server.ThreadingHTTPServer
    with kind((request.param, 0), _Greeting) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()  # type: ignore[no-any-return]


def connect(host: str, port: int) -> str:
    return refusal(lambda: socket.create_connection((host, port), timeout=10).close())


def test_what_listens_on_the_hosts_loopback_is_there_at_the_same_port(probe: Probe, host_port: int) -> None:
    assert probe.run(fetch, f"http://localhost:{host_port}/") == "the host says hello"


def listen_and_fetch(port: int) -> str:
    listener = socket.create_server(("127.0.0.1", port))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(b"my own")
        listener.close()
        return connection.recv(100).decode()


def test_a_port_that_the_function_listens_on_itself_is_its_own(probe: Probe, host_port: int) -> None:
    assert probe.run(listen_and_fetch, host_port) == "my own"


def test_the_runtime_api_listens_inside(probe: Probe) -> None:
    assert probe.run(connect, *RUNTIME_API) == "allowed"


def listeners_of(pid: int) -> set[str]:
    """Inodes of the TCP sockets that a process of the host listens on in the host's own network."""
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    listening = {fields[9]: fields[1] for fields in table if fields[3] == "0A"}
    held = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            held.add(str(link.readlink()))
    return {address for inode, address in listening.items() if f"socket:[{inode}]" in held}


def test_on_the_host_the_server_listens_at_its_one_port_only(lambent: LambentServer, probe: Probe) -> None:
    assert listeners_of(lambent.pid) == {f"0100007F:{lambent.port:04X}"}


def listen_for_good() -> int:
    listener = kept["listener"] = socket.create_server(("0.0.0.0", 0))
    port: int = listener.getsockname()[1]
    return port


def test_no_environment_reaches_a_port_of_another(probe: Probe, neighbour: Probe) -> None:
    port = probe.run(listen_for_good)
    assert probe.run(connect, "127.0.0.1", port) == "allowed"
    assert neighbour.run(connect, "127.0.0.1", port) == "ECONNREFUSED"


def invoke_another(name: str) -> Any:
    import boto3  # noqa: PLC0415  # AWS's SDK, as functions find it inside

    answer = boto3.client("lambda").invoke(FunctionName=name, Payload=b'"hello"')
    return json.loads(answer["Payload"].read())


def test_a_function_invokes_another_with_the_sdk_and_no_settings(client: Any) -> None:
    create_function(client, "echo", "def handler(event, context): return [event, context.invoked_function_arn]")
    event, arn = Probe(client, "caller").run(invoke_another, "echo")
    assert event == "hello"
    assert arn.endswith(":function:echo")
    assert f":{client.list_functions()['Functions'][0]['FunctionArn'].split(':')[4]}:" in arn, "in its own account"
