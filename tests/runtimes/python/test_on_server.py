"""One scenario for every Python: what a function sees and says, through the API of a real server."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from lambent.runtimes.python.interpreters import Interpreter
from tests.invoke.caller import Caller
from tests.lambent_server import LambentServer, create_function, wait_until_active, zip_of

FRAMES = "\u00a0\u00a0"


@pytest.fixture
def caller(lambent: LambentServer, account: str) -> Caller:
    return Caller(lambent.port, account)


class Answer(NamedTuple):
    """What came of one invocation; `log` is its tail."""

    result: Any
    failed: bool
    request_id: str
    log: str


Function = Callable[..., Answer]


@pytest.fixture
def function(client: Any, caller: Caller, interpreter: Interpreter) -> Callable[..., Function]:
    """Deploys a function under the Python of the parameter; calling what it returns invokes it."""

    def deploy(source: str | Mapping[str, str | bytes], **settings: Any) -> Function:
        create_function(client, "fn", source, **{"Runtime": interpreter.identifier, "Timeout": 20, **settings})

        def invoke(event: Any = None, **headers: str) -> Answer:
            answer = caller.invoke("fn", json.dumps(event).encode(), headers={"X-Amz-Log-Type": "Tail", **headers})
            assert answer.status == 200, answer.body
            return Answer(
                json.loads(answer.body),
                "x-amz-function-error" in answer.headers,
                answer.headers["x-amzn-requestid"],
                base64.b64decode(answer.headers["x-amz-log-result"]).decode(),
            )

        return invoke

    return deploy


Deploy = Callable[..., Function]


def output(answer: Answer) -> str:
    """What the function wrote: the log between START and END."""
    return answer.log.partition(" Version: $LATEST\n")[2].rpartition("END RequestId: ")[0]


def test_the_declared_version_runs(function: Deploy, interpreter: Interpreter) -> None:
    answer = function("import sys\ndef handler(event, context):\n    return 'python%d.%d' % sys.version_info[:2]\n")()
    assert answer.result == interpreter.identifier


def test_the_context_has_all_its_fields(function: Deploy, caller: Caller) -> None:
    """Source: developer guide, "Using the Lambda context object"; invocation.md section 8."""
    source = """\
def handler(event, context):
    left = context.get_remaining_time_in_millis()
    return [
        context.function_name, context.function_version, context.invoked_function_arn, context.memory_limit_in_mb,
        context.aws_request_id, context.log_group_name, context.log_stream_name, 18_000 < left <= 20_000,
        context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id, context.client_context,
        context.tenant_id,
    ]
"""
    answer = function(source, MemorySize=192)()
    stream = answer.result.pop(6)
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    assert answer.result == [
        "fn", "$LATEST", caller.arn("fn"), "192", answer.request_id, "/aws/lambda/fn", True, None, None, None, None,
    ]  # fmt: skip


def test_the_environment_is_aws_s(function: Deploy, interpreter: Interpreter) -> None:
    """Source: runtime-api.md section 7."""
    source = "import os, sys\ndef handler(event, context):\n    return [dict(os.environ), sys.path, os.getcwd(), sys.executable]\n"
    variables, path, directory, executable = function(source, Environment={"Variables": {"COLOUR": "red"}})().result
    expected = {
        "COLOUR": "red",
        "_HANDLER": "app.handler",
        "AWS_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{interpreter.identifier}",
        "AWS_LAMBDA_FUNCTION_NAME": "fn",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/fn",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": "/var/runtime",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert not [name for name in variables if name.startswith("LAMBENT")]
    assert path[0] == "/var/task"
    assert directory == "/var/task"
    assert executable.startswith("/var/lang/bin/python3")


def test_output_keeps_its_order_and_its_lines(function: Deploy) -> None:
    source = """\
import sys, os, subprocess

def handler(event, context):
    print("one")
    sys.stderr.write("two\\n")
    print("th", end="")
    print("ree\\rstill three")
    os.write(1, b"four\\n")
    subprocess.run(["/bin/sh", "-c", "echo five"])
    print("six without an end", end="")
"""
    invoke = function(source)
    for _ in range(2):
        assert output(invoke()) == "one\ntwo\nthree\rstill three\nfour\nfive\nsix without an end"


def test_text_logs_have_level_time_and_request_id(function: Deploy) -> None:
    """Source: logs-metrics-traces.md section 3."""
    source = """\
import logging
logging.getLogger().warning("in init")

def handler(event, context):
    logging.getLogger().setLevel(logging.INFO)
    logging.info("hello %s", "there")
    logging.getLogger("mine").error("two\\nlines")
    logging.debug("not this")
"""
    answer = function(source)()
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.search(rf"\[WARNING\]\t{time}\t\tin init\n", answer.log)
    assert re.fullmatch(
        rf"\[INFO\]\t{time}\t{answer.request_id}\thello there\n\[ERROR\]\t{time}\t{answer.request_id}\ttwo\nlines\n",
        output(answer),
    )


def test_json_logs_are_objects_of_the_configured_level(function: Deploy) -> None:
    """Source: logs-metrics-traces.md section 4."""
    source = """\
import logging
log = logging.getLogger("mine")

def handler(event, context):
    log.info("not this")
    log.warning("careful", extra={"order": 7})
    if event:
        raise ValueError("no")
"""
    invoke = function(source, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"})
    answer = invoke()
    records = [json.loads(line) for line in answer.log.splitlines() if '"logger"' in line]
    assert len(records) == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", records[0].pop("timestamp"))
    assert records == [
        {"level": "WARNING", "message": "careful", "logger": "mine", "order": 7, "requestId": answer.request_id}
    ]
    failed = invoke(1)
    assert failed.failed
    assert '"errorType": "ValueError"' in failed.log


def test_an_exception_has_type_text_and_frames_of_the_function_only(function: Deploy) -> None:
    source = """\
class OutOfStock(Exception):
    pass

def deeper(event):
    raise OutOfStock(f"no {event} left")

def handler(event, context):
    deeper(event)
"""
    answer = function(source)("tea")
    assert answer.failed
    assert (answer.result["errorType"], answer.result["errorMessage"]) == ("OutOfStock", "no tea left")
    assert answer.result["requestId"] == answer.request_id
    assert [frame.splitlines()[0] for frame in answer.result["stackTrace"]] == [
        '  File "/var/task/app.py", line 8, in handler',
        '  File "/var/task/app.py", line 5, in deeper',
    ]
    assert (
        f'[ERROR] OutOfStock: no tea left\nTraceback (most recent call last):\n{FRAMES}File "/var/task/app.py"'
        in answer.log
    )


def test_what_isnt_json_cant_be_returned(function: Deploy) -> None:
    answer = function("def handler(event, context):\n    return {1}\n")()
    assert answer.failed
    assert answer.result["errorType"] == "Runtime.MarshalError"
    assert answer.result["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"


def test_module_state_is_kept_between_invocations(function: Deploy) -> None:
    invoke = function("n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n")
    assert [invoke().result for _ in range(3)] == [1, 2, 3]


def test_big_numbers_and_text_come_back_unharmed(function: Deploy) -> None:
    invoke = function("def handler(event, context):\n    return event\n")
    event = {"n": 12345678901234567890123456789, "f": 0.1, "s": "Grüße 🌍 \u2028", "nested": [[[[]]]], "": None}
    assert invoke(event).result == event


def test_a_lot_of_output_arrives_in_order(function: Deploy) -> None:
    source = (
        "def handler(event, context):\n    for n in range(20_000):\n        print(n, 'x' * 100)\n    return 'done'\n"
    )
    answer = function(source)()
    assert answer.result == "done"
    tail = [int(found) for found in re.findall(r"^(\d+) x{100}$", answer.log, re.MULTILINE)]
    assert tail == list(range(20_000 - len(tail), 20_000))
    assert len(tail) > 20


def test_what_an_interpreter_reads_at_its_start_is_in_force(function: Deploy) -> None:
    source = "import os, sys\ndef handler(event, context):\n    return [sys.flags.optimize, hash('a'), os.environ.get('PYTHONHASHSEED')]\n"
    invoke = function(source, Environment={"Variables": {"PYTHONOPTIMIZE": "2", "PYTHONHASHSEED": "0"}})
    first = invoke()
    assert (first.result[0], first.result[2]) == (2, "0")
    assert invoke().result == first.result


def test_a_wrapper_script_starts_the_interpreter(function: Deploy, client: Any) -> None:
    """Source: developer guide, "Modifying the runtime environment", AWS_LAMBDA_EXEC_WRAPPER."""
    source = "import os\ndef handler(event, context):\n    return os.environ['WRAPPED']\n"
    invoke = function(source, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}})
    package = io.BytesIO(zip_of({"app.py": source}))
    with zipfile.ZipFile(package, "a") as archive:
        wrapper = zipfile.ZipInfo("wrapper")
        wrapper.external_attr = 0o755 << 16
        archive.writestr(wrapper, '#!/bin/sh\nexport WRAPPED="yes: $(basename "$1")"\nexec "$@"\n')
    client.update_function_code(FunctionName="fn", ZipFile=package.getvalue())
    wait_until_active(client, "fn")
    assert invoke().result.startswith("yes: python3")


def test_a_wrapper_that_isnt_there_is_exit_status_127(function: Deploy) -> None:
    """Source: runtime-api.md section 5 (recorded)."""
    invoke = function(
        "def handler(event, context):\n    return 1\n",
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/missing"}},
    )
    answer = invoke()
    assert answer.failed
    assert answer.result["errorType"] == "Runtime.ExitError"
    assert answer.result["errorMessage"].endswith("Runtime exited with error: exit status 127")


def test_boto3_is_there_and_speaks_to_lambent(function: Deploy, interpreter: Interpreter) -> None:
    """Source: developer guide: the Python runtimes have boto3; its present version needs Python 3.10."""
    if interpreter.identifier == "python3.9":
        pytest.skip("the boto3 of these days needs 3.10")
    source = """\
import boto3

def handler(event, context):
    names = [f["FunctionName"] for f in boto3.client("lambda").list_functions()["Functions"]]
    return [names, boto3.client("sts").meta.region_name]
"""
    assert function(source, MemorySize=512)().result == [["fn"], "eu-west-1"]
