"""The environment's errors: what can go wrong around a function, by AWS's names and in AWS's words.

None of these is a Python exception: a fault is a value that becomes the caller's answer, a line in the log and the
error type in REPORT.
Source for all: reference/runtime-api.md section 5, unless a line says otherwise.
"""

import json
import re
from dataclasses import dataclass
from typing import Final

EXIT_ERROR: Final = "Runtime.ExitError"
"""The runtime process ended: by itself, by a signal, or at its memory limit."""
TIMED_OUT: Final = "Sandbox.Timedout"
"""The function's timeout passed before the invocation was over."""
RESPONSE_SIZE_TOO_LARGE: Final = "Function.ResponseSizeTooLarge"
"""The runtime posted more than `MAX_PAYLOAD_BYTES`."""
ENVIRONMENT_LOST: Final = "Sandbox.Failure"
"""The environment went away under the invocation. Source: AWS Runtime Interface Emulator, `fatalerror`."""
INVALID_RESPONSE_MODE: Final = "Runtime.InvalidResponseModeHeader"
"""The runtime asked for a response mode that doesn't exist. Source: the same, section 2.3."""
TRUNCATED_RESPONSE: Final = "Runtime.TruncatedResponse"
"""The runtime's connection ended in the middle of a streamed response. Source: the same, section 2.3."""

_KNOWN_ERROR_TYPE = re.compile(r"(?:Runtime|Function)\.[A-Z][a-zA-Z]+")
_MAX_ERROR_TYPE = 256  # it goes into a log line; ours

_RESPONSE_TOO_LARGE_TEXT = "Response payload size exceeded maximum allowed payload size ({limit} bytes)."

# What Go's os.ProcessState says; AWS's platform is written in Go. Source: Go, src/syscall/zerrors_linux_amd64.go.
_SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    10: "user defined signal 1",
    11: "segmentation fault",
    12: "user defined signal 2",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
    16: "stack fault",
    17: "child exited",
    18: "continued",
    19: "stopped (signal)",
    20: "stopped",
    21: "stopped (tty input)",
    22: "stopped (tty output)",
    23: "urgent I/O condition",
    24: "CPU time limit exceeded",
    25: "file size limit exceeded",
    26: "virtual timer expired",
    27: "profiling timer expired",
    28: "window changed",
    29: "I/O possible",
    30: "power failure",
    31: "bad system call",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that went wrong.

    Attributes:
        error_type: one of the constants above, or what the runtime posted.
        message: what stands after "Error: ".
        payload: the caller's answer, where the runtime itself posted one; else it is made from type and message.
    """

    error_type: str
    message: str = ""
    payload: bytes | None = None

    def answer(self, request_id: str) -> bytes:
        """The payload for the caller, as JSON."""
        if self.payload is not None:
            return self.payload
        return _error_object(self.error_type, f"RequestId: {request_id} Error: {self.message}")


def reported_error_type(text: str) -> str:
    """What is kept of an error type that a runtime reports: it goes to logs and telemetry, never to the caller.

    Source: reference/runtime-api.md section 2.4.
    """
    if _KNOWN_ERROR_TYPE.search(text) and len(text) <= _MAX_ERROR_TYPE and text.isprintable():
        return text
    return "Function.Unknown" if text.startswith("Function.") else "Runtime.Unknown"


def exit_fault(code: int | None, signal: int | None) -> Fault:
    """The runtime process ended with an exit code, or by a signal."""
    if signal is not None:
        return Fault(EXIT_ERROR, f"Runtime exited with error: signal: {_SIGNALS.get(signal, f'signal {signal}')}")
    if code:
        return Fault(EXIT_ERROR, f"Runtime exited with error: exit status {code}")
    return Fault(EXIT_ERROR, "Runtime exited without providing a reason")


def timeout_fault(timeout_seconds: float) -> Fault:
    """The function's timeout passed."""
    return Fault(TIMED_OUT, f"Task timed out after {timeout_seconds:.2f} seconds")


def response_too_large_fault(limit_bytes: int) -> Fault:
    """The response is over the limit. Its message names no request id."""
    message = _RESPONSE_TOO_LARGE_TEXT.format(limit=limit_bytes)
    payload = json.dumps({"errorMessage": message, "errorType": RESPONSE_SIZE_TOO_LARGE}, separators=(",", ":"))
    return Fault(RESPONSE_SIZE_TOO_LARGE, message, payload.encode())


def environment_lost_fault() -> Fault:
    """The environment was shut down, or its sandbox broke, before the invocation was over. Source: unverified."""
    return Fault(ENVIRONMENT_LOST, "The execution environment went away")


def _error_object(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()
