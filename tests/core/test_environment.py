"""Transcripts of every path of the life cycle (event >> commands), and properties over all event sequences."""

import copy
from collections import Counter
from collections.abc import Sequence
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambent.core.environment import (
    INIT_LIMIT_US,
    PROCESS_LIMIT_US,
    PROVISIONED_INIT_LIMIT_US,
    TRANSITIONS,
    IllegalTransition,
    LifeCycle,
    State,
    Terms,
)
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
from lambent.core.fault import Fault
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
)

TIMEOUT_US = 3_000_000.0
NOW_MS = 1_700_000_000_000
INIT_ERROR = InitErrorPosted("Runtime.ImportModuleError", b'{"errorType":"Runtime.ImportModuleError"}')
INIT_ERROR_ANSWER = INIT_ERROR.payload or b""
SECOND_PARTICIPANT = "extension"
PROVISIONED = InitializationType.PROVISIONED_CONCURRENCY


def make_invocation(request_id: str = "id") -> Invocation:
    return Invocation(request_id, b"{}", "arn", "", "", "", "", "application/json", False, lambda _result: None)


INVOCATION = make_invocation()
DELIVERY = DeliverEvent(INVOCATION, NOW_MS + 3000)
START = Start("id", "$LATEST")
TIMED_OUT = b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}'
EXITED = (
    b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited with error: exit status 1"}'
)
CRASHED = Crashed("id", "Runtime exited with error: exit status 1", "Runtime.ExitError")
INIT_AGAIN = [InitStart("python3.13", "eu-west-1", Phase.INVOKE), BeginInit()]
BROKEN_OFF = Fault("Runtime.TruncatedResponse", "", b'{"errorType":"Error"}')
TIMED_OUT_LINE = TimedOut("id", "Task timed out after 3.00 seconds", NOW_MS)


class Transcript:
    """A life cycle with a hand on its clock: `play >> event` is what it commands."""

    def __init__(
        self,
        *events: Event,
        timeout_seconds: int = 3,
        initialization: InitializationType = InitializationType.ON_DEMAND,
    ) -> None:
        terms = Terms("python3.13", "eu-west-1", "$LATEST", 128, timeout_seconds, initialization=initialization)
        self.life = LifeCycle(terms)
        self.now_us = 1000.0
        for event in events:
            self >> event

    def __rshift__(self, event: Event) -> list[Command]:
        return list(self.life.handle(event, now_us=self.now_us, now_ms=NOW_MS))

    def later(self, microseconds: float) -> "Transcript":
        self.now_us += microseconds
        return self

    def until_due(self) -> list[Command]:
        """Let the time come for which the machine asked."""
        self.now_us = self.life.due_us
        return self >> self.life.due_event

    @property
    def state(self) -> State:
        return self.life.state


def report(
    duration_us: float, status: Status = Status.SUCCESS, error_type: str | None = None, **more: object
) -> Report:
    values = {"init_duration_us": None, "out_of_memory": False} | more
    return Report("id", duration_us, values["init_duration_us"], 128, status, error_type, values["out_of_memory"])  # type: ignore[arg-type] # written out above


def initialised(duration_us: float, phase: Phase = Phase.INIT) -> InitReport:
    return InitReport(duration_us, phase, Status.SUCCESS)


INIT = (InitRequested(),)
READY = (InitRequested(), NextRequested())
INVOKING = (*READY, InvocationAssigned(INVOCATION))
RESPONSE_SENT = (*INVOKING, ResponsePosted("id", b"1"))
STREAMING = (*INVOKING, StreamStarted("id", "text/plain"))
FROZEN = (*READY, IdleElapsed())
RESETTING = (*INVOKING, DeadlinePassed())
RESTARTING = (*READY, ProcessExited(0, None))
UNINITIALIZED = (*RESTARTING, RuntimeRestarted())
SUPPRESSED = (*UNINITIALIZED, InvocationAssigned(INVOCATION))
SHUTDOWN = (*READY, ShutdownRequested())
ENDED = (*SHUTDOWN, ProcessExited(None, 9))
PATHS: dict[State, Sequence[Event]] = {
    State.INIT: INIT,
    State.READY: READY,
    State.INVOKING: INVOKING,
    State.STREAMING: STREAMING,
    State.RESPONSE_SENT: RESPONSE_SENT,
    State.FROZEN: FROZEN,
    State.RESETTING: RESETTING,
    State.RESTARTING: RESTARTING,
    State.UNINITIALIZED: UNINITIALIZED,
    State.SUPPRESSED_INIT: SUPPRESSED,
    State.SHUTDOWN: SHUTDOWN,
    State.ENDED: ENDED,
}


# --- Init ---


def test_init_has_ten_seconds_whatever_the_timeout() -> None:
    play = Transcript()
    assert play >> InitRequested() == [InitStart("python3.13", "eu-west-1", Phase.INIT), BeginInit()]
    assert play.life.due_us == play.now_us + INIT_LIMIT_US
    assert play.later(5000) >> NextRequested() == [EndInitPhase(), initialised(5000)]
    assert play.state is State.READY


def test_an_invocation_that_waits_for_init_has_its_whole_timeout_and_reports_the_init_duration() -> None:
    play = Transcript(*INIT, InvocationAssigned(INVOCATION)).later(110_100)
    assert play >> NextRequested() == [EndInitPhase(), initialised(110_100), START, DELIVERY]
    assert play.life.due_us == play.now_us + TIMEOUT_US
    play.later(3010) >> ResponsePosted("id", b"1")
    assert play >> NextRequested() == [EndInvocation(report(3010, init_duration_us=110_100)), ReleaseSlot()]


def test_only_the_first_invocation_reports_the_init_duration() -> None:
    play = Transcript(*RESPONSE_SENT, NextRequested(), InvocationAssigned(INVOCATION), ResponsePosted("id", b"1"))
    assert play >> NextRequested() == [EndInvocation(report(0)), ReleaseSlot()]


def test_a_crash_at_init_waits_for_the_first_invocation_which_runs_init_again() -> None:
    play = Transcript(*INIT).later(229_040)
    assert play >> ProcessExited(1, None) == [
        InitReport(229_040, Phase.INIT, Status.ERROR, "Runtime.ExitError"),
        RestartRuntime(),
    ]
    assert play >> RuntimeRestarted() == []
    assert play.later(7) >> InvocationAssigned(INVOCATION) == INIT_AGAIN
    assert play.state is State.SUPPRESSED_INIT
    assert play.life.due_us == play.now_us + TIMEOUT_US
    assert play.later(500) >> NextRequested() == [initialised(500, Phase.INVOKE), START, DELIVERY]
    play.later(500) >> ResponsePosted("id", b"1")
    assert play >> NextRequested() == [EndInvocation(report(1000)), ReleaseSlot()]


def test_the_second_crash_is_the_answer_and_the_third_init_is_the_next_invocations() -> None:
    play = Transcript(*INIT, InvocationAssigned(INVOCATION), ProcessExited(1, None)).later(10)
    assert play >> RuntimeRestarted() == INIT_AGAIN
    assert play.later(498_460) >> ProcessExited(1, None) == [
        InitReport(498_460, Phase.INVOKE, Status.ERROR, "Runtime.ExitError"),
        START,
        CRASHED,
        AnswerCaller(INVOCATION, EXITED, "Unhandled"),
        EndInvocation(report(498_460, Status.ERROR, "Runtime.ExitError")),
        RestartRuntime(),
        ReleaseSlot(),
    ]
    assert play >> RuntimeRestarted() == []
    assert play >> InvocationAssigned(INVOCATION) == INIT_AGAIN


def test_a_posted_init_error_wins_over_the_exit_status() -> None:
    play = Transcript(*SUPPRESSED, INIT_ERROR)
    assert play >> ProcessExited(1, None) == [
        InitReport(0, Phase.INVOKE, Status.ERROR, INIT_ERROR.error_type),
        START,
        AnswerCaller(INVOCATION, INIT_ERROR_ANSWER, "Unhandled"),
        EndInvocation(report(0, Status.ERROR, INIT_ERROR.error_type)),
        RestartRuntime(),
        ReleaseSlot(),
    ]


def test_a_program_that_cannot_be_executed_is_the_platforms_fault_and_has_a_line() -> None:
    reason = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
    play = Transcript(*SUPPRESSED, InitErrorPosted("Runtime.InvalidEntrypoint", None, reason))
    request_id = INVOCATION.request_id
    text = f'{{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: {request_id} Error: {reason}"}}'
    assert play >> ProcessExited(1, None) == [
        InitReport(0, Phase.INVOKE, Status.ERROR, "Runtime.InvalidEntrypoint"),
        START,
        Crashed(request_id, reason, "Runtime.InvalidEntrypoint"),
        AnswerCaller(INVOCATION, text.encode(), "Unhandled"),
        EndInvocation(report(0, Status.ERROR, "Runtime.InvalidEntrypoint")),
        RestartRuntime(),
        ReleaseSlot(),
    ]


def test_a_posted_init_error_wins_over_the_time_limit() -> None:
    assert Transcript(*INIT, INIT_ERROR).until_due() == [
        InitReport(INIT_LIMIT_US, Phase.INIT, Status.ERROR, INIT_ERROR.error_type),
        KillRuntime(),
    ]
    commands = Transcript(*SUPPRESSED, INIT_ERROR).until_due()
    assert AnswerCaller(INVOCATION, INIT_ERROR_ANSWER, "Unhandled") in commands
    assert commands[-2:] == [KillRuntime(), ReleaseSlot()]


def test_an_init_of_more_than_ten_seconds_runs_again_in_the_invocation() -> None:
    play = Transcript(*INIT, InvocationAssigned(INVOCATION))
    assert play.until_due() == [InitReport(INIT_LIMIT_US, Phase.INIT, Status.TIMEOUT), KillRuntime()]
    assert play >> ProcessExited(None, 9) == [RestartRuntime()]
    assert play >> RuntimeRestarted() == INIT_AGAIN


def test_a_suppressed_init_is_bounded_by_the_functions_timeout() -> None:
    assert Transcript(*SUPPRESSED).until_due() == [
        InitReport(TIMEOUT_US, Phase.INVOKE, Status.TIMEOUT),
        START,
        TIMED_OUT_LINE,
        AnswerCaller(INVOCATION, TIMED_OUT, "Unhandled"),
        EndInvocation(report(TIMEOUT_US, Status.TIMEOUT)),
        KillRuntime(),
        ReleaseSlot(),
    ]


def test_an_init_error_is_forgotten_with_its_process() -> None:
    play = Transcript(*INIT, INIT_ERROR, ProcessExited(1, None), RuntimeRestarted(), InvocationAssigned(INVOCATION))
    commands = play >> ProcessExited(1, None)
    assert AnswerCaller(INVOCATION, EXITED, "Unhandled") in commands


# --- Invoke ---


def test_the_response_answers_and_the_next_request_ends() -> None:
    play = Transcript(*READY)
    assert play >> InvocationAssigned(INVOCATION) == [START, DELIVERY]
    assert play.later(3010) >> ResponsePosted("id", b"1") == [AnswerCaller(INVOCATION, b"1", None)]
    assert play.later(990) >> NextRequested() == [
        EndInvocation(report(4000, init_duration_us=0)),
        ReleaseSlot(),
    ]
    assert play.state is State.READY


def test_a_handlers_error_is_the_answer_but_no_error_of_the_platform() -> None:
    play = Transcript(*INVOKING)
    assert play >> ErrorPosted("id", b"{}") == [AnswerCaller(INVOCATION, b"{}", "Unhandled")]
    assert play >> NextRequested() == [EndInvocation(report(0, init_duration_us=0)), ReleaseSlot()]


def test_a_response_over_the_limit_is_refused_and_answered_as_an_error() -> None:
    play = Transcript(*INVOKING)
    answer, refusal = play >> ResponsePosted("id", b"x" * (MAX_PAYLOAD_BYTES + 1))
    assert isinstance(answer, AnswerCaller)
    assert answer.payload == (
        b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
        b'"errorType":"Function.ResponseSizeTooLarge"}'
    )
    assert refusal == Refuse(413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).")
    assert play.state is State.RESPONSE_SENT


def test_a_response_of_exactly_the_limit_is_delivered() -> None:
    payload = b"x" * MAX_PAYLOAD_BYTES
    assert Transcript(*INVOKING) >> ResponsePosted("id", payload) == [AnswerCaller(INVOCATION, payload, None)]


def test_what_cannot_be_a_response_is_the_callers_error() -> None:
    refusal = Refuse(400, "InvalidFunctionResponseMode", "…")
    rejected = ResponseRejected("id", Fault("Runtime.InvalidResponseModeHeader", "…"), refusal)
    answer, refused = Transcript(*INVOKING) >> rejected
    assert isinstance(answer, AnswerCaller)
    assert answer.function_error == "Unhandled"
    assert refused == refusal


def test_a_request_for_the_next_event_while_running_gets_the_same_event_again() -> None:
    play = Transcript(*INVOKING).later(5)
    assert play >> NextRequested() == [DeliverEvent(INVOCATION, NOW_MS + 3000, again=True)]
    assert play.state is State.INVOKING


def test_a_second_waiter_just_waits() -> None:
    assert Transcript(*READY) >> NextRequested() == []
    assert Transcript(*FROZEN) >> NextRequested() == []


def test_a_stream_begins_the_answer_and_its_end_is_the_answers() -> None:
    play = Transcript(*INVOKING)
    assert play >> StreamStarted("id", "text/plain") == [BeginStream(INVOCATION, "text/plain")]
    assert play >> StreamEnded() == [AnswerCaller(INVOCATION, b"", None)]
    assert play.later(1000) >> NextRequested() == [EndInvocation(report(1000.0, init_duration_us=0.0)), ReleaseSlot()]


def test_a_stream_that_breaks_off_is_the_callers_error() -> None:
    play = Transcript(*STREAMING)
    assert play >> StreamFailed(BROKEN_OFF) == [AnswerCaller(INVOCATION, b'{"errorType":"Error"}', "Unhandled")]
    assert play.state is State.RESPONSE_SENT


@pytest.mark.parametrize(
    "event", [ResponsePosted("id", b"1"), ErrorPosted("id", b"{}"), StreamStarted("id", ""), NextRequested()]
)
def test_while_a_stream_goes_on_there_is_no_other_response(event: Event) -> None:
    (refusal,) = Transcript(*STREAMING) >> event
    assert isinstance(refusal, Refuse)
    assert refusal.status == 403
    assert "from InvocationResponse to " in refusal.message


@pytest.mark.parametrize("event", [StreamEnded(), StreamFailed(BROKEN_OFF)])
def test_the_end_of_a_stream_that_nobody_began_is_refused(event: Event) -> None:
    (refusal,) = Transcript(*INVOKING) >> event
    assert isinstance(refusal, Refuse)


def test_a_stream_of_another_event_is_refused() -> None:
    (refusal,) = Transcript(*INVOKING) >> StreamStarted("other", "")
    assert isinstance(refusal, Refuse)
    assert refusal.error_type == "InvalidRequestID"


def test_a_timeout_and_an_exit_end_a_stream() -> None:
    assert AnswerCaller(INVOCATION, TIMED_OUT, "Unhandled") in Transcript(*STREAMING).until_due()
    assert AnswerCaller(INVOCATION, EXITED, "Unhandled") in Transcript(*STREAMING) >> ProcessExited(1, None)


def test_a_timeout_answers_reports_exactly_the_timeout_and_kills() -> None:
    play = Transcript(*INVOKING)
    play.now_us = play.life.due_us + 1234  # the timer was late
    assert play >> DeadlinePassed() == [
        TIMED_OUT_LINE,
        AnswerCaller(INVOCATION, TIMED_OUT, "Unhandled"),
        EndInvocation(report(TIMEOUT_US, Status.TIMEOUT, init_duration_us=0)),
        KillRuntime(),
        ReleaseSlot(),
    ]
    assert play >> ProcessExited(None, 9) == [RestartRuntime()]
    assert play >> RuntimeRestarted() == []
    assert play.state is State.UNINITIALIZED


def test_a_timeout_after_the_response_keeps_the_callers_success() -> None:
    assert Transcript(*RESPONSE_SENT).until_due() == [
        TIMED_OUT_LINE,
        EndInvocation(report(TIMEOUT_US, Status.TIMEOUT, init_duration_us=0)),
        KillRuntime(),
        ReleaseSlot(),
    ]


def test_an_exit_in_an_invocation_is_its_answer() -> None:
    assert Transcript(*INVOKING) >> ProcessExited(1, None) == [
        CRASHED,
        AnswerCaller(INVOCATION, EXITED, "Unhandled"),
        EndInvocation(report(0, Status.ERROR, "Runtime.ExitError", init_duration_us=0)),
        RestartRuntime(),
        ReleaseSlot(),
    ]


def test_an_exit_after_the_response_keeps_the_callers_success() -> None:
    assert Transcript(*RESPONSE_SENT) >> ProcessExited(1, None) == [
        CRASHED,
        EndInvocation(report(0, Status.ERROR, "Runtime.ExitError", init_duration_us=0)),
        RestartRuntime(),
        ReleaseSlot(),
    ]


def test_the_kernels_memory_kill_is_in_the_report() -> None:
    commands = Transcript(*INVOKING) >> ProcessExited(None, 9, out_of_memory=True)
    expected = report(0, Status.ERROR, "Runtime.ExitError", init_duration_us=0, out_of_memory=True)
    assert EndInvocation(expected) in commands


# --- a failed invocation frees its slot with its answer ---

SECOND = make_invocation("second")


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        (INVOKING, DeadlinePassed()),
        (INVOKING, ProcessExited(1, None)),
        (RESPONSE_SENT, DeadlinePassed()),
        (RESPONSE_SENT, ProcessExited(1, None)),
        (SUPPRESSED, DeadlinePassed()),
        (SUPPRESSED, ProcessExited(1, None)),
    ],
)
def test_the_next_invocation_need_not_wait_for_the_reset_to_be_assigned(path: Sequence[Event], failure: Event) -> None:
    play = Transcript(*path)
    commands = play >> failure
    assert commands[-1] == ReleaseSlot()
    assert commands.count(ReleaseSlot()) == 1
    assert not play.life.slot_taken
    assert play >> InvocationAssigned(SECOND) == []
    if play.state is State.RESETTING:
        assert play >> ProcessExited(None, 9) == [RestartRuntime()]
    assert play.later(50_000) >> RuntimeRestarted() == INIT_AGAIN
    assert play.later(200) >> NextRequested() == [
        initialised(200, Phase.INVOKE),
        Start("second", "$LATEST"),
        DeliverEvent(SECOND, NOW_MS + 3000),
    ]
    assert play.life.due_us == play.now_us - 200 + TIMEOUT_US


def test_what_is_assigned_while_the_next_generation_starts_waits_for_it() -> None:
    play = Transcript(*RESETTING, ProcessExited(None, 9))
    assert play.state is State.RESTARTING
    assert play >> InvocationAssigned(SECOND) == []
    assert play >> RuntimeRestarted() == INIT_AGAIN


@pytest.mark.parametrize("path", [RESETTING, (*RESETTING, ProcessExited(None, 9))])
@pytest.mark.parametrize("event", [ShutdownRequested(), DeadlinePassed()])
def test_what_waits_for_a_generation_that_never_comes_is_answered_as_lost(path: Sequence[Event], event: Event) -> None:
    play = Transcript(*path, InvocationAssigned(SECOND))
    commands = play >> event
    (answer,) = (command for command in commands if isinstance(command, AnswerCaller))
    assert answer.invocation is SECOND
    assert answer.environment_lost
    assert not any(isinstance(command, EndInvocation | ReleaseSlot) for command in commands)


# --- what the Runtime API refuses ---

INVALID_ID = Refuse(400, "InvalidRequestID", "Invalid request ID")


def refused(source: str, to: str) -> list[Command]:
    message = f"State transition from {source} to {to} failed for runtime. Error: State transition is not allowed"
    return [Refuse(403, "InvalidStateTransition", message)]


@pytest.mark.parametrize(
    ("path", "request_", "expected"),
    [
        (INIT, ResponsePosted("id", b""), refused("Started", "InvocationResponse")),
        (INIT, ErrorPosted("id", b""), refused("Started", "InvocationErrorResponse")),
        ((*INIT, INIT_ERROR), INIT_ERROR, refused("InitError", "InitError")),
        ((*INIT, INIT_ERROR), NextRequested(), refused("InitError", "Ready")),
        ((*SUPPRESSED, INIT_ERROR), NextRequested(), refused("InitError", "Ready")),
        (READY, INIT_ERROR, refused("Ready", "InitError")),
        (READY, ResponsePosted("id", b""), [INVALID_ID]),
        ((*RESPONSE_SENT, NextRequested()), ResponsePosted("id", b""), refused("Ready", "InvocationResponse")),
        ((*RESPONSE_SENT, NextRequested()), ResponsePosted("old", b""), [INVALID_ID]),
        (FROZEN, INIT_ERROR, refused("Ready", "InitError")),
        (INVOKING, ResponsePosted("other", b""), [INVALID_ID]),
        (INVOKING, ErrorPosted("", b""), [INVALID_ID]),
        (INVOKING, ResponseRejected("other", Fault("T"), INVALID_ID), [INVALID_ID]),
        (INVOKING, INIT_ERROR, refused("Running", "InitError")),
        (RESPONSE_SENT, ResponsePosted("id", b""), refused("RuntimeResponseSentState", "InvocationResponse")),
        (RESPONSE_SENT, ErrorPosted("id", b""), refused("RuntimeResponseSentState", "InvocationErrorResponse")),
        (RESPONSE_SENT, ResponsePosted("late", b""), [INVALID_ID]),
        (RESETTING, NextRequested(), refused("Started", "Ready")),
        (UNINITIALIZED, NextRequested(), refused("Started", "Ready")),
        (SHUTDOWN, NextRequested(), refused("Started", "Ready")),
    ],
)
def test_a_request_in_the_wrong_state_is_refused(
    path: Sequence[Event], request_: Event, expected: list[Command]
) -> None:
    play = Transcript(*path)
    before = play.state
    assert play >> request_ == expected
    assert play.state is before


# --- participants: the seam for extensions ---


def with_a_second_participant(*events: Event) -> Transcript:
    play = Transcript()
    play.life._participants |= {SECOND_PARTICIPANT}
    for event in events:
        play >> event
    return play


def test_init_and_invocation_end_when_every_participant_has_asked_for_the_next_event() -> None:
    play = with_a_second_participant(*INIT, NextRequested())
    assert play.state is State.INIT
    assert play >> NextRequested(SECOND_PARTICIPANT) == [EndInitPhase(), initialised(0)]
    play >> InvocationAssigned(INVOCATION)
    assert play >> NextRequested(SECOND_PARTICIPANT) == []
    play >> ResponsePosted("id", b"1")
    assert [type(command) for command in play >> NextRequested()] == [EndInvocation, ReleaseSlot]


def test_an_extension_that_is_slower_than_the_runtime_holds_the_slot() -> None:
    play = with_a_second_participant(*INIT, NextRequested(), NextRequested(SECOND_PARTICIPANT))
    for event in (InvocationAssigned(INVOCATION), ResponsePosted("id", b"1"), NextRequested()):
        play >> event
    assert play.state is State.RESPONSE_SENT
    assert play >> ResponsePosted("id", b"2") == refused("Ready", "InvocationResponse")
    assert [type(command) for command in play >> NextRequested(SECOND_PARTICIPANT)] == [EndInvocation, ReleaseSlot]


# --- freeze, reset, shutdown ---


def test_an_idle_environment_is_frozen_and_thawed_for_the_next_event() -> None:
    play = Transcript(*READY)
    assert play.life.due_us == play.now_us + 100_000
    assert play.until_due() == [Freeze()]
    assert play.life.due_us == inf
    assert play >> InvocationAssigned(INVOCATION) == [Thaw(), START, DELIVERY]


def test_a_runtime_that_ends_without_work_is_replaced_quietly() -> None:
    for path in (READY, FROZEN, UNINITIALIZED):
        play = Transcript(*path)
        assert play >> ProcessExited(0, None) == [RestartRuntime()]
        assert play >> InvocationAssigned(INVOCATION) == []
        assert play >> RuntimeRestarted() == INIT_AGAIN


def test_shutdown_when_idle_kills_and_ends() -> None:
    play = Transcript(*READY)
    assert play >> ShutdownRequested() == [KillRuntime()]
    assert play >> ShutdownRequested() == []
    assert play >> ProcessExited(None, 9) == [EndEnvironment()]
    assert play.state is State.ENDED


@pytest.mark.parametrize("path", [INVOKING, (*INIT, InvocationAssigned(INVOCATION)), SUPPRESSED])
def test_shutdown_answers_the_invocation_as_lost(path: Sequence[Event]) -> None:
    play = Transcript(*path)
    began = play.state is State.INVOKING
    commands = play >> ShutdownRequested()
    assert isinstance(commands[0], AnswerCaller)
    assert commands[0].environment_lost
    assert any(isinstance(command, EndInvocation) for command in commands) == began
    assert commands[-1] == KillRuntime()


def test_shutdown_after_the_response_closes_the_account_only() -> None:
    ended, kill = Transcript(*RESPONSE_SENT) >> ShutdownRequested()
    assert isinstance(ended, EndInvocation)
    assert kill == KillRuntime()


def test_shutdown_during_a_reset_waits_for_the_kill_that_is_under_way() -> None:
    play = Transcript(*RESETTING)
    assert play >> ShutdownRequested() == []
    assert play >> ProcessExited(None, 9) == [EndEnvironment()]


def test_a_sandbox_that_does_not_kill_or_start_is_given_up() -> None:
    for path in (RESETTING, RESTARTING, SHUTDOWN):
        play = Transcript(*path)
        assert play.life.due_us == play.now_us + PROCESS_LIMIT_US
        assert play.until_due() == [EndEnvironment()]


@pytest.mark.parametrize("event", [RestartFailed(), ProcessExited(1, None), ShutdownRequested()])
def test_no_next_generation_means_the_end(event: Event) -> None:
    play = Transcript(*RESTARTING, InvocationAssigned(INVOCATION))
    answer, end = play >> event
    assert isinstance(answer, AnswerCaller)
    assert answer.environment_lost
    assert end == EndEnvironment()


@pytest.mark.parametrize("event", [ProcessExited(1, None), RuntimeRestarted(), RestartFailed(), ShutdownRequested()])
def test_news_after_the_end_is_ignored(event: Event) -> None:
    assert Transcript(*ENDED) >> event == []


@pytest.mark.parametrize(
    ("path", "event"),
    [
        (INVOKING, InvocationAssigned(INVOCATION)),
        ((*INIT, InvocationAssigned(INVOCATION)), InvocationAssigned(INVOCATION)),
        ((*RESETTING, InvocationAssigned(INVOCATION)), InvocationAssigned(INVOCATION)),
        (SHUTDOWN, InvocationAssigned(INVOCATION)),
        (ENDED, InvocationAssigned(INVOCATION)),
        (READY, InitRequested()),
        (READY, DeadlinePassed()),
        (INVOKING, IdleElapsed()),
    ],
)
def test_our_own_events_in_the_wrong_state_are_a_bug(path: Sequence[Event], event: Event) -> None:
    with pytest.raises(IllegalTransition):
        Transcript(*path) >> event


def test_the_table_has_every_state_and_leads_only_to_states_of_the_table() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(PATHS) == set(State)
    for state, path in PATHS.items():
        assert Transcript(*path).state is state


# --- the short forms of a warm invocation ---


def test_a_warm_invocation_has_short_forms_of_its_events() -> None:
    play = Transcript(*READY)
    for event in (InvocationAssigned(INVOCATION), ResponsePosted("id", b"1"), NextRequested()):
        twin = twin_of(play.life)
        assert shortly(twin, event, play.now_us) == play >> event
        assert everything(twin) == everything(play.life)


def test_what_is_not_usual_has_no_short_form() -> None:
    for path, event in (
        (FROZEN, InvocationAssigned(INVOCATION)),
        (INVOKING, ResponsePosted("another", b"1")),
        (INVOKING, ResponsePosted("id", bytes(MAX_PAYLOAD_BYTES + 1))),
        (INVOKING, NextRequested()),
        (RESETTING, ResponsePosted("id", b"1")),
    ):
        play = Transcript(*path)
        before = everything(twin_of(play.life))
        assert shortly(play.life, event, play.now_us) is None
        assert everything(play.life) == before


def test_the_short_form_waits_for_an_extension() -> None:
    play = Transcript(*READY)
    play.life._participants = frozenset({RUNTIME, SECOND_PARTICIPANT})
    play >> InvocationAssigned(INVOCATION)
    play >> ResponsePosted("id", b"1")
    assert play.life.finish(now_us=play.now_us, now_ms=NOW_MS) is None


# --- provisioned concurrency ---


def provisioned(*events: Event, timeout_seconds: int = 3) -> Transcript:
    return Transcript(*events, timeout_seconds=timeout_seconds, initialization=PROVISIONED)


def test_an_init_ahead_is_reported_and_frees_the_slot() -> None:
    play = provisioned()
    assert play >> InitRequested() == [InitStart("python3.13", "eu-west-1", Phase.INIT, PROVISIONED), BeginInit()]
    ended = play.later(5000) >> NextRequested()
    assert ended == [
        EndInitPhase(),
        InitReport(5000, Phase.INIT, Status.SUCCESS, initialization=PROVISIONED),
        ReleaseSlot(),
    ]
    assert play.state is State.READY


def test_an_init_ahead_is_no_part_of_any_invocation() -> None:
    play = provisioned(*INVOKING, ResponsePosted("id", b"1"))
    assert play.later(10) >> NextRequested() == [EndInvocation(report(10.0)), ReleaseSlot()]


@pytest.mark.parametrize(("timeout_seconds", "limit_us"), [(3, PROVISIONED_INIT_LIMIT_US), (900, 900_000_000.0)])
def test_an_init_ahead_may_take_longer(timeout_seconds: int, limit_us: float) -> None:
    play = provisioned(InitRequested(), timeout_seconds=timeout_seconds)
    assert play.life.due_us == play.now_us + limit_us
    timed_out = InitReport(limit_us, Phase.INIT, Status.TIMEOUT, initialization=PROVISIONED)
    assert play.until_due() == [timed_out, KillRuntime()]
    assert play >> ProcessExited(None, 9) == [EndEnvironment()]


def test_an_init_ahead_that_fails_ends_the_environment() -> None:
    play = provisioned(InitRequested(), INIT_ERROR)
    failed = InitReport(0, Phase.INIT, Status.ERROR, "Runtime.ImportModuleError", PROVISIONED)
    assert play >> ProcessExited(1, None) == [failed, EndEnvironment()]
    assert play.state is State.ENDED


@pytest.mark.parametrize("path", [READY, FROZEN])
def test_a_provisioned_environment_whose_runtime_ends_by_itself_ends(path: Sequence[Event]) -> None:
    assert provisioned(*path) >> ProcessExited(0, None) == [EndEnvironment()]


def test_a_provisioned_environment_that_crashes_ends_with_its_invocation() -> None:
    commands = provisioned(*INVOKING) >> ProcessExited(1, None)
    assert commands == [
        CRASHED,
        AnswerCaller(INVOCATION, EXITED, "Unhandled"),
        EndInvocation(report(0.0, Status.ERROR, "Runtime.ExitError")),
        EndEnvironment(),
    ]


def test_a_provisioned_environment_whose_invocation_times_out_frees_its_slot_and_ends() -> None:
    play = provisioned(*INVOKING)
    commands = play.until_due()
    assert commands[-2:] == [KillRuntime(), ReleaseSlot()]
    assert play >> ProcessExited(None, 9) == [EndEnvironment()]


# --- properties ---


def everything(life: LifeCycle) -> dict[str, object]:
    return {name: getattr(life, name) for name in LifeCycle.__slots__}


def twin_of(life: LifeCycle) -> LifeCycle:
    twin = copy.copy(life)
    twin._outstanding = set(life._outstanding)
    return twin


def shortly(life: LifeCycle, event: Event, now_us: float) -> list[Command] | None:
    """The short form of an event, if it has one, its outcome as the commands that it stands for."""
    match event:
        case InvocationAssigned(invocation):
            deadline_ms = life.begin(invocation, now_us=now_us, now_ms=NOW_MS)
            if deadline_ms is not None:
                return [Start(invocation.request_id, "$LATEST"), DeliverEvent(invocation, deadline_ms)]
        case ResponsePosted(request_id, payload):
            answered = life.respond(request_id, payload, now_us=now_us, now_ms=NOW_MS)
            if answered is not None:
                return [AnswerCaller(answered, payload, None)]
        case NextRequested("runtime"):
            closed = life.finish(now_us=now_us, now_ms=NOW_MS)
            if closed is not None:
                return [EndInvocation(closed), ReleaseSlot()]
        case _:
            pass
    return None


class AnyLife(RuleBasedStateMachine):
    """Whatever happens in whatever order: one answer for each invocation, one release of each slot, an end to it all."""

    initialization = InitializationType.ON_DEMAND

    def __init__(self) -> None:
        super().__init__()
        self.life = LifeCycle(Terms("python3.13", "eu-west-1", "$LATEST", 128, 3, initialization=self.initialization))
        self.now_us = 0.0
        self.assigned: list[Invocation] = []
        self.answers: Counter[str] = Counter()
        self.started: list[str] = []
        self.ended: list[str] = []
        self.releases = 0
        self.environment_ends = 0

    def handle(self, event: Event) -> None:
        before = self.life.state
        edge = TRANSITIONS[before].get(type(event))
        twin, untouched = twin_of(self.life), everything(twin_of(self.life))
        short = shortly(twin, event, self.now_us)
        commands = self.life.handle(event, now_us=self.now_us, now_ms=NOW_MS)
        if short is None:
            assert everything(twin) == untouched
        else:
            assert short == list(commands)
            assert everything(twin) == everything(self.life)
        allowed = (before,) if edge is None else edge.to
        assert self.life.state in allowed, f"{before} --{event}--> {self.life.state}"
        for command in commands:
            match command:
                case BeginStream(invocation=invocation):
                    assert not self.answers[invocation.request_id]
                case AnswerCaller(invocation=invocation):
                    self.answers[invocation.request_id] += 1
                case Start(request_id=request_id):
                    self.started.append(request_id)
                case EndInvocation(report=report):
                    assert self.answers[report.request_id] == 1
                    assert 0 <= report.duration_us <= TIMEOUT_US
                    self.ended.append(report.request_id)
                case ReleaseSlot():
                    assert command == commands[-1]
                    self.releases += EndInitPhase() not in commands
                case EndEnvironment():
                    self.environment_ends += 1
                case _:
                    pass

    def is_legal(self, event_type: type[Event]) -> bool:
        return event_type in TRANSITIONS[self.life.state]

    @rule(microseconds=st.floats(0, 20_000_000))
    def time_passes(self, microseconds: float) -> None:
        self.now_us += microseconds
        if self.now_us >= self.life.due_us:
            self.handle(self.life.due_event)

    @precondition(lambda self: self.is_legal(InitRequested))
    @rule()
    def init_requested(self) -> None:
        self.handle(InitRequested())

    @precondition(lambda self: self.is_legal(InvocationAssigned) and not self.life.slot_taken)
    @rule()
    def invocation_assigned(self) -> None:
        invocation = make_invocation(str(len(self.assigned)))
        self.assigned.append(invocation)
        self.handle(InvocationAssigned(invocation))

    @rule()
    def next_requested(self) -> None:
        self.handle(NextRequested())

    @rule(back=st.integers(0, 1), error=st.booleans())
    def response_posted(self, back: int, error: bool) -> None:
        request_id = str(len(self.assigned) - 1 - back)
        self.handle(ErrorPosted(request_id, b"{}") if error else ResponsePosted(request_id, b"1"))

    @rule(back=st.integers(0, 1))
    def stream_started(self, back: int) -> None:
        self.handle(StreamStarted(str(len(self.assigned) - 1 - back), "text/plain"))

    @rule(how=st.sampled_from([StreamEnded(), StreamFailed(BROKEN_OFF)]))
    def stream_ended(self, how: StreamEnded | StreamFailed) -> None:
        self.handle(how)

    @rule()
    def init_error_posted(self) -> None:
        self.handle(INIT_ERROR)

    @rule(status=st.sampled_from([(0, None), (1, None), (None, 9)]))
    def process_exited(self, status: tuple[int | None, int | None]) -> None:
        self.handle(ProcessExited(*status))

    @precondition(lambda self: self.is_legal(RuntimeRestarted))
    @rule(fails=st.sampled_from([False, False, False, True]))
    def restarted(self, fails: bool) -> None:
        self.handle(RestartFailed() if fails else RuntimeRestarted())

    @rule(really=st.sampled_from([False] * 9 + [True]))
    def shutdown(self, really: bool) -> None:
        if really:
            self.handle(ShutdownRequested())

    @invariant()
    def a_failure_holds_no_slot(self) -> None:
        """While the environment is reset, the slot is taken only by an invocation that hasn't been answered."""
        if self.life.state in {State.RESETTING, State.RESTARTING}:
            assert len(self.assigned) - len(self.answers) == int(self.life.slot_taken)

    @invariant()
    def nobody_is_answered_twice_and_no_slot_is_released_twice(self) -> None:
        assert all(count == 1 for count in self.answers.values())
        taken = int(self.life.slot_taken and self.life.state is not State.ENDED)
        if self.life.state is not State.ENDED:
            assert self.releases == len(self.assigned) - taken
        if not self.life.slot_taken:
            assert len(self.answers) == len(self.assigned)

    @invariant()
    def what_began_is_what_ends(self) -> None:
        assert self.started[: len(self.ended)] == self.ended
        running = {State.INVOKING, State.STREAMING, State.RESPONSE_SENT}
        assert len(self.started) - len(self.ended) == (self.life.state in running)

    def teardown(self) -> None:
        """However it was left: shut down, and everybody has been answered and the end announced once."""
        self.handle(ShutdownRequested())
        if self.life.state is not State.ENDED:
            self.handle(ProcessExited(None, 9))
        assert self.life.state is State.ENDED
        assert self.environment_ends == 1
        assert len(self.answers) == len(self.assigned)
        assert self.ended == self.started


class AnyProvisionedLife(AnyLife):
    """The same of an environment that is initialised ahead; it never tells of its Init in a REPORT."""

    initialization = PROVISIONED

    def handle(self, event: Event) -> None:
        super().handle(event)
        assert self.life._init_duration_us is None


AnyLifeTest = AnyLife.TestCase
AnyProvisionedLifeTest = AnyProvisionedLife.TestCase


@given(st.sampled_from(sorted(PATHS)), st.floats(0, 1e9))
def test_nothing_is_due_in_the_past(state: State, now_us: float) -> None:
    play = Transcript()
    play.now_us = now_us
    for event in PATHS[state]:
        play >> event
    assert play.life.due_us > now_us
