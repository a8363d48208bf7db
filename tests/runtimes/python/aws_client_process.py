"""AWS's own client, awslambdaric, as a process, with a scratch Runtime API in the test.

Offers what `runtime_process.RuntimeProcess` offers, in the same words, so that one scenario runs on both.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import Self

from tests.runtimes.python.runtime_process import (
    ARN,
    CLOCK,
    ERROR,
    INIT_ERROR,
    NEXT,
    REQUEST_ID,
    RESPONSE,
    TRACE_ID,
    Answer,
    Log,
)

_SECONDS = 20.0
EXITED = -1


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: Queue[tuple[dict[str, str], bytes]] = Queue()
        self.answers: Queue[Answer] = Queue()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # headers and body in one segment, or the client waits for a delayed acknowledgement
    server: _Server

    def do_GET(self) -> None:
        """next."""
        self.server.answers.put(Answer(NEXT, [], b""))
        headers, body = self.server.events.get()
        self._reply(200, headers, body)

    def do_POST(self) -> None:
        """response, error and init/error."""
        payload = self.rfile.read(int(self.headers["Content-Length"]))
        parts = self.path.split("/")
        error_type = self.headers.get("Lambda-Runtime-Function-Error-Type", "")
        if self.path.endswith("/init/error"):
            answer = Answer(INIT_ERROR, [error_type], payload)
        elif parts[-1] == "response":
            answer = Answer(RESPONSE, [parts[-2], self.headers["Content-Type"]], payload)
        else:
            answer = Answer(ERROR, [parts[-2], error_type], payload)
        self.server.answers.put(answer)
        self._reply(202, {"Content-Type": "application/json"}, b'{"status":"OK"}\n')

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class AwsClientProcess:
    """One awslambdaric process, under the interpreter of the test."""

    def __init__(self, task_root: Path) -> None:
        self._task_root = task_root
        self._server = _Server()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self._process: subprocess.Popen[bytes] | None = None
        self._printed, self._printed_end = os.pipe()
        self._framed, self._framed_end = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(_SECONDS)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for fd in (self._printed, self._printed_end, self._framed, self._framed_end):
            os.close(fd)

    def initialise(self, handler: str = "app.handler", *, environment: dict[str, str] | None = None) -> Answer:
        variables = {
            "_HANDLER": handler,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
            "AWS_LAMBDA_FUNCTION_NAME": "fn",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/fn",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2024/05/01/[$LATEST]8f50",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "_LAMBDA_TELEMETRY_LOG_FD": str(self._framed_end),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry.endswith("-packages")),
            "TZ": ":UTC",
        } | (environment or {})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", handler],
            cwd=self._task_root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=self._printed_end,
            stderr=self._printed_end,
            pass_fds=[self._framed_end],
        )
        return self._answer()

    def invoke(
        self,
        event: bytes,
        *,
        content_type: str = "application/json",
        client_context: str = "",
        cognito_identity: str = "",
        tenant_id: str = "",
        trace_id: str = TRACE_ID,
    ) -> Answer:
        headers = {
            "Lambda-Runtime-Aws-Request-Id": REQUEST_ID,
            "Lambda-Runtime-Deadline-Ms": str(CLOCK.now_ms() + 3000),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": trace_id,
            "Lambda-Runtime-Client-Context": client_context,
            "Lambda-Runtime-Cognito-Identity": cognito_identity,
            "Lambda-Runtime-Aws-Tenant-Id": tenant_id,
            "Content-Type": content_type,
        }
        self._server.events.put(({name: value for name, value in headers.items() if value}, event))
        answer = self._answer()
        if answer.kind != EXITED:
            assert self._server.answers.get(timeout=_SECONDS).kind == NEXT
        return answer

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait(_SECONDS)

    def _answer(self) -> Answer:
        watch = threading.Thread(target=self._tell_exit)
        watch.start()
        answer = self._server.answers.get(timeout=_SECONDS)
        answer.logs += self._logs()
        return answer

    def _tell_exit(self) -> None:
        assert self._process is not None
        self._process.wait()
        self._server.answers.put(Answer(EXITED, [], b""))

    def _logs(self) -> list[Log]:
        """Printed text first, then records: the order between the two pipes is not known."""
        logs = []
        printed = _drain(self._printed)
        if printed:
            logs.append(Log(0, 0, printed.decode()))
        framed = _drain(self._framed)
        while framed:
            kind, size, timestamp = struct.unpack_from(">IIQ", framed)
            logs.append(Log(timestamp, kind, framed[16 : 16 + size].decode()))
            framed = framed[16 + size :]
        return logs


def _drain(pipe: int) -> bytes:
    """What has been written already: the client writes before it answers."""
    os.set_blocking(pipe, False)
    data = b""
    try:
        while part := os.read(pipe, 65536):
            data += part
    except BlockingIOError:
        pass
    return data
