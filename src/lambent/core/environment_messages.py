"""What happens to an execution environment, and what is to be done about it: the messages of `core.environment`.

Events go into the life cycle's machine, commands come out of it. Both are values.
"""

from dataclasses import dataclass
from typing import Final

from lambent.core.fault import Fault
from lambent.core.invocation import Invocation
from lambent.core.report import PlatformRecord, Report

RUNTIME: Final = "runtime"
"""The participant that every environment has."""

# Events and commands are values. Those of a warm invocation aren't frozen, because a frozen dataclass takes three to
# four times as long to make; nobody changes them all the same.

# --- events: what happened -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InitRequested:
    """The environment is new and shall begin its Init phase."""


@dataclass(slots=True)
class InvocationAssigned:
    """The environment shall serve this invocation, at once or as soon as it can."""

    invocation: Invocation


@dataclass(frozen=True, slots=True)
class NextRequested:
    """A participant asked for the next event."""

    participant: str = RUNTIME


@dataclass(slots=True)
class ResponsePosted:
    """The runtime posted a handler's result; `payload` is cut where it is over `MAX_PAYLOAD_BYTES`."""

    request_id: str
    payload: bytes


@dataclass(slots=True)
class ErrorPosted:
    """The runtime posted a handler's error: JSON for the caller, byte for byte."""

    request_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class ResponseRejected:
    """The runtime tried to respond, but not in a way that can be a response.

    Attributes:
        fault: the caller's answer.
        refusal: the runtime's.
    """

    request_id: str
    fault: Fault
    refusal: "Refuse"


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The runtime begins a response that its caller takes in pieces. The pieces themselves pass the machine by."""

    request_id: str
    content_type: str


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """The response that was begun is complete."""


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """The response that was begun breaks off.

    Attributes:
        fault: why, as far as the runtime could say.
    """

    fault: Fault


@dataclass(frozen=True, slots=True)
class InitErrorPosted:
    """The runtime posted why it couldn't initialise; it is expected to exit.

    Attributes:
        payload: what it posted; None where its program couldn't even be executed, of which `message` says why.
    """

    error_type: str
    payload: bytes | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """`due_us` has come, and was a deadline."""


@dataclass(frozen=True, slots=True)
class IdleElapsed:
    """`due_us` has come, and was the time to freeze."""


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """The runtime process of the current generation ended, by itself or killed."""

    code: int | None
    signal: int | None
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class RuntimeRestarted:
    """A new generation waits for its Init."""


@dataclass(frozen=True, slots=True)
class RestartFailed:
    """The sandbox can't start another generation."""


@dataclass(frozen=True, slots=True)
class ShutdownRequested:
    """The environment shall end, whatever it does."""


RuntimeRequest = (
    NextRequested
    | ResponsePosted
    | ErrorPosted
    | ResponseRejected
    | StreamStarted
    | StreamEnded
    | StreamFailed
    | InitErrorPosted
)
Event = (
    RuntimeRequest
    | InitRequested
    | InvocationAssigned
    | DeadlinePassed
    | IdleElapsed
    | ProcessExited
    | RuntimeRestarted
    | RestartFailed
    | ShutdownRequested
)


# --- commands: what to do --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BeginInit:
    """Tell the waiting runtime process to initialise."""


@dataclass(frozen=True, slots=True)
class EndInitPhase:
    """The Init phase succeeded: its extra CPU ends."""


@dataclass(slots=True)
class DeliverEvent:
    """Answer the participants' request for the next event.

    Attributes:
        deadline_ms: epoch milliseconds.
        again: the runtime has been given it, and asks once more.
    """

    invocation: Invocation
    deadline_ms: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class BeginStream:
    """The caller's answer begins; `AnswerCaller` is its end."""

    invocation: Invocation
    content_type: str


@dataclass(slots=True)
class AnswerCaller:
    """The caller's answer; exactly one for each invocation.

    Attributes:
        payload: the whole response or the error; after `BeginStream` the error, or nothing.
    """

    invocation: Invocation
    payload: bytes
    function_error: str | None
    environment_lost: bool = False


@dataclass(slots=True)
class EndInvocation:
    """A begun invocation is over: write END and REPORT."""

    report: Report


@dataclass(frozen=True, slots=True)
class ReleaseSlot:
    """The environment can take another invocation, though perhaps not serve it yet; always the last command.

    It follows the end of an invocation, and of an Init ahead of every invocation.
    """


@dataclass(frozen=True, slots=True)
class KillRuntime:
    """End every process of this generation; `ProcessExited` follows."""


@dataclass(frozen=True, slots=True)
class RestartRuntime:
    """Start the next generation; `RuntimeRestarted` or `RestartFailed` follows."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Stop the processes where they are."""


@dataclass(frozen=True, slots=True)
class Thaw:
    """Let the processes go on."""


@dataclass(frozen=True, slots=True)
class EndEnvironment:
    """Nothing can follow: give the sandbox back. Frees the slot too, if it is taken."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The Runtime API's answer to a request that isn't allowed now, or at all."""

    status: int
    error_type: str
    message: str


# A platform record is a command to write it to the log.
Command = (
    PlatformRecord
    | BeginInit
    | EndInitPhase
    | DeliverEvent
    | BeginStream
    | AnswerCaller
    | EndInvocation
    | ReleaseSlot
    | KillRuntime
    | RestartRuntime
    | Freeze
    | Thaw
    | EndEnvironment
    | Refuse
)
