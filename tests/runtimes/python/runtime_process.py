"""A runtime process without a sandbox: the server's side of frames socket and log pipe, in the test."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import lambent.runtimes.python
from lambent.clock import Clock

CLOCK = Clock()
CLIENT_ROOT = Path(lambent.runtimes.python.__file__).parent / "client"

INIT, INVOKE, CREDIT = 0x01, 0x02, 0x03
NEXT, RESPONSE, ERROR, INIT_ERROR, LOG = 0x10, 0x11, 0x12, 0x13, 0x14
STREAM_START, CHUNK, STREAM_END, STREAM_ERROR = 0x15, 0x16, 0x17, 0x18
TEXT_FRAME, ERROR_TEXT_FRAME = 0xA55A0003, 0xA55A0017

REQUEST_ID = "c5e5b4b8-1111-4222-8333-444455556666"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:fn"
TRACE_ID = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
_SECONDS = 20.0

# Stands for zygote and init: the client preloaded, then descriptor 3 the frames socket.
_START = """
import os, sys
client, fd, task, layers, script = sys.argv[1:]
sys.path.insert(0, client)
from lambent_runtime import runtime
runtime.preload()
os.dup2(int(fd), 3, inheritable=False)
os.close(int(fd))
runtime.main(3, runtime.Layout(task, layers, client, sys.executable, script))
"""

# Stands for bootstrap.py, with other places than the sandbox's.
_BOOTSTRAP = """
import sys
if __name__ == "__main__":
    sys.path.insert(0, {places[2]!r})
    from lambent_runtime import bootstrap, runtime
    bootstrap.main(runtime.Layout(*{places}, sys.executable, __file__))
"""


@dataclass
class Log:
    """One LOG frame."""

    timestamp_us: int
    frame_type: int
    text: str


@dataclass
class Answer:
    """What the runtime sent from INVOKE (or INIT) up to and including its answer."""

    kind: int
    fields: list[str]
    payload: bytes
    logs: list[Log] = field(default_factory=list)

    @property
    def json(self) -> object:
        return json.loads(self.payload)

    @property
    def document(self) -> dict[str, object]:
        """The error document of an ERROR or INIT_ERROR."""
        document = self.json
        assert isinstance(document, dict)
        return document

    @property
    def printed(self) -> str:
        """What went to stdout and stderr by frames."""
        return "".join(log.text for log in self.logs if log.frame_type == 0)

    @property
    def records(self) -> list[Log]:
        """Log records: what isn't plain output."""
        return [log for log in self.logs if log.frame_type]


class RuntimeProcess:
    """One runtime process; used as a context manager, which ends it."""

    def __init__(self, python: Path, task_root: Path, layers_root: Path) -> None:
        ours, theirs = socket.socketpair()
        pipe_read, pipe_write = os.pipe()
        self.task_root = task_root
        self.script = task_root.parent / "bootstrap.py"
        places = [str(task_root), str(layers_root), str(CLIENT_ROOT)]
        self.script.write_text(_BOOTSTRAP.format(places=places))
        self.channel = ours
        self.channel.settimeout(_SECONDS)
        self.pipe = pipe_read
        self._buffer = b""
        places = [str(task_root), str(layers_root), str(self.script)]
        command = [str(python), "-c", _START, str(CLIENT_ROOT), str(theirs.fileno()), *places]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=pipe_write,
            stderr=pipe_write,
            pass_fds=[theirs.fileno()],
            env={"PATH": os.environ["PATH"], "LEFT_BEHIND": "by the zygote"},
        )
        theirs.close()
        os.close(pipe_write)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait(_SECONDS)
        os.close(self.pipe)

    def send(self, kind: int, body: bytes) -> None:
        self.channel.sendall(struct.pack(">IB3x", len(body), kind) + body)

    def receive(self) -> tuple[int, bytes]:
        while len(self._buffer) < 8:
            self._read()
        size, kind = struct.unpack_from(">IB", self._buffer)
        while len(self._buffer) < 8 + size:
            self._read()
        body = self._buffer[8 : 8 + size]
        self._buffer = self._buffer[8 + size :]
        return kind, body

    def _read(self) -> None:
        data = self.channel.recv(1 << 20)
        if not data:
            raise EOFError(f"the runtime ended: {self.wait()}, {self.rest_of_pipe()}")
        self._buffer += data

    def initialise(
        self, handler: str = "app.handler", *, execute: bool = False, environment: dict[str, str] | None = None
    ) -> Answer:
        """Send INIT; what comes until the first NEXT or INIT_ERROR."""
        self.send_init(handler, execute=execute, environment=environment)
        return self._answer()

    def send_init(
        self, handler: str = "app.handler", *, execute: bool = False, environment: dict[str, str] | None = None
    ) -> None:
        variables = {
            "_HANDLER": handler,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
            "AWS_LAMBDA_FUNCTION_NAME": "fn",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/fn",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2024/05/01/[$LATEST]8f50",
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CLIENT_ROOT),
            "TZ": ":UTC",
        } | (environment or {})
        message = {"env": variables, "handler": handler, "exec": execute, "initialization_type": "on-demand"}
        self.send(INIT, json.dumps(message).encode())

    def invoke(
        self,
        event: object = None,
        *,
        raw: bytes | None = None,
        content_type: str = "application/json",
        client_context: str = "",
        cognito_identity: str = "",
        tenant_id: str = "",
        trace_id: str = TRACE_ID,
        request_id: str = REQUEST_ID,
    ) -> Answer:
        """Send INVOKE; what comes up to the answer, which NEXT has to follow."""
        deadline = str(CLOCK.now_ms() + 3000)
        fields = [request_id, deadline, ARN, trace_id, client_context, cognito_identity, tenant_id, content_type]
        payload = json.dumps(event).encode() if raw is None else raw
        self.send(INVOKE, b"".join(value.encode() + b"\0" for value in fields) + payload)
        answer = self._answer()
        assert answer.kind in {RESPONSE, ERROR}
        assert self.receive() == (NEXT, b"")
        return answer

    def send_event(self, event: bytes) -> None:
        """Send INVOKE to a function that won't answer."""
        fields = [REQUEST_ID, "9999999999999", ARN, "", "", "", "", "application/json"]
        self.send(INVOKE, b"".join(value.encode() + b"\0" for value in fields) + event)

    def _answer(self) -> Answer:
        logs = []
        while True:
            kind, body = self.receive()
            if kind == LOG:
                timestamp, frame_type = struct.unpack_from(">QI", body)
                logs.append(Log(timestamp, frame_type, body[12:].decode("utf-8", "surrogateescape")))
                continue
            names = {RESPONSE: 2, ERROR: 2, INIT_ERROR: 1, NEXT: 0}[kind]
            *fields, payload = body.split(b"\0", names)
            return Answer(kind, [value.decode() for value in fields], payload, logs)

    def remaining_logs(self) -> list[Log]:
        """LOG frames that came before the runtime ended."""
        logs = []
        try:
            while True:
                kind, body = self.receive()
                assert kind == LOG, kind
                timestamp, frame_type = struct.unpack_from(">QI", body)
                logs.append(Log(timestamp, frame_type, body[12:].decode()))
        except (EOFError, ConnectionResetError):
            return logs

    def wait(self) -> int:
        return self.process.wait(_SECONDS)

    def read_pipe(self, until: str) -> str:
        """What came through stdout and stderr, up to a text that it must contain."""
        data = b""
        while until.encode() not in data:
            ready, _, _ = select.select([self.pipe], [], [], _SECONDS)
            assert ready, f"only {data!r} came"
            part = os.read(self.pipe, 65536)
            assert part, f"only {data!r} came"
            data += part
        return data.decode()

    def rest_of_pipe(self) -> str:
        """Everything from the pipe of a runtime that has ended."""
        data = b""
        while part := os.read(self.pipe, 65536):
            data += part
        return data.decode()
