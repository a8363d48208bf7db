"""One execution environment: performs on a sandbox what its life cycle decides.

The hot path is synchronous and has no task, lock or await: `invoke` ends in one `send`; the runtime's response and its
request for the next event come in one `recv`, which answers the caller, writes the log lines and reports the free slot.
One timer serves deadline and freezing. It isn't moved with every invocation: when it fires too early, it looks again.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from math import inf
from typing import Any, ClassVar, Final, Protocol

from lambent.clock import Clock
from lambent.core.environment import (
    LifeCycle,
    State,
    Terms,
)
from lambent.core.environment_messages import (
    AnswerCaller,
    BeginInit,
    BeginStream,
    Command,
    DeliverEvent,
    EndEnvironment,
    EndInitPhase,
    EndInvocation,
    ErrorPosted,
    Event,
    Freeze,
    InitRequested,
    InvocationAssigned,
    KillRuntime,
    NextRequested,
    ProcessExited,
    Refuse,
    ReleaseSlot,
    ResponsePosted,
    RestartFailed,
    RestartRuntime,
    RuntimeRequest,
    RuntimeRestarted,
    ShutdownRequested,
    StreamEnded,
    StreamFailed,
    StreamStarted,
    Thaw,
)
from lambent.core.fault import Fault
from lambent.core.function import FunctionTarget
from lambent.core.invocation import Invocation, InvocationResult
from lambent.core.log_format import log_format_of
from lambent.core.loop_share import LoopShare
from lambent.core.report import (
    Crashed,
    InitializationType,
    InitReport,
    InitStart,
    PlatformRecord,
    Report,
    Start,
    TimedOut,
    origin_of,
)
from lambent.environments.log_capture import BUDGET_BYTES, LogCapture, LogStream
from lambent.environments.response_stream import CollectedResponse, ResponseStream, RuntimeStream
from lambent.environments.runtime_api import RuntimeApi
from lambent.environments.runtime_channel import FramesChannel, RuntimeCodec
from lambent.observe.metrics import VersionMetrics
from lambent.sandbox.errors import SandboxFailed
from lambent.wire.frames import LogRecord

_log = logging.getLogger(__name__)

# Reading a cgroup's file costs as much as the rest of a warm invocation. What so short an invocation could add to the
# maximum since the last look is seen by the next.
_MEMORY_FRESH_US: Final = 50_000.0
# A loop's timer may fire a little early.
_MIN_TIMER_SECONDS: Final = 0.001

_NEXT: Final = NextRequested()
_OTHER_CODEC = Refuse(403, "InvalidStateTransition", "The runtime speaks to this environment in another way.")


class ExitStatus(Protocol):
    """How a runtime process ended."""

    @property
    def code(self) -> int | None:
        """The exit code, or None."""

    @property
    def signal(self) -> int | None:
        """The number of the signal that ended it, or None."""

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel ended it at its memory limit."""


class RuntimeProcess(Protocol):
    """One process generation."""

    @property
    def channel(self) -> socket.socket:
        """The server's end of the frames socket, non-blocking; the environment closes it."""

    @property
    def output(self) -> int:
        """The read end of its standard output and error, non-blocking; the environment closes it."""


class EnvironmentSandbox(Protocol):
    """What an environment needs of its sandbox; `lambent.sandbox.Sandbox` is one."""

    sandbox_id: str
    on_exit: Callable[[Any], None] | None
    """Called with an `ExitStatus` when the runtime process of the current generation has ended."""

    @property
    def runtime_api(self) -> socket.socket:
        """Listening inside the sandbox, non-blocking."""

    @property
    def process(self) -> RuntimeProcess:
        """The current generation."""

    def end_init_phase(self) -> None:
        """CPU limits hold from now on."""

    def kill(self) -> None:
        """SIGKILL to every process of the generation; `on_exit` follows."""

    async def restart(self) -> RuntimeProcess:
        """Start the next generation; raises SandboxFailed."""

    def freeze(self) -> None:
        """Stop every process where it is."""

    def thaw(self) -> None:
        """Let them go on."""

    def max_memory_used_mb(self) -> int:
        """The most memory used so far."""

    async def destroy(self) -> None:
        """End everything, and wait until nothing is left."""


class ExecutionEnvironment:
    """One execution environment of one function version; serves one invocation at a time.

    Everything is called in the event loop's thread.

    Attributes:
        target: the function version that it runs.
    """

    def __init__(
        self,
        *,
        target: FunctionTarget,
        sandbox: EnvironmentSandbox,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log_stream: LogStream,
        init_frame: bytes,
        on_idle: Callable[["ExecutionEnvironment"], None],
        on_ended: Callable[["ExecutionEnvironment"], None],
        metrics: VersionMetrics | None = None,
        freeze_after_ms: float = 100,
        stream_bytes_per_second: int = 0,
        log_budget_bytes: int = BUDGET_BYTES,
        initialization: InitializationType = InitializationType.ON_DEMAND,
    ) -> None:
        """An environment in a sandbox that was made this function's (`specialise`) and now belongs to it.

        Args:
            init_frame: from `wire.frames.encode_init`; every process generation gets it.
            on_idle: an invocation is over and the slot free, or the Init ahead of all of them. May `invoke` at once.
            on_ended: nothing more will come, and the slot is free if it was taken; `wait_closed` for the sandbox's end.
            metrics: where its invocations are counted.
            freeze_after_ms: milliseconds without work before the processes are frozen; infinite for never.
            stream_bytes_per_second: of a streamed response beyond its first 6 MiB; 0 for as fast as can be.
            initialization: provisioned concurrency is initialised ahead, and ended by what resets others.
        """
        self.target = target
        self._sandbox = sandbox
        self._clock = clock
        self._loop = loop
        self._init_frame = init_frame
        self._on_idle = on_idle
        self._on_ended = on_ended
        self._stream_bytes_per_second = stream_bytes_per_second
        self._life = LifeCycle(
            Terms(
                runtime=target.runtime,
                region=target.scope.region,
                version=target.version,
                memory_mb=target.memory_mb,
                timeout_seconds=target.timeout_seconds,
                freeze_after_us=freeze_after_ms * 1000.0,
                initialization=initialization,
            )
        )
        self._metrics = metrics or VersionMetrics()
        self._failed = False  # the answer of the invocation in hand is a function error
        self._share = LoopShare()
        self._logs = LogCapture(
            loop, log_stream, clock, log_format_of(target), self._share, budget_bytes=log_budget_bytes
        )
        self._fresh = initialization is InitializationType.ON_DEMAND
        if self._fresh:
            self._logs.begin_tail()  # the first invocation's log begins with INIT_START
        self._api = RuntimeApi(loop, sandbox.runtime_api, self, self._share)
        self._channel = FramesChannel(loop, sandbox.process.channel, self, self._share)
        self._logs.attach(sandbox.process.output)
        sandbox.on_exit = self._on_exit
        self._codec: RuntimeCodec | None = None
        self._held_answer: tuple[Invocation, InvocationResult] | None = None
        self._stream: ResponseStream | None = None  # the response that has begun and not ended
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_us = inf
        self._now_ms = 0  # of the events in hand
        self._now_us = 0.0
        self._memory_mb = 0
        self._memory_time_us = -inf
        self._restart_task: asyncio.Task[None] | None = None
        self._destroy_task: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """Where it is in its life."""
        return self._life.state

    @property
    def idle(self) -> bool:
        """Whether an invocation can be given to it."""
        return not self._life.slot_taken and self._life.state not in {State.SHUTDOWN, State.ENDED}

    @property
    def ready(self) -> bool:
        """Whether it would serve an invocation at once."""
        return self._life.state in {State.READY, State.FROZEN}

    def start(self) -> None:
        """Begin the Init phase."""
        self._read_clock()
        self._handle(InitRequested())

    def invoke(self, invocation: Invocation) -> None:
        """Serve an invocation: at once, or as soon as Init or a reset is over.

        Raises:
            IllegalTransition: it has one already, or is shutting down.
        """
        if not invocation.log_tail:
            self._logs.drop_tail()
        elif not self._fresh:
            self._logs.begin_tail()
        self._fresh = False
        self._failed = False
        self._read_clock()
        life = self._life
        deadline_ms = life.begin(invocation, now_us=self._now_us, now_ms=self._now_ms)
        if deadline_ms is None:
            self._handle(InvocationAssigned(invocation))
            return
        assert self._codec is not None  # it asked for the event
        origin = origin_of(invocation.trace_id, invocation.tenant_id)
        self._logs.start(self._now_ms, invocation.request_id, self.target.version, origin)
        self._codec.deliver(invocation, deadline_ms)
        if life.due_us < self._timer_due_us:
            self._arm_timer()

    def shutdown(self) -> None:
        """End; an invocation in progress is answered with `environment_lost`. Safe to call twice."""
        self._read_clock()
        self._handle(ShutdownRequested())

    async def wait_closed(self) -> None:
        """After `on_ended`: until nothing is left of the sandbox."""
        if self._destroy_task is not None:
            await self._destroy_task

    # --- what the runtime says: RuntimePeer ---

    def on_request(self, codec: RuntimeCodec, request: RuntimeRequest) -> Refuse | None:
        """A request of the runtime, on either codec; the first request for an event decides which of them it uses."""
        if self._codec is not codec:
            if self._codec is not None:
                return _OTHER_CODEC
            if type(request) is NextRequested:
                self._codec = codec
                refusal = self._handle(request)
                if refusal is not None:
                    self._codec = None
                return refusal
        return self._handle(request)

    def on_completion(self, codec: RuntimeCodec, request_id: str, payload: bytes) -> bool:
        """A response and the request for the next event at once: the same as one after the other, in fewer steps."""
        if codec is not self._codec:
            return False
        self.on_received()
        life = self._life
        invocation = life.respond(request_id, payload, now_us=self._now_us, now_ms=self._now_ms)
        if invocation is None:
            return False
        self._give_answer(invocation, InvocationResult(payload, None, self.target.version))
        report = life.finish(now_us=self._now_us, now_ms=self._now_ms)
        if report is None:
            self._handle(_NEXT)
            return True
        self._close_invocation(report)
        self._on_idle(self)
        if life.due_us < self._timer_due_us:
            self._arm_timer()
        return True

    def on_stream(self, codec: RuntimeCodec, request_id: str, content_type: str) -> RuntimeStream | Refuse:
        """The runtime begins a response that it gives in pieces."""
        if codec is not self._codec:
            return _OTHER_CODEC
        self.on_received()
        invocation = self._life.invocation
        if invocation is None or invocation.stream is None:
            return CollectedResponse(
                lambda payload: self._on_collected(codec, ResponsePosted(request_id, payload)),
                lambda fault: self._on_collected(codec, ErrorPosted(request_id, fault.answer(request_id))),
            )
        refusal = self._handle(StreamStarted(request_id, content_type))
        if refusal is not None:
            return refusal
        self._stream = ResponseStream(
            self._loop, invocation.stream, bytes_per_second=self._stream_bytes_per_second, on_end=self._on_stream_end
        )
        return self._stream

    def _on_collected(self, codec: RuntimeCodec, request: ResponsePosted | ErrorPosted) -> None:
        self.on_received()
        self.on_request(codec, request)

    def _on_stream_end(self, fault: Fault | None) -> None:
        self.on_received()
        self._handle(StreamEnded() if fault is None else StreamFailed(fault))

    def on_received(self) -> None:
        """What the processes wrote before their requests stands before what follows from them."""
        self._read_clock()
        self._logs.drain()

    def on_log(self, record: LogRecord) -> None:
        """A log record of the runtime client."""
        self._logs.record(record)

    def on_violation(self, why: str) -> None:
        """The runtime can't be spoken to any more: it is killed, and its end is the invocation's."""
        _log.info("runtime of sandbox %s killed: %s", self._sandbox.sandbox_id, why)
        self._sandbox.kill()

    def _on_exit(self, status: ExitStatus) -> None:
        """The generation has ended: first what it still said, then that it is gone."""
        self._read_clock()
        self._channel.drain()
        self._api.drain()
        self._channel.close()
        self._api.close_connections()
        self._logs.detach()
        self._logs.flush()
        self._codec = None
        self._handle(ProcessExited(status.code, status.signal, status.out_of_memory))

    # --- performing ---

    def _read_clock(self) -> None:
        """Once for all that happened together."""
        clock = self._clock
        self._now_ms = clock.now_ms()
        self._now_us = clock.monotonic() * 1e6

    def _handle(self, event: Event) -> Refuse | None:
        """Hand an event in and do what follows; returns why it was refused, if it was."""
        life = self._life
        perform = self._PERFORM
        refusal = None
        for command in life.handle(event, now_us=self._now_us, now_ms=self._now_ms):
            if type(command) is Refuse:
                refusal = command
            else:
                perform[type(command)](self, command)
        if life.due_us < self._timer_due_us:
            self._arm_timer()
        return refusal

    def _write_record(self, record: PlatformRecord) -> None:
        self._logs.platform(self._now_ms, record)

    def _write_start(self, record: Start) -> None:
        self._logs.start(self._now_ms, record.request_id, record.version, record.origin)

    def _begin_init(self, _command: BeginInit) -> None:
        self._channel.begin_init(self._init_frame)

    def _end_init_phase(self, _command: EndInitPhase) -> None:
        self._sandbox.end_init_phase()

    def _deliver(self, command: DeliverEvent) -> None:
        assert self._codec is not None  # it asked for the event
        if command.again:
            self._codec.deliver_again(command.invocation, command.deadline_ms)
        else:
            self._codec.deliver(command.invocation, command.deadline_ms)

    def _begin_stream(self, command: BeginStream) -> None:
        assert command.invocation.stream is not None
        command.invocation.stream.begin(command.content_type, self.target.version)

    def _answer(self, command: AnswerCaller) -> None:
        self._failed = command.function_error is not None
        version = self.target.version
        result = InvocationResult(command.payload, command.function_error, version, None, command.environment_lost)
        if self._stream is not None:
            stream, self._stream = self._stream, None
            stream.abandon()
            result.streamed = True
        self._give_answer(command.invocation, result)

    def _give_answer(self, invocation: Invocation, result: InvocationResult) -> None:
        if invocation.log_tail:
            self._held_answer = (invocation, result)  # the tail has REPORT in it
        else:
            invocation.on_result(result)

    def _end_invocation(self, command: EndInvocation) -> None:
        self._close_invocation(command.report)

    def _close_invocation(self, report: Report) -> None:
        self._logs.end(self._now_ms, report, self._max_memory_used_mb())
        self._metrics.ended(report, function_error=self._failed)
        if self._held_answer is not None:
            self._release_answer()

    def _release_answer(self) -> None:
        assert self._held_answer is not None
        (invocation, result), self._held_answer = self._held_answer, None
        result.log_tail = self._logs.tail()
        invocation.on_result(result)

    def _max_memory_used_mb(self) -> int:
        if self._now_us - self._memory_time_us > _MEMORY_FRESH_US:
            self._memory_time_us = self._now_us
            self._memory_mb = self._sandbox.max_memory_used_mb()
        return self._memory_mb

    def _release_slot(self, _command: ReleaseSlot) -> None:
        self._on_idle(self)

    def _kill(self, _command: KillRuntime) -> None:
        self._sandbox.kill()

    def _freeze(self, _command: Freeze) -> None:
        self._sandbox.freeze()

    def _thaw(self, _command: Thaw) -> None:
        self._sandbox.thaw()

    def _restart(self, _command: RestartRuntime) -> None:
        name = f"restart {self._sandbox.sandbox_id}"
        self._restart_task = self._loop.create_task(self._restart_runtime(), name=name)

    async def _restart_runtime(self) -> None:
        try:
            process = await self._sandbox.restart()
        except SandboxFailed as error:
            _log.warning("%s", error)
            self._read_clock()
            self._handle(RestartFailed())
            return
        self._channel = FramesChannel(self._loop, process.channel, self, self._share)
        self._logs.attach(process.output)
        self._read_clock()
        self._handle(RuntimeRestarted())

    def _end(self, _command: EndEnvironment) -> None:
        self._sandbox.on_exit = None
        self._api.close()
        self._channel.close()
        self._logs.detach()
        self._logs.flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held_answer is not None:
            self._release_answer()
        if self._restart_task is not None:
            self._restart_task.cancel()
        name = f"destroy {self._sandbox.sandbox_id}"
        self._destroy_task = self._loop.create_task(self._sandbox.destroy(), name=name)
        self._on_ended(self)

    # --- time ---

    def _arm_timer(self) -> None:
        due_us = self._life.due_us
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due_us = due_us
        delay = due_us / 1e6 - self._clock.monotonic()
        self._timer = self._loop.call_later(max(delay, _MIN_TIMER_SECONDS), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._timer_due_us = inf
        life = self._life
        if life.due_us == inf:
            return
        self._read_clock()
        if self._now_us >= life.due_us:
            self._handle(life.due_event)
        else:
            self._arm_timer()

    # One entry for each command but Refuse, which is an answer and not a deed.
    _PERFORM: ClassVar[Mapping[type[Command], Callable[[Any, Any], None]]] = {
        BeginInit: _begin_init,
        EndInitPhase: _end_init_phase,
        DeliverEvent: _deliver,
        BeginStream: _begin_stream,
        AnswerCaller: _answer,
        EndInvocation: _end_invocation,
        ReleaseSlot: _release_slot,
        KillRuntime: _kill,
        RestartRuntime: _restart,
        Freeze: _freeze,
        Thaw: _thaw,
        EndEnvironment: _end,
        Start: _write_start,
        InitStart: _write_record,
        InitReport: _write_record,
        TimedOut: _write_record,
        Crashed: _write_record,
    }
