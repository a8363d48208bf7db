"""How a function can fail, and what its caller is told each time: runtime-api.md sections 4 and 5."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.golden import assert_answer, sample
from tests.invoke.caller import Caller
from tests.lambent_server import create_function

COUNTER = "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n"


class Failure(NamedTuple):
    """A function that fails when its event is true, and the error; {id} is the request's."""

    source: str
    error: Mapping[str, Any]
    settings: Mapping[str, Any] = {}


EXIT = (
    "import os, signal, sys, ctypes, time\ndef handler(event, context):\n    if event:\n        {}\n    return 'fine'\n"
)
FAILURES = {
    "an exception": Failure(
        "def handler(event, context):\n    if event:\n        raise ValueError('no')\n    return 'fine'\n",
        {
            "errorMessage": "no",
            "errorType": "ValueError",
            "requestId": "{id}",
            "stackTrace": ["  File \"/var/task/app.py\", line 3, in handler\n    raise ValueError('no')\n"],
        },
    ),
    "exit 0": Failure(
        EXIT.format("os._exit(0)"),
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: {id} Error: Runtime exited without providing a reason",
        },
    ),
    "exit 1": Failure(
        EXIT.format("os._exit(1)"),
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: {id} Error: Runtime exited with error: exit status 1",
        },
    ),
    "exit 42 by sys.exit": Failure(
        EXIT.format("sys.exit(42)"),
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: {id} Error: Runtime exited with error: exit status 42",
        },
    ),
    "SIGKILL": Failure(
        EXIT.format("os.kill(os.getpid(), signal.SIGKILL); time.sleep(9)"),
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: {id} Error: Runtime exited with error: signal: killed",
        },
    ),
    "a segmentation fault": Failure(
        EXIT.format("ctypes.string_at(0)"),
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: {id} Error: Runtime exited with error: signal: segmentation fault",
        },
    ),
    "SIGTERM": Failure(
        EXIT.format("signal.signal(15, signal.SIG_DFL); os.kill(os.getpid(), 15); time.sleep(9)"),
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: {id} Error: Runtime exited with error: signal: terminated",
        },
    ),
    "out of memory": Failure(
        EXIT.format("held = bytearray(400 * 1024 * 1024)"),
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: {id} Error: Runtime exited with error: signal: killed",
        },
        {"MemorySize": 128, "Timeout": 20},
    ),
    "a result that isn't JSON": Failure(
        "def handler(event, context):\n    return {1, 2} if event else 'fine'\n",
        {
            "errorType": "Runtime.MarshalError",
            "errorMessage": "Unable to marshal response: Object of type set is not JSON serializable",
            "requestId": "{id}",
            "stackTrace": [],
        },
    ),
    "the timeout": Failure(
        EXIT.format("time.sleep(9)"),
        {"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: {id} Error: Task timed out after 1.00 seconds"},
        {"Timeout": 1},
    ),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_failure_is_an_answer_and_the_next_invocation_works(caller: Caller, client: Any, failure: Failure) -> None:
    create_function(client, "fn", failure.source, **failure.settings)
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=1)
    assert caller.result("fn", False) == "fine"
    answer = caller.invoke("fn", b"true")
    assert (answer.status, answer.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    error = json.loads(answer.body)
    assert error == with_id(failure.error, answer.headers["x-amzn-requestid"])
    assert caller.result("fn", False) == "fine"  # at once: the reserved execution is free again with the answer


def with_id(error: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    return {
        name: value.replace("{id}", request_id) if isinstance(value, str) else value for name, value in error.items()
    }


INIT_FAILURES = {
    "a module that raises": Failure(
        "raise RuntimeError('boom')\n",
        {
            "errorMessage": "boom",
            "errorType": "RuntimeError",
            "requestId": "",
            "stackTrace": "<…line 1, in <module>>",
        },
    ),
    "a module that isn't there": Failure(
        "",
        {
            "errorMessage": "Unable to import module 'nothing': No module named 'nothing'",
            "errorType": "Runtime.ImportModuleError",
            "requestId": "",
            "stackTrace": [],
        },
        {"Handler": "nothing.handler"},
    ),
    "an import of what isn't there": Failure(
        "import nothing\n",
        {
            "errorMessage": "Unable to import module 'app': No module named 'nothing'",
            "errorType": "Runtime.ImportModuleError",
            "requestId": "",
            "stackTrace": [],
        },
    ),
    "a handler that isn't there": Failure(
        "",
        {
            "errorMessage": "Handler 'handler' missing on module 'app'",
            "errorType": "Runtime.HandlerNotFound",
            "requestId": "",
            "stackTrace": [],
        },
    ),
    "a handler without a dot": Failure(
        "",
        {
            "errorMessage": "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
            "errorType": "Runtime.MalformedHandlerName",
            "requestId": "",
            "stackTrace": [],
        },
        {"Handler": "handler"},
    ),
    "a syntax error": Failure(
        "def handler(event, context)\n    return 1\n",
        {
            "errorMessage": "Syntax error in module 'app': expected ':' (app.py, line 1)",
            "errorType": "Runtime.UserCodeSyntaxError",
            "requestId": "",
            "stackTrace": ['  File "/var/task/app.py" Line 1\n    def handler(event, context)\n'],
        },
    ),
    "exit in the module": Failure(
        "import os\nos._exit(3)\n",
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: {id} Error: Runtime exited with error: exit status 3",
        },
    ),
}


@pytest.mark.parametrize("failure", INIT_FAILURES.values(), ids=INIT_FAILURES)
def test_a_failed_init_is_the_answer_to_each_invocation(caller: Caller, client: Any, failure: Failure) -> None:
    """Without a request id: the error was there before the request. Source: runtime-api.md section 4 (recorded)."""
    create_function(client, "fn", failure.source, **failure.settings)
    for _ in range(2):
        answer = caller.invoke("fn")
        assert (answer.status, answer.headers["x-amz-function-error"]) == (200, "Unhandled")
        error = json.loads(answer.body)
        expected = with_id(failure.error, answer.headers["x-amzn-requestid"])
        if isinstance(expected.get("stackTrace"), str):
            assert any("in <module>" in frame for frame in error.pop("stackTrace"))
            del expected["stackTrace"]
        assert error == expected


def test_the_recorded_answers_of_failing_functions(caller: Caller, client: Any) -> None:
    raising = "def handler(event, context):\n    raise Exception('Handler fails')\n"
    startup = "raise Exception('Runtime startup fails')\n"
    waiting = "import time\ndef handler(event, context):\n    time.sleep(event['wait'])\n"
    for when, source, payload in (
        ("handler raises an error (Python)", raising, b"{}"),
        ("module raises an error while loading (Python)", startup, b"{}"),
        ("function runs into its timeout of one second", waiting, b'{"wait": 2}'),
    ):
        golden = sample("invoke", "Invoke", when)
        name = re.sub(r"\W", "-", when)
        create_function(client, name, source, Timeout=1)
        answer = caller.invoke(name, payload)
        body = {**golden.body}
        if body.get("stackTrace") == "<list of strings>":
            trace = json.loads(answer.body)["stackTrace"]
            assert trace
            assert all(isinstance(line, str) for line in trace)
            body["stackTrace"] = trace
        values = {"request-id": answer.headers["x-amzn-requestid"]}
        assert_answer(type(golden)(**{**vars(golden), "body": body}), answer, values)
        for header, value in golden.headers.items():
            assert answer.headers[header.lower()] == value


def test_a_process_that_ends_after_its_response_has_answered(caller: Caller, client: Any) -> None:
    """Source: runtime-api.md section 5: the caller keeps its success."""
    source = "import os, threading, time\ndef handler(event, context):\n    threading.Thread(target=lambda: (time.sleep(0.05), os._exit(1))).start()\n    return 'fine'\n"
    create_function(client, "fn", source)
    assert caller.result("fn") == "fine"
    assert caller.result("fn") == "fine"


def test_files_in_tmp_outlive_a_crash_and_module_state_does_not(caller: Caller, client: Any) -> None:
    """Source: runtime-api.md section 5 (recorded)."""
    source = """\
import os
state = []
def handler(event, context):
    if event == "write":
        state.append(1)
        open("/tmp/kept", "w").write("kept")
    if event == "crash":
        os._exit(1)
    return [os.path.exists("/tmp/kept"), len(state)]
"""
    create_function(client, "fn", source)
    assert caller.result("fn", "write") == [True, 1]
    caller.error("fn", "crash")
    assert caller.result("fn", "read") == [True, 0]
