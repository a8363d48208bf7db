"""Where AWS's runtimes differ: how each client tells of what went wrong, and how it writes numbers and lines.

Everything else is the same in every column of the table.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# What a test compares: a function of the request's id, or a predicate over the error that was received.
Error = dict[str, Any]


@dataclass(frozen=True)
class Family:
    """What depends on the client that runs in the environment.

    Attributes:
        handler_error: whether this is how a handler's error "boom" is told; given the error and the request's id.
        init_error: the same of an error "init failed" before the first `next`.
        numbers: how 12345678901234567890.5 and 1e400 come back from an echo: their text.
        line: how a line that a function writes with its language's usual means looks in the log: a pattern.
        json_line: the same with LogFormat JSON.
        handler_matters: whether the Handler setting names code.
        has_prelude: whether every stream begins with the status and headers of an answer over HTTP.
        stream_error: the type of an error in the middle of a stream; None where it is told in the stream itself.
    """

    name: str
    handler_error: Callable[[Error, str], bool]
    init_error: Callable[[Error, str], bool]
    exactly: bool = False
    line: Callable[[str, str], str] = lambda text, request_id: re.escape(text)
    json_line: Callable[[str, str], str] | None = None
    handler_matters: bool = False
    has_prelude: bool = False
    stream_error: str | None = None


def _exited(status: int) -> Callable[[Error, str], bool]:
    return lambda error, request_id: error == exit_error(request_id, f"exit status {status}")


def exit_error(request_id: str, reason: str) -> Error:
    """Source: runtime-api.md section 5 (recorded)."""
    return {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: {reason}",
    }


# --- Python: ours and awslambdaric. Source: runtime-api.md sections 4 and 5 (recorded). ---


def _python_handler_error(error: Error, request_id: str) -> bool:
    trace = error.pop("stackTrace")
    frame = r'  File "/var/task/app\.py", line \d+, in do_fail\n    raise ValueError\(event\["message"\]\)\n'
    return bool(re.fullmatch(frame, trace[-1])) and error == {
        "errorMessage": "boom",
        "errorType": "ValueError",
        "requestId": request_id,
    }


def _python_init_error(error: Error, request_id: str) -> bool:
    trace = error.pop("stackTrace")
    return "in <module>" in trace[-1] and error == {
        "errorMessage": "init failed",
        "errorType": "RuntimeError",
        "requestId": "",  # the error was there before the request
    }


PYTHON = Family("python", _python_handler_error, _python_init_error, handler_matters=True)

# --- Node.js: ours and aws-lambda-ric. Source: runtime-api.md section 5; logs-metrics-traces.md section 3. ---


def _node_error(error_type: str, message: str) -> Callable[[Error, str], bool]:
    def check(error: Error, request_id: str) -> bool:
        trace = error.pop("trace")
        return (
            trace[0] == f"{error_type}: {message}"
            and all(line.startswith("    at ") for line in trace[1:])
            and error == {"errorType": error_type, "errorMessage": message}
        )

    return check


def _node_line(text: str, request_id: str) -> str:
    level = "ERROR" if text.startswith("err: ") else "INFO"
    return rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{request_id}\t{level}\t{re.escape(text)}"


def _node_json_line(text: str, request_id: str) -> str:
    level = "ERROR" if text.startswith("err: ") else "INFO"
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    message = re.escape(json.dumps(text))
    return rf'\{{"timestamp":"{moment}","level":"{level}","requestId":"{request_id}","message":{message}\}}'


NODE = Family(
    "nodejs",
    _node_error("TypeError", "boom"),
    _node_error("RangeError", "init failed"),
    line=_node_line,
    json_line=_node_json_line,
    handler_matters=True,
    stream_error="RangeError",
)

# --- Custom runtimes: what they post is what the caller gets, byte for byte. ---


def _posted(error_type: str, message: str) -> Callable[[Error, str], bool]:
    return lambda error, request_id: error == {"errorMessage": message, "errorType": error_type}


BARE = Family("bare", _posted("Scenario.Failed", "boom"), _posted("Scenario.InitFailed", "init failed"), exactly=True)

# aws-lambda-go names the error's type, and leaves a panic during init to Go, which exits with status 2.
GO = Family("go", _posted("errorString", "boom"), _exited(2), exactly=True, stream_error="errorString")


def _rust_handler_error(error: Error, request_id: str) -> bool:
    """lambda_runtime names the type as the compiler does, which may change with it."""
    return "dyn core::error::Error" in error.pop("errorType") and error == {"errorMessage": "boom"}


# An error that `main` returns ends a Rust program with status 1, without a word to the Runtime API.
RUST = Family("rust", _rust_handler_error, _exited(1), exactly=True, has_prelude=True)


def _java_error(error_type: str, message: str) -> Callable[[Error, str], bool]:
    def check(error: Error, request_id: str) -> bool:
        trace = error.pop("stackTrace")
        return trace[0].startswith("app.App.") and error == {"errorMessage": message, "errorType": error_type}

    return check


# Of an error in a constructor, the client keeps the trace to itself.
JAVA = Family(
    "java",
    _java_error("java.lang.IllegalArgumentException", "boom"),
    _posted("java.lang.IllegalStateException", "init failed"),
    handler_matters=True,
)
