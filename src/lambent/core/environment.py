"""The life of one execution environment, as a pure machine: events in, commands out, time as an argument.

An environment serves one invocation at a time and outlives its runtime processes. *Init* begins when the environment is
created and ends when every *participant* (today the runtime; later every extension too) has asked for the next event.
An invocation begins when the event is delivered, answers its caller at the response, and ends when every participant
has asked for the next event again; its *slot* is taken, and time is billed, until then.

What goes wrong resets the environment: its runtime is killed, a new generation is started, and `/tmp`, the log stream
and the sandbox stay. A failed invocation frees its slot with its answer: a caller that may have one concurrent
execution and invokes again at once isn't throttled by its own failure, and meets the same environment. What is assigned
during the reset waits for the new generation. That isn't initialised until an invocation wants it: a *suppressed init*,
which is part of that invocation, counts in its Duration and is bounded by the function's timeout. So the invocation
whose environment failed in the Init phase runs Init a second time, and only a second failure is its caller's answer.

An environment of *provisioned concurrency* is initialised ahead of every invocation and given more time for it; when
that is done its slot is free for the first time. It is never reset: what goes wrong ends it, and another takes its
place. Which is why it never serves an invocation that would have to wait for Init.

Every edge of the life cycle is in `TRANSITIONS`; a pair that is not there is refused: towards the runtime with a 403,
towards our own code with `IllegalTransition`.
Source: reference/runtime-api.md sections 3 to 5 (AWS's Runtime Interface Emulator), DESIGN 3.3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Any, ClassVar, Final, NamedTuple

from lambent.core.environment_messages import (
    RUNTIME,
    AnswerCaller,
    BeginInit,
    BeginStream,
    Command,
    DeadlinePassed,
    DeliverEvent,
    EndEnvironment,
    EndInitPhase,
    EndInvocation,
    ErrorPosted,
    Event,
    Freeze,
    IdleElapsed,
    InitErrorPosted,
    InitRequested,
    InvocationAssigned,
    KillRuntime,
    NextRequested,
    ProcessExited,
    Refuse,
    ReleaseSlot,
    ResponsePosted,
    ResponseRejected,
    RestartFailed,
    RestartRuntime,
    RuntimeRestarted,
    ShutdownRequested,
    StreamEnded,
    StreamFailed,
    StreamStarted,
    Thaw,
)
from lambent.core.fault import (
    Fault,
    environment_lost_fault,
    exit_fault,
    response_too_large_fault,
    timeout_fault,
)
from lambent.core.invocation import MAX_PAYLOAD_BYTES, Invocation
from lambent.core.report import (
    Crashed,
    InitializationType,
    InitReport,
    InitStart,
    Phase,
    Report,
    Start,
    Status,
    TimedOut,
    origin_of,
)

INIT_LIMIT_US: Final = 10_000_000.0
"""The Init phase on demand lasts 10 s at most. Source: reference/runtime-api.md section 4."""
PROVISIONED_INIT_LIMIT_US: Final = 130_000_000.0
"""Of provisioned concurrency it lasts 130 s, or as long as the function's timeout. Source: as above."""
PROCESS_LIMIT_US: Final = 5_000_000.0
"""How long the sandbox may take to end or start a process before the environment is given up. Ours."""


class IllegalTransition(Exception):
    """Our own code handed an event to an environment that can't take it: a bug."""


class State(StrEnum):
    """Where an environment is in its life."""

    UNINITIALIZED = "Uninitialized"
    """A runtime process waits; Init hasn't begun."""
    INIT = "Init"
    SUPPRESSED_INIT = "SuppressedInit"
    """Init runs inside an invocation."""
    READY = "Ready"
    FROZEN = "Frozen"
    INVOKING = "Invoking"
    STREAMING = "Streaming"
    """The runtime has begun its response, which goes to the caller as it comes."""
    RESPONSE_SENT = "ResponseSent"
    """The caller has its answer; not every participant has asked for the next event."""
    RESETTING = "Resetting"
    """The runtime is being killed."""
    RESTARTING = "Restarting"
    """The next generation of the runtime is being started."""
    SHUTDOWN = "Shutdown"
    """The runtime is being killed for good."""
    ENDED = "Ended"


_NOTHING: Final[Sequence[Command]] = ()
# The states of a warm invocation: in Python 3.11, looking up an enumeration's member takes longer than a call.
_READY, _INVOKING, _RESPONSE_SENT = State.READY, State.INVOKING, State.RESPONSE_SENT
_ONLY_RUNTIME: Final = frozenset({RUNTIME})
_DEADLINE = DeadlinePassed()
_IDLE = IdleElapsed()
_RELEASE_SLOT = ReleaseSlot()
_INVALID_REQUEST_ID = Refuse(400, "InvalidRequestID", "Invalid request ID")
_TOO_LARGE = Refuse(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes).")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the machine needs to know of its function.

    Attributes:
        freeze_after_us: microseconds without work before the processes are frozen; infinite for never.
    """

    runtime: str
    region: str
    version: str
    memory_mb: int
    timeout_seconds: int
    freeze_after_us: float = 100_000.0
    initialization: InitializationType = InitializationType.ON_DEMAND

    @property
    def init_limit_us(self) -> float:
        """Microseconds that the Init phase may last."""
        if self.initialization is InitializationType.ON_DEMAND:
            return INIT_LIMIT_US
        return max(PROVISIONED_INIT_LIMIT_US, self.timeout_seconds * 1_000_000.0)


class Edge(NamedTuple):
    """One row of the table: what is decided, and the states that it may lead to."""

    decide: Callable[[Any, Any], Sequence[Command]]
    to: tuple[State, ...]


class LifeCycle:
    """One execution environment; it does nothing itself but say what is to be done.

    Attributes:
        state: where it is.
        due_us: when (on the caller's monotonic clock, microseconds) `due_event` shall be handed in; infinite for never.
            May move in both directions with every event.
        due_event: what to hand in then.
    """

    __slots__ = (
        "_assigned_ms",
        "_freeze_after_us",
        "_init_duration_us",
        "_init_error",
        "_init_started_us",
        "_invocation",
        "_last_request_id",
        "_now_ms",
        "_now_us",
        "_outstanding",
        "_participants",
        "_slot_taken",
        "_started_us",
        "_terms",
        "_timeout_ms",
        "_timeout_us",
        "due_event",
        "due_us",
        "state",
    )

    def __init__(self, terms: Terms) -> None:
        self.state = State.UNINITIALIZED
        self.due_us = inf
        self.due_event: DeadlinePassed | IdleElapsed = _DEADLINE
        self._terms = terms
        self._freeze_after_us = terms.freeze_after_us
        self._timeout_ms = terms.timeout_seconds * 1000
        self._timeout_us = terms.timeout_seconds * 1_000_000.0
        self._participants: frozenset[str] = _ONLY_RUNTIME
        self._outstanding: set[str] = set()
        self._slot_taken = False
        self._invocation: Invocation | None = None
        self._last_request_id: str | None = None
        self._init_error: Fault | None = None
        self._init_started_us = 0.0
        self._init_duration_us: float | None = None
        self._started_us = 0.0
        self._assigned_ms = 0
        self._now_us = 0.0
        self._now_ms = 0

    @property
    def _provisioned(self) -> bool:
        return self._terms.initialization is not InitializationType.ON_DEMAND

    @property
    def invocation(self) -> Invocation | None:
        """The one that it has."""
        return self._invocation

    @property
    def slot_taken(self) -> bool:
        """Whether an invocation has this environment; then none can be assigned."""
        return self._slot_taken

    def handle(self, event: Event, *, now_us: float, now_ms: int) -> Sequence[Command]:
        """Take one event.

        Args:
            now_us: monotonic microseconds; differences are durations.
            now_ms: epoch milliseconds.

        Returns:
            what to do, in this order. To a request of the runtime, no `Refuse` among them means yes.

        Raises:
            IllegalTransition: the event is our own code's, and not allowed in this state.
        """
        edge = self.TRANSITIONS[self.state].get(type(event))
        if edge is None:
            return [self._refusal(event)]
        self._now_us = now_us
        self._now_ms = now_ms
        return edge.decide(self, event)

    # --- a warm invocation without its events and commands ---
    #
    # Its three steps make up nearly all that a busy environment does, so each has a short form. It changes the machine
    # exactly as the event would, or returns None and changes nothing: then the event is to be handed in.
    # tests/core/test_environment.py compares the two from every state.

    def begin(self, invocation: Invocation, *, now_us: float, now_ms: int) -> int | None:
        """`InvocationAssigned` in Ready: START and the event are to be delivered; returns the deadline (epoch ms)."""
        if self.state is not _READY:
            return None
        self._now_us = now_us
        self._now_ms = now_ms
        self._slot_taken = True
        self._invocation = invocation
        self._start_clock()
        self._run(invocation)
        return now_ms + self._timeout_ms

    def respond(self, request_id: str, payload: bytes, *, now_us: float, now_ms: int) -> Invocation | None:
        """`ResponsePosted` that is accepted: the invocation whose caller is to be answered with this payload."""
        invocation = self._invocation
        if self.state is not _INVOKING or invocation is None or invocation.request_id != request_id:
            return None
        if len(payload) > MAX_PAYLOAD_BYTES:
            return None
        self._now_us = now_us
        self._now_ms = now_ms
        self.state = _RESPONSE_SENT
        return invocation

    def finish(self, *, now_us: float, now_ms: int) -> Report | None:
        """`NextRequested` of the last participant after the response: END and REPORT, and the slot is free."""
        if self.state is not _RESPONSE_SENT or self._outstanding != _ONLY_RUNTIME:
            return None
        self._now_us = now_us
        self._now_ms = now_ms
        self._outstanding.clear()
        return self._close()

    def _enter(self, state: State, *, due_us: float = inf, due_event: DeadlinePassed | IdleElapsed = _DEADLINE) -> None:
        self.state = state
        self.due_us = due_us
        self.due_event = due_event

    def _refusal(self, event: Event) -> Refuse:
        match event:
            case ResponsePosted() | ErrorPosted() | ResponseRejected() | StreamStarted() if self._is_foreign(
                event.request_id
            ):
                return _INVALID_REQUEST_ID
            case ResponsePosted() | ResponseRejected() | StreamStarted() | StreamEnded() | StreamFailed():
                target = "InvocationResponse"
            case ErrorPosted():
                target = "InvocationErrorResponse"
            case InitErrorPosted():
                target = "InitError"
            case NextRequested():
                target = "Ready"
            case _:
                raise IllegalTransition(f"{type(event).__name__} in state {self.state}")
        message = f"State transition from {self._runtime_state()} to {target} failed for runtime."
        return Refuse(403, "InvalidStateTransition", f"{message} Error: State transition is not allowed")

    def _is_foreign(self, request_id: str) -> bool:
        """Not the id of the latest event; before its first event a runtime has none that could be compared."""
        if self.state in {State.UNINITIALIZED, State.INIT, State.SUPPRESSED_INIT}:
            return False
        return request_id != self._last_request_id

    def _runtime_state(self) -> str:
        """The Runtime API's name for what the runtime is doing."""
        if self.state in {State.READY, State.FROZEN}:
            return "Ready"
        if self.state is State.INVOKING:
            return "Running"
        if self.state is State.STREAMING:
            return "InvocationResponse"
        if self.state is State.RESPONSE_SENT:
            return "RuntimeResponseSentState" if RUNTIME in self._outstanding else "Ready"
        return "Started" if self._init_error is None else "InitError"

    # --- Init ---

    def _begin_init_phase(self, _event: InitRequested) -> Sequence[Command]:
        self._enter(State.INIT, due_us=self._now_us + self._terms.init_limit_us)
        return self._begin_init(Phase.INIT)

    def _begin_suppressed_init(self) -> Sequence[Command]:
        """Init inside the assigned invocation, whose clock starts here."""
        self._enter(State.SUPPRESSED_INIT, due_us=self._now_us + self._timeout_us)
        self._started_us = self._now_us
        self._assigned_ms = self._now_ms
        return self._begin_init(Phase.INVOKE)

    def _begin_init(self, phase: Phase) -> Sequence[Command]:
        self._init_error = None
        self._init_duration_us = None
        self._init_started_us = self._now_us
        self._outstanding = set(self._participants)
        terms = self._terms
        return [InitStart(terms.runtime, terms.region, phase, terms.initialization), BeginInit()]

    def _init_next(self, event: NextRequested) -> Sequence[Command]:
        if self._init_error is not None and event.participant == RUNTIME:
            return [self._refusal(event)]
        self._outstanding.discard(event.participant)
        if self._outstanding:
            return _NOTHING
        duration_us = self._now_us - self._init_started_us
        if self.state is State.SUPPRESSED_INIT:
            return [self._init_succeeded(duration_us, Phase.INVOKE), *self._deliver()]
        ended = (EndInitPhase(), self._init_succeeded(duration_us, Phase.INIT))
        if not self._provisioned:
            self._init_duration_us = duration_us
        if self._invocation is not None:
            return [*ended, *self._begin_invocation()]
        self._rest()
        return [*ended, _RELEASE_SLOT] if self._provisioned else ended

    def _init_succeeded(self, duration_us: float, phase: Phase) -> InitReport:
        return InitReport(duration_us, phase, Status.SUCCESS, initialization=self._terms.initialization)

    def _init_error_posted(self, event: InitErrorPosted) -> Sequence[Command]:
        if self._init_error is not None:
            return [self._refusal(event)]
        self._init_error = Fault(event.error_type, event.message, event.payload)
        return _NOTHING

    def _init_phase_exited(self, event: ProcessExited) -> Sequence[Command]:
        fault = self._init_error or exit_fault(event.code, event.signal)
        report = self._init_report(Phase.INIT, fault)
        return [report, *self._end(event)] if self._provisioned else [report, self._restart()]

    def _init_phase_timed_out(self, event: DeadlinePassed) -> Sequence[Command]:
        report = self._init_report(Phase.INIT, self._init_error)
        return [report, *self._shut_down(event)] if self._provisioned else [report, self._reset()]

    def _init_report(self, phase: Phase, fault: Fault | None) -> InitReport:
        """How a failed Init ended; without a fault it ran out of time."""
        limit_us = self._terms.init_limit_us if phase is Phase.INIT else self._timeout_us
        duration_us = min(self._now_us - self._init_started_us, limit_us)
        initialization = self._terms.initialization
        if fault is None:
            return InitReport(duration_us, phase, Status.TIMEOUT, initialization=initialization)
        return InitReport(duration_us, phase, Status.ERROR, fault.error_type, initialization)

    def _suppressed_init_exited(self, event: ProcessExited) -> Sequence[Command]:
        fault = self._init_error or exit_fault(event.code, event.signal)
        return [
            self._init_report(Phase.INVOKE, fault),
            self._start_record(),
            *self._fail(fault, out_of_memory=event.out_of_memory),
            *self._free(self._restart()),
        ]

    def _suppressed_init_timed_out(self, _event: DeadlinePassed) -> Sequence[Command]:
        return [
            self._init_report(Phase.INVOKE, self._init_error),
            self._start_record(),
            *(self._time_out() if self._init_error is None else self._fail(self._init_error)),
            *self._free(self._reset()),
        ]

    # --- Invoke ---

    def _assign(self, event: InvocationAssigned) -> Sequence[Command]:
        """Take the invocation where the runtime isn't ready: it waits for Init, or for the next generation."""
        if self._slot_taken:
            raise IllegalTransition(f"a second invocation in state {self.state}")
        self._slot_taken = True
        self._invocation = event.invocation
        return _NOTHING

    def _assign_uninitialized(self, event: InvocationAssigned) -> Sequence[Command]:
        self._assign(event)
        return self._begin_suppressed_init()

    def _assign_ready(self, event: InvocationAssigned) -> Sequence[Command]:
        self._slot_taken = True
        self._invocation = event.invocation
        return self._begin_invocation()

    def _assign_frozen(self, event: InvocationAssigned) -> Sequence[Command]:
        return [Thaw(), *self._assign_ready(event)]

    def _begin_invocation(self) -> Sequence[Command]:
        self._start_clock()
        return self._deliver()

    def _start_clock(self) -> None:
        self._started_us = self._now_us
        self._assigned_ms = self._now_ms
        self.due_us = self._now_us + self._timeout_us
        self.due_event = _DEADLINE

    def _deliver(self) -> Sequence[Command]:
        """START and the event; the deadline is set already."""
        invocation = self._current()
        self._run(invocation)
        deadline_ms = self._assigned_ms + self._timeout_ms
        return [self._start_record(), DeliverEvent(invocation, deadline_ms)]

    def _run(self, invocation: Invocation) -> None:
        self.state = _INVOKING
        self._outstanding = set(self._participants)
        self._last_request_id = invocation.request_id

    def _start_record(self) -> Start:
        invocation = self._current()
        return Start(invocation.request_id, self._terms.version, origin_of(invocation.trace_id, invocation.tenant_id))

    def _current(self) -> Invocation:
        assert self._invocation is not None
        return self._invocation

    def _response_posted(self, event: ResponsePosted | ErrorPosted) -> Sequence[Command]:
        invocation = self._current()
        if event.request_id != invocation.request_id:
            return [_INVALID_REQUEST_ID]
        self.state = _RESPONSE_SENT
        if len(event.payload) > MAX_PAYLOAD_BYTES:
            fault = response_too_large_fault(MAX_PAYLOAD_BYTES)
            return [AnswerCaller(invocation, fault.answer(invocation.request_id), "Unhandled"), _TOO_LARGE]
        return [AnswerCaller(invocation, event.payload, None if type(event) is ResponsePosted else "Unhandled")]

    def _response_rejected(self, event: ResponseRejected) -> Sequence[Command]:
        invocation = self._current()
        if event.request_id != invocation.request_id:
            return [_INVALID_REQUEST_ID]
        answer = AnswerCaller(invocation, event.fault.answer(invocation.request_id), "Unhandled")
        self.state = _RESPONSE_SENT
        return [answer, event.refusal]

    def _stream_started(self, event: StreamStarted) -> Sequence[Command]:
        invocation = self._current()
        if event.request_id != invocation.request_id:
            return [_INVALID_REQUEST_ID]
        self.state = State.STREAMING
        return [BeginStream(invocation, event.content_type)]

    def _stream_ended(self, _event: StreamEnded) -> Sequence[Command]:
        self.state = _RESPONSE_SENT
        return [AnswerCaller(self._current(), b"", None)]

    def _stream_failed(self, event: StreamFailed) -> Sequence[Command]:
        self.state = _RESPONSE_SENT
        invocation = self._current()
        payload = event.fault.answer(invocation.request_id)
        if len(payload) > MAX_PAYLOAD_BYTES:
            payload = response_too_large_fault(MAX_PAYLOAD_BYTES).answer(invocation.request_id)
        return [AnswerCaller(invocation, payload, "Unhandled")]

    def _invoking_next(self, event: NextRequested) -> Sequence[Command]:
        if event.participant == RUNTIME:
            # It lost its answer: the same event again.
            return [DeliverEvent(self._current(), self._assigned_ms + self._timeout_ms, again=True)]
        self._outstanding.discard(event.participant)
        return _NOTHING

    def _response_sent_next(self, event: NextRequested) -> Sequence[Command]:
        self._outstanding.discard(event.participant)
        if self._outstanding:
            return _NOTHING
        return [EndInvocation(self._close()), _RELEASE_SLOT]

    def _close(self) -> Report:
        """The invocation is over as it should be: its account is closed, and the next one may come."""
        report = self._report()
        self._slot_taken = False
        self._rest()
        return report

    def _rest(self) -> None:
        self.state = _READY
        self.due_us = self._now_us + self._freeze_after_us
        self.due_event = _IDLE

    def _report(
        self, status: Status = Status.SUCCESS, error_type: str | None = None, *, out_of_memory: bool = False
    ) -> Report:
        """Close the invocation's account."""
        duration_us = self._now_us - self._started_us
        if status is Status.TIMEOUT or duration_us > self._timeout_us:
            duration_us = self._timeout_us
        invocation = self._current()
        report = Report(
            invocation.request_id,
            duration_us,
            self._init_duration_us,
            self._terms.memory_mb,
            status,
            error_type,
            out_of_memory,
            origin_of(invocation.trace_id, invocation.tenant_id),
        )
        self._init_duration_us = None
        self._invocation = None
        return report

    def _invocation_exited(self, event: ProcessExited) -> Sequence[Command]:
        fault = exit_fault(event.code, event.signal)
        failed = self._fail(fault, out_of_memory=event.out_of_memory)
        return [*failed, *(self._end(event) if self._provisioned else self._free(self._restart()))]

    def _invocation_timed_out(self, _event: DeadlinePassed) -> Sequence[Command]:
        return [*self._time_out(), *self._free(self._reset())]

    def _free(self, command: Command) -> Sequence[Command]:
        """Reset, and free the slot at once: what is assigned from now on waits for the next generation."""
        self._slot_taken = False
        return [command, _RELEASE_SLOT]

    def _fail(self, fault: Fault, *, out_of_memory: bool = False) -> Sequence[Command]:
        """End the invocation with a fault; its line isn't written where the runtime has reported it itself."""
        invocation = self._current()
        commands: list[Command] = []
        if fault.payload is None:
            commands.append(Crashed(invocation.request_id, fault.message, fault.error_type))
        commands += self._answer_fault(fault)
        commands.append(EndInvocation(self._report(Status.ERROR, fault.error_type, out_of_memory=out_of_memory)))
        return commands

    def _time_out(self) -> Sequence[Command]:
        fault = timeout_fault(self._terms.timeout_seconds)
        line = TimedOut(self._current().request_id, fault.message, self._now_ms)
        return [line, *self._answer_fault(fault), EndInvocation(self._report(Status.TIMEOUT))]

    def _answer_fault(self, fault: Fault, *, environment_lost: bool = False) -> Sequence[Command]:
        """The first answer stands: after the response the caller keeps its success."""
        invocation = self._current()
        if self.state is State.RESPONSE_SENT:
            return _NOTHING
        return [AnswerCaller(invocation, fault.answer(invocation.request_id), "Unhandled", environment_lost)]

    # --- freeze ---

    def _freeze(self, _event: IdleElapsed) -> Sequence[Command]:
        self._enter(State.FROZEN)
        return [Freeze()]

    def _wait(self, _event: NextRequested) -> Sequence[Command]:
        """A second request for the next event just waits, like the first."""
        return _NOTHING

    # --- reset ---

    def _reset(self) -> KillRuntime:
        self._enter(State.RESETTING, due_us=self._now_us + PROCESS_LIMIT_US)
        return KillRuntime()

    def _restart(self) -> RestartRuntime:
        self._enter(State.RESTARTING, due_us=self._now_us + PROCESS_LIMIT_US)
        return RestartRuntime()

    def _exited(self, event: ProcessExited) -> Sequence[Command]:
        """After a kill, or while there was nothing to do: not an invocation's fault."""
        return self._end(event) if self._provisioned else [self._restart()]

    def _restarted(self, _event: RuntimeRestarted) -> Sequence[Command]:
        self._init_error = None
        if self._invocation is not None:
            return self._begin_suppressed_init()
        self._enter(State.UNINITIALIZED)
        return _NOTHING

    # --- shutdown ---

    def _shut_down(self, _event: Event) -> Sequence[Command]:
        commands = [*self._abandon(), KillRuntime()]
        self._enter(State.SHUTDOWN, due_us=self._now_us + PROCESS_LIMIT_US)
        return commands

    def _shut_down_resetting(self, _event: ShutdownRequested) -> Sequence[Command]:
        commands = self._abandon()
        self._enter(State.SHUTDOWN, due_us=self._now_us + PROCESS_LIMIT_US)
        return commands

    def _end(self, _event: Event) -> Sequence[Command]:
        commands = [*self._abandon(), EndEnvironment()]
        self._enter(State.ENDED)
        return commands

    def _abandon(self) -> Sequence[Command]:
        """Answer the invocation that the environment can't serve any more; close its account if it had begun."""
        if self._invocation is None:
            return _NOTHING
        fault = environment_lost_fault()
        commands = list(self._answer_fault(fault, environment_lost=True))
        if self.state in {State.INVOKING, State.STREAMING, State.RESPONSE_SENT}:
            commands.append(EndInvocation(self._report(Status.ERROR, fault.error_type)))
        self._invocation = None
        return commands

    def _ignore(self, _event: Event) -> Sequence[Command]:
        """News of what has ended already."""
        return _NOTHING

    # --- every edge of the life cycle ---

    TRANSITIONS: ClassVar[Mapping[State, Mapping[type[Event], Edge]]] = {
        State.UNINITIALIZED: {
            InitRequested: Edge(_begin_init_phase, (State.INIT,)),
            InvocationAssigned: Edge(_assign_uninitialized, (State.SUPPRESSED_INIT,)),
            ProcessExited: Edge(_exited, (State.RESTARTING, State.ENDED)),
            ShutdownRequested: Edge(_shut_down, (State.SHUTDOWN,)),
        },
        State.INIT: {
            InvocationAssigned: Edge(_assign, (State.INIT,)),
            NextRequested: Edge(_init_next, (State.INIT, State.READY, State.INVOKING)),
            InitErrorPosted: Edge(_init_error_posted, (State.INIT,)),
            ProcessExited: Edge(_init_phase_exited, (State.RESTARTING, State.ENDED)),
            DeadlinePassed: Edge(_init_phase_timed_out, (State.RESETTING, State.SHUTDOWN)),
            ShutdownRequested: Edge(_shut_down, (State.SHUTDOWN,)),
        },
        State.SUPPRESSED_INIT: {
            NextRequested: Edge(_init_next, (State.SUPPRESSED_INIT, State.INVOKING)),
            InitErrorPosted: Edge(_init_error_posted, (State.SUPPRESSED_INIT,)),
            ProcessExited: Edge(_suppressed_init_exited, (State.RESTARTING,)),
            DeadlinePassed: Edge(_suppressed_init_timed_out, (State.RESETTING,)),
            ShutdownRequested: Edge(_shut_down, (State.SHUTDOWN,)),
        },
        State.READY: {
            InvocationAssigned: Edge(_assign_ready, (State.INVOKING,)),
            NextRequested: Edge(_wait, (State.READY,)),
            IdleElapsed: Edge(_freeze, (State.FROZEN,)),
            ProcessExited: Edge(_exited, (State.RESTARTING, State.ENDED)),
            ShutdownRequested: Edge(_shut_down, (State.SHUTDOWN,)),
        },
        State.FROZEN: {
            InvocationAssigned: Edge(_assign_frozen, (State.INVOKING,)),
            NextRequested: Edge(_wait, (State.FROZEN,)),
            ProcessExited: Edge(_exited, (State.RESTARTING, State.ENDED)),
            ShutdownRequested: Edge(_shut_down, (State.SHUTDOWN,)),
        },
        State.INVOKING: {
            ResponsePosted: Edge(_response_posted, (State.INVOKING, State.RESPONSE_SENT)),
            ErrorPosted: Edge(_response_posted, (State.INVOKING, State.RESPONSE_SENT)),
            ResponseRejected: Edge(_response_rejected, (State.INVOKING, State.RESPONSE_SENT)),
            StreamStarted: Edge(_stream_started, (State.INVOKING, State.STREAMING)),
            NextRequested: Edge(_invoking_next, (State.INVOKING,)),
            ProcessExited: Edge(_invocation_exited, (State.RESTARTING, State.ENDED)),
            DeadlinePassed: Edge(_invocation_timed_out, (State.RESETTING,)),
            ShutdownRequested: Edge(_shut_down, (State.SHUTDOWN,)),
        },
        State.STREAMING: {
            StreamEnded: Edge(_stream_ended, (State.RESPONSE_SENT,)),
            StreamFailed: Edge(_stream_failed, (State.RESPONSE_SENT,)),
            ProcessExited: Edge(_invocation_exited, (State.RESTARTING, State.ENDED)),
            DeadlinePassed: Edge(_invocation_timed_out, (State.RESETTING,)),
            ShutdownRequested: Edge(_shut_down, (State.SHUTDOWN,)),
        },
        State.RESPONSE_SENT: {
            NextRequested: Edge(_response_sent_next, (State.RESPONSE_SENT, State.READY)),
            ProcessExited: Edge(_invocation_exited, (State.RESTARTING, State.ENDED)),
            DeadlinePassed: Edge(_invocation_timed_out, (State.RESETTING,)),
            ShutdownRequested: Edge(_shut_down, (State.SHUTDOWN,)),
        },
        State.RESETTING: {
            InvocationAssigned: Edge(_assign, (State.RESETTING,)),
            ProcessExited: Edge(_exited, (State.RESTARTING, State.ENDED)),
            DeadlinePassed: Edge(_end, (State.ENDED,)),
            ShutdownRequested: Edge(_shut_down_resetting, (State.SHUTDOWN,)),
        },
        State.RESTARTING: {
            InvocationAssigned: Edge(_assign, (State.RESTARTING,)),
            RuntimeRestarted: Edge(_restarted, (State.UNINITIALIZED, State.SUPPRESSED_INIT)),
            RestartFailed: Edge(_end, (State.ENDED,)),
            ProcessExited: Edge(_end, (State.ENDED,)),
            DeadlinePassed: Edge(_end, (State.ENDED,)),
            ShutdownRequested: Edge(_end, (State.ENDED,)),
        },
        State.SHUTDOWN: {
            ProcessExited: Edge(_end, (State.ENDED,)),
            DeadlinePassed: Edge(_end, (State.ENDED,)),
            ShutdownRequested: Edge(_ignore, (State.SHUTDOWN,)),
        },
        State.ENDED: {
            ProcessExited: Edge(_ignore, (State.ENDED,)),
            RuntimeRestarted: Edge(_ignore, (State.ENDED,)),
            RestartFailed: Edge(_ignore, (State.ENDED,)),
            ShutdownRequested: Edge(_ignore, (State.ENDED,)),
        },
    }


TRANSITIONS: Final = LifeCycle.TRANSITIONS
