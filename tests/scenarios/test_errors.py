"""What a caller is told when a function fails, and that the next invocation works."""

import pytest

from tests.scenarios.columns import Column, played_on
from tests.scenarios.conftest import Deploy
from tests.scenarios.families import exit_error
from tests.scenarios.functions_under_test import Function


def test_an_error_of_the_handler_is_told_in_the_runtime_s_form(function: Function) -> None:
    answer = function("fail", message="boom")
    assert function.column.family.handler_error(answer.error, answer.request_id), answer.error
    assert function("echo", value=1).result == 1


def test_an_error_of_the_handler_leaves_the_process(function: Function) -> None:
    before = function("count").result
    assert function("fail", message="boom").failed
    assert function("count").result == before + 1


def test_an_error_during_init_is_the_answer_to_each_invocation(deployed: Deploy, column: Column) -> None:
    """Source: runtime-api.md section 4 (recorded)."""
    function = deployed(column, Environment={"SCENARIO_INIT": "fail"})
    for _ in range(2):
        answer = function("echo", value=1)
        assert column.family.init_error(answer.error, answer.request_id), answer.error


def test_an_exit_during_init_is_told_with_its_status(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Environment={"SCENARIO_INIT": "exit"})
    for _ in range(2):
        answer = function("echo", value=1)
        assert answer.error == exit_error(answer.request_id, "exit status 3")


@pytest.mark.parametrize("status", [1, 42])
def test_an_exit_is_told_with_its_status(function: Function, status: int) -> None:
    answer = function("exit", status=status)
    assert answer.error == exit_error(answer.request_id, f"exit status {status}")
    said = f"RequestId: {answer.request_id} Error: Runtime exited with error: exit status {status}"
    assert said in answer.log
    assert "\tStatus: error\tError Type: Runtime.ExitError" in answer.log
    assert function("echo", value=1).result == 1


def test_an_exit_without_a_status_has_no_reason(function: Function) -> None:
    answer = function("exit", status=0)
    assert answer.error == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: Runtime exited without providing a reason",
    }


def test_a_signal_is_told_by_its_name(function: Function) -> None:
    answer = function("signal")
    assert answer.error == exit_error(answer.request_id, "signal: killed")
    assert function("echo", value=1).result == 1


def test_a_timeout_ends_the_process_and_keeps_the_files(deployed: Deploy, column: Column) -> None:
    """Source: runtime-api.md section 5 (recorded)."""
    seconds = column.least_timeout_seconds
    function = deployed(column, Timeout=seconds)
    assert function("write", path="/tmp/kept", megabytes=1).result is True
    assert function("count").result == 1
    stream = function("context").result["logStream"]
    answer = function("sleep", ms=20_000)
    assert answer.error == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after {seconds}.00 seconds",
    }
    assert f"{answer.request_id} Task timed out after {seconds}.00 seconds" in answer.log
    assert function("exists", path="/tmp/kept").result is True
    assert function("count").result == 1
    assert function("context").result["logStream"] == stream  # the same environment, another process
    function("remove", path="/tmp/kept")


@pytest.mark.slow
@played_on(lambda column: column.name == "c")
def test_an_init_of_more_than_ten_seconds_is_repeated_in_the_invocation(deployed: Deploy, column: Column) -> None:
    """Source: runtime-api.md section 4; one runtime will do, for the clock isn't the runtime's."""
    function = deployed(column, Timeout=2, Environment={"SCENARIO_INIT": "sleep"})
    answer = function("echo", value=1)
    assert answer.error["errorMessage"].endswith("Task timed out after 2.00 seconds")
    assert "\tPhase: init\tStatus: timeout" in answer.log


# --- Python, Node.js and Java: the handler names code ---

_HANDLERS = {
    "python": {
        "nothing.handler": (
            "Runtime.ImportModuleError",
            "Unable to import module 'nothing': No module named 'nothing'",
        ),
        "app.nothing": ("Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'app'"),
        "handler": (
            "Runtime.MalformedHandlerName",
            "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
        ),
    },
    "nodejs": {
        "nothing.handler": ("Runtime.ImportModuleError", "Error: Cannot find module 'nothing'"),
        "app.nothing": ("Runtime.HandlerNotFound", "app.nothing is undefined or not exported"),
        "handler": ("Runtime.MalformedHandlerName", "Bad handler"),
    },
    "java": {
        name: ("java.lang.ClassNotFoundException", f"Class not found: {name}")
        for name in ("nothing.handler", "app.nothing", "handler")
    },
}


@played_on(lambda column: column.family.handler_matters)
@pytest.mark.parametrize("handler", ["nothing.handler", "app.nothing", "handler"])
def test_a_wrong_handler_is_an_error_that_names_it(deployed: Deploy, column: Column, handler: str) -> None:
    """Source: runtime-api.md section 5."""
    error_type, message = _HANDLERS[column.family.name][handler]
    error = deployed(column, Handler=handler)("echo", value=1).error
    assert (error["errorType"], error["errorMessage"].splitlines()[0]) == (error_type, message)
