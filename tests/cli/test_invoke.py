"""`lambent invoke` against a server that records what it is sent."""

import base64
import io
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lambent.cli import main

_TAIL = base64.b64encode(b"START\nhello\nREPORT\n").decode()


class _Server(ThreadingHTTPServer):
    requests: list[tuple[str, dict[str, str], bytes]]
    answer: tuple[int, dict[str, str], bytes]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, body))
        status, answer_headers, answer = self.server.answer
        self.send_response(status)
        for name, value in (answer_headers | {"Content-Length": str(len(answer))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        """Stay quiet."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    monkeypatch.chdir(tmp_path)
    for variable in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
    ):
        monkeypatch.delenv(variable, raising=False)
    with _Server(("127.0.0.1", 0), _Handler) as started:
        started.requests = []
        started.answer = (200, {"X-Amz-Executed-Version": "$LATEST"}, b'{"ok": true}')
        monkeypatch.setenv("LAMBENT_PORT", str(started.server_port))
        thread = threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield started
        started.shutdown()
        thread.join()


def test_the_answer_alone_is_on_standard_output(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invoke", "hello", "--payload", '{"a": 1}']) == 0
    output, error = capsys.readouterr()
    assert output == '{"ok": true}\n'
    assert error.startswith("ok, version $LATEST, ")
    [(path, headers, body)] = server.requests
    assert path == "/2015-03-31/functions/hello/invocations"
    assert body == b'{"a": 1}'
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test/")
    assert "/us-east-1/lambda/aws4_request" in headers["authorization"]


def test_without_a_payload_the_event_is_an_empty_object(server: _Server) -> None:
    main(["invoke", "hello"])
    assert server.requests[0][2] == b"{}"


def test_the_payload_can_be_a_file_or_standard_input(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "event.json").write_bytes(b"[1]")
    main(["invoke", "hello", "--payload", "@event.json"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"[2]")))
    main(["invoke", "hello", "--payload", "-"])
    assert [body for _, _, body in server.requests] == [b"[1]", b"[2]"]


def test_the_end_of_the_log_is_shown_when_asked_for(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = (200, {"X-Amz-Executed-Version": "3", "X-Amz-Log-Result": _TAIL}, b"null")
    assert main(["invoke", "hello", "--tail", "--qualifier", "live"]) == 0
    [(path, headers, _)] = server.requests
    assert path.endswith("/invocations?Qualifier=live")
    assert headers["x-amz-log-type"] == "Tail"
    assert capsys.readouterr().err.startswith("START\nhello\nREPORT\nok, version 3, ")


def test_a_tenant_is_named_when_it_is_given(server: _Server) -> None:
    """Signed like every header."""
    main(["invoke", "hello"])
    main(["invoke", "hello", "--tenant-id", "blue team"])
    [(_, without, _), (_, headers, _)] = server.requests
    assert "x-amz-tenant-id" not in without
    assert headers["x-amz-tenant-id"] == "blue team"
    assert "x-amz-tenant-id" in headers["authorization"]


def test_a_function_error_is_shown_and_is_status_1(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = (200, {"X-Amz-Function-Error": "Unhandled"}, b'{"errorMessage": "no"}')
    assert main(["invoke", "hello"]) == 1
    output, error = capsys.readouterr()
    assert output == '{"errorMessage": "no"}\n'
    assert error.startswith("function error: Unhandled")


def test_a_refusal_is_one_line(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = (404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, b'{"Message": "Function not found: x"}')
    assert main(["invoke", "x"]) == 1
    assert capsys.readouterr().err == "lambent: ResourceNotFoundException: Function not found: x\n"


def test_credentials_and_region_are_those_of_awss_tools(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    main(["invoke", "hello"])
    [(_, headers, _)] = server.requests
    assert "Credential=AKID/" in headers["authorization"]
    assert "/eu-west-1/lambda/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token"


def test_no_server_is_one_line(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invoke", "hello", "--endpoint-url", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == (
        "lambent: no answer from http://127.0.0.1:1 (Connection refused); is `lambent dev` running there?\n"
    )


def test_a_missing_payload_file_is_one_line(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invoke", "hello", "--payload", "@none.json"]) == 2
    assert capsys.readouterr().err == "lambent: --payload: none.json: No such file or directory\n"


def test_an_endpoint_that_is_no_url_is_one_line(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invoke", "hello", "--endpoint-url", "localhost:4566"]) == 2
    assert capsys.readouterr().err.startswith(
        "lambent: --endpoint-url or AWS_ENDPOINT_URL: localhost:4566 is not the address of a server"
    )
