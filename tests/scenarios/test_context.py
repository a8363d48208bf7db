"""What a function is told about itself and the invocation."""

import base64
import json
import re
from typing import Any

from tests.lambent_server import REGION
from tests.scenarios.columns import Column, played_on
from tests.scenarios.conftest import Deploy
from tests.scenarios.functions_under_test import Function

ACCOUNT = "300000000001"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def arn(function: Function) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}"


def test_the_context_has_its_fields(function: Function) -> None:
    """Source: developer guide, "context object" of each language; runtime-api.md sections 2.1 and 7."""
    answer = function("context")
    context = {"clientContext": None, "identity": None, **answer.result}  # Java's JSON leaves out what is null
    assert 15_000 < context.pop("remainingMs") <= 20_000
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", context.pop("logStream"))
    assert context.pop("traceId").startswith("Root=1-")
    assert context == {
        "requestId": answer.request_id,
        "functionArn": arn(function),
        "functionName": function.name,
        "functionVersion": "$LATEST",
        "memoryMb": 192,
        "logGroup": f"/aws/lambda/{function.name}",
        "clientContext": None,
        "identity": None,
    }


def test_the_arn_is_qualified_as_the_caller_did(function: Function) -> None:
    """Source: runtime-api.md section 2.1 (recorded)."""
    answer = function.invoke(b'{"do":"context"}', Qualifier="$LATEST")
    assert answer.result["functionArn"] == f"{arn(function)}:$LATEST"


def test_the_client_context_comes_from_the_caller(function: Function) -> None:
    client = {
        "client": {"installation_id": "i", "app_title": "t", "app_version_name": "n", "app_version_code": "c",
                   "app_package_name": "p"},
        "custom": {"colour": "grün"},
        "env": {"locale": "de"},
    }  # fmt: skip
    encoded = base64.b64encode(json.dumps(client).encode()).decode()
    assert function.invoke(b'{"do":"context"}', ClientContext=encoded).result["clientContext"]["custom"] == {
        "colour": "grün"
    }
    assert function("context").result.get("clientContext") is None


def test_the_trace_header_goes_through(function: Function) -> None:
    """Source: runtime-api.md section 2.1; invocation.md section 1."""

    def add(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = TRACE

    events = function.client.meta.events
    events.register("before-sign.lambda.Invoke", add)
    try:
        traced = function("context").result["traceId"]
    finally:
        events.unregister("before-sign.lambda.Invoke", add)
    assert traced.startswith("Root=1-5759e988-bd862e3fe1be46a994272793;")
    assert "Sampled=1" in traced
    assert function("context").result["traceId"] != traced


def test_the_environment_is_aws_s(deployed: Deploy, column: Column) -> None:
    """Source: runtime-api.md section 7."""
    function = deployed(column, Environment={"COLOUR": 'r"e\\d', "TZ": "Europe/Berlin"})
    variables = function("environment").result
    expected = {
        "COLOUR": 'r"e\\d',
        "TZ": "Europe/Berlin",  # unreserved: the function's own wins
        "_HANDLER": column.handler,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": None if column.is_provided else f"AWS_Lambda_{column.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "192",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_LAMBDA_MAX_CONCURRENCY": None,
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LANG": "en_US.UTF-8",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    }
    if column.runtime == "provided.al2":
        expected["PATH"] = "/usr/local/bin:/usr/bin/:/bin:/opt/bin"
    assert {name: variables.get(name) for name in expected} == expected
    assert variables["AWS_ACCESS_KEY_ID"]
    assert variables["LD_LIBRARY_PATH"].endswith("/var/task:/var/task/lib:/opt/lib")
    assert not [name for name in variables if name.startswith(("LAMBENT", "PYTEST", "HOME", "USER"))]


def test_the_time_left_is_the_invocation_s_own(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Timeout=7)
    assert 4_000 < function("context").result["remainingMs"] <= 7_000
    assert 4_000 < function("context").result["remainingMs"] <= 7_000


def test_a_process_is_where_and_who_aws_has_it(function: Function) -> None:
    """Source: runtime-api.md section 8."""
    process = function("process").result
    assert (process["directory"], process["uid"], process["gid"]) == ("/var/task", 993, 990)


@played_on(lambda column: not column.family.handler_matters)
def test_custom_runtimes_find_the_handler_in_a_variable(deployed: Deploy, column: Column) -> None:
    """Source: runtime-api.md section 8: only there."""
    assert deployed(column, Handler="what.ever")("environment").result["_HANDLER"] == "what.ever"
