"""A sandbox without isolation: a socket pair, a pipe and a listener; the test itself plays the runtime."""

import asyncio
import json
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lambent.clock import Clock
from lambent.core.function import FunctionTarget
from lambent.core.invocation import Invocation, InvocationResult
from lambent.core.scope import Scope
from lambent.environments.environment import ExecutionEnvironment
from lambent.sandbox.errors import SandboxFailed
from lambent.wire import frames

REQUEST_ID = "5d2b1c5e-0000-4000-8000-000000000001"
ARN = "arn:aws:lambda:eu-west-1:000000000000:function:fn"


class ExitStatus(NamedTuple):
    code: int | None
    signal: int | None
    out_of_memory: bool


class RuntimeProcess(NamedTuple):
    channel: socket.socket
    output: int


class FakeRuntime:
    """The runtime's ends of one generation, used from the test's own loop."""

    def __init__(self, channel: socket.socket, output: int) -> None:
        self.channel = channel
        self.output = output
        self._received = b""

    async def receive(self) -> tuple[int, bytes]:
        """The next frame from the server."""
        loop = asyncio.get_running_loop()
        while True:
            if len(self._received) >= 8:
                length, frame_type = frames.HEADER.unpack_from(self._received)
                if len(self._received) >= 8 + length:
                    body = self._received[8 : 8 + length]
                    self._received = self._received[8 + length :]
                    return frame_type, body
            data = await loop.sock_recv(self.channel, 1 << 20)
            assert data, "the server closed the channel"
            self._received += data

    async def receive_invoke(self) -> list[bytes]:
        """The fields of the INVOKE frame that must come next, the payload last."""
        frame_type, body = await self.receive()
        assert frame_type == frames.INVOKE
        return body.split(b"\0", 8)

    async def send(self, *messages: tuple[int, bytes]) -> None:
        """Send frames in one write."""
        data = b"".join(frames.HEADER.pack(len(body), frame_type) + body for frame_type, body in messages)
        await asyncio.get_running_loop().sock_sendall(self.channel, data)

    async def next(self) -> None:
        await self.send((frames.NEXT, b""))

    async def respond(self, payload: bytes, request_id: str = REQUEST_ID) -> None:
        """A response and the request for the next event, in one write."""
        await self.send((frames.RESPONSE, response(payload, request_id)), (frames.NEXT, b""))

    def print(self, text: bytes) -> None:
        os.write(self.output, text)

    def close(self) -> None:
        if self.channel.fileno() >= 0:
            self.channel.close()
            os.close(self.output)


class FakeSandbox:
    """Does what the protocol says of a sandbox, and notes what it was told."""

    def __init__(self) -> None:
        self.sandbox_id = "fake"
        self.calls: list[str] = []
        self.memory_mb = 36
        self.restart_fails = False
        self.kill_exits = True
        self.on_freeze: Callable[[], None] = lambda: None
        self.on_exit: Callable[[Any], None] | None = None
        self.runtime_api = socket.create_server(("127.0.0.1", 0))
        self.runtime_api.setblocking(False)
        self.runtimes: asyncio.Queue[FakeRuntime] = asyncio.Queue()
        self.generations: list[FakeRuntime] = []
        self.process = self._open()

    def _open(self) -> RuntimeProcess:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        read, write = os.pipe()
        os.set_blocking(read, False)
        runtime = FakeRuntime(theirs, write)
        self.generations.append(runtime)
        self.runtimes.put_nowait(runtime)
        return RuntimeProcess(ours, read)

    def exit(self, code: int | None = None, signal: int | None = None, *, out_of_memory: bool = False) -> None:
        """The process of the current generation ends."""
        self.generations[-1].close()
        if self.on_exit is not None:
            self.on_exit(ExitStatus(code, signal, out_of_memory))

    def end_init_phase(self) -> None:
        self.calls.append("end_init_phase")

    def kill(self) -> None:
        self.calls.append("kill")
        if self.kill_exits:
            asyncio.get_running_loop().call_soon(self.exit, None, 9)

    async def restart(self) -> RuntimeProcess:
        self.calls.append("restart")
        if self.restart_fails:
            raise SandboxFailed("sandbox fake: init has gone")
        self.process = self._open()
        return self.process

    def freeze(self) -> None:
        self.calls.append("freeze")
        self.on_freeze()

    def thaw(self) -> None:
        self.calls.append("thaw")

    def max_memory_used_mb(self) -> int:
        return self.memory_mb

    async def destroy(self) -> None:
        self.calls.append("destroy")
        self.runtime_api.close()
        for runtime in self.generations:
            runtime.close()


@dataclass
class FakeLogStream:
    events: list[tuple[int, str]] = field(default_factory=list)

    has_room: bool = True

    def write(self, timestamp_ms: int, message: str) -> bool:
        if self.has_room:
            self.events.append((timestamp_ms, message))
        return self.has_room

    def write_platform(self, timestamp_ms: int, messages: Sequence[str]) -> None:
        self.events.extend((timestamp_ms, message) for message in messages)

    @property
    def messages(self) -> list[str]:
        return [message for _, message in self.events]

    @property
    def text(self) -> str:
        return "".join(self.messages)


@dataclass
class Harness:
    """An environment on a fake sandbox, and everything that it said."""

    sandbox: FakeSandbox
    logs: FakeLogStream
    environment: ExecutionEnvironment
    idle: asyncio.Queue[None]
    ended: asyncio.Event

    async def runtime(self) -> FakeRuntime:
        """The next generation's runtime."""
        return await self.sandbox.runtimes.get()

    async def initialised(self) -> FakeRuntime:
        """Start, and bring the runtime to its first request for an event."""
        self.environment.start()
        runtime = await self.runtime()
        frame_type, body = await runtime.receive()
        assert frame_type == frames.INIT
        assert json.loads(body)["handler"] == "app.handler"
        await runtime.next()
        return runtime

    def invoke(self, payload: bytes = b"{}", *, log_tail: bool = False) -> "asyncio.Future[InvocationResult]":
        """Hand an invocation in; the future is its answer."""
        answer: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
        self.environment.invoke(invocation(payload, log_tail=log_tail, on_result=answer.set_result))
        return answer


MakeHarness = Callable[..., Harness]


def invocation(
    payload: bytes = b"{}",
    *,
    request_id: str = REQUEST_ID,
    log_tail: bool = False,
    on_result: Callable[[InvocationResult], None] = lambda _result: None,
    trace_id: str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0",
    client_context: str = "",
    tenant_id: str = "",
) -> Invocation:
    return Invocation(
        request_id, payload, ARN, trace_id, client_context, "", tenant_id, "application/json", log_tail, on_result
    )


def response(payload: bytes, request_id: str = REQUEST_ID) -> bytes:
    """The body of a RESPONSE frame."""
    return request_id.encode() + b"\0application/json\0" + payload


def target(timeout_seconds: int = 3) -> FunctionTarget:
    return FunctionTarget(
        scope=Scope("000000000000", "eu-west-1"),
        function_name="fn",
        version="$LATEST",
        runtime="python3.13",
        handler="app.handler",
        memory_mb=128,
        timeout_seconds=timeout_seconds,
        ephemeral_storage_mb=512,
        environment={},
        role="arn:aws:iam::000000000000:role/r",
        code_sha256="0" * 64,
        log_group="/aws/lambda/fn",
        log_stream_prefix="",
        revision="1",
    )


def make_harness(
    *,
    timeout_seconds: int = 3,
    freeze_after_ms: float = 100,
    clock: Clock | None = None,
    on_idle: Sequence[Callable[[ExecutionEnvironment], None]] = (),
) -> Harness:
    sandbox = FakeSandbox()
    logs = FakeLogStream()
    idle: asyncio.Queue[None] = asyncio.Queue()
    ended = asyncio.Event()

    def report_idle(environment: ExecutionEnvironment) -> None:
        idle.put_nowait(None)
        for also in on_idle:
            also(environment)

    environment = ExecutionEnvironment(
        target=target(timeout_seconds),
        sandbox=sandbox,
        clock=clock or Clock(),
        loop=asyncio.get_running_loop(),
        log_stream=logs,
        init_frame=frames.encode_init(environment={}, handler="app.handler", exec_interpreter=False),
        on_idle=report_idle,
        on_ended=lambda _environment: ended.set(),
        freeze_after_ms=freeze_after_ms,
    )
    return Harness(sandbox, logs, environment, idle, ended)
