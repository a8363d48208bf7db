"""What AWS's developer guide shows of Python functions, each written anew: they run here as they are."""

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.lambent_server import REGION, create_function

pytestmark = pytest.mark.root

FUNCTIONS = Path(__file__).parent / "functions"
RUNTIMES = ("python3.9", "python3.13")

Invoke = Callable[..., Any]


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def deploy(client: Any, runtime: str) -> Callable[..., Invoke]:
    """Deploys a function of the folder `functions` and gives something that invokes it."""

    def deployed(name: str, *, handler: str = "app.handler", **settings: Any) -> Invoke:
        path = FUNCTIONS / name
        files: Mapping[str, str | bytes] = (
            {"app.py": path.with_suffix(".py").read_bytes()}
            if not path.is_dir()
            else {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*.*") if file.is_file()}
        )
        create_function(client, "guide", files, Runtime=runtime, Handler=handler, **settings)

        def invoke(event: object, **parameters: Any) -> dict[str, Any]:
            answer = client.invoke(FunctionName="guide", Payload=json.dumps(event), LogType="Tail", **parameters)
            return {
                "answer": json.load(answer["Payload"]),
                "error": answer.get("FunctionError"),
                "log": base64.b64decode(answer["LogResult"]).decode(),
                "request_id": answer["ResponseMetadata"]["RequestId"],
            }

        return invoke

    return deployed


def test_the_context_object(deploy: Callable[..., Invoke], account: str) -> None:
    context = {"client": {"app_title": "shop"}, "custom": {"tenant": "t1"}, "env": {"locale": "de_CH"}}
    encoded = base64.b64encode(json.dumps(context).encode()).decode()
    seen = deploy("context_fields", Timeout=20, MemorySize=256)({}, ClientContext=encoded)
    answer = seen["answer"]
    assert 15_000 < answer.pop("remaining_ms") <= 20_000
    stream = answer.pop("log_stream_name")
    assert f"log stream: {stream}" in seen["log"]
    assert "/[$LATEST]" in stream
    assert answer.pop("identity") is None
    assert answer == {
        "function_name": "guide",
        "function_version": "$LATEST",
        "invoked_function_arn": f"arn:aws:lambda:{REGION}:{account}:function:guide",
        "memory_limit_in_mb": "256",
        "aws_request_id": seen["request_id"],
        "log_group_name": "/aws/lambda/guide",
        "client": ["shop", "t1", "de_CH"],
    }


def test_environment_variables(deploy: Callable[..., Invoke]) -> None:
    invoke = deploy("environment", Environment={"Variables": {"STAGE": "test"}})
    assert invoke({})["answer"] == {
        "own": "test",
        "region": REGION,
        "memory": "128",
        "name": "guide",
        "root": "/var/task",
        "working_directory": "/var/task",
    }


def test_exceptions(deploy: Callable[..., Invoke]) -> None:
    seen = deploy("errors")({"item": "tea"})
    assert seen["error"] == "Unhandled"
    assert seen["answer"]["errorType"] == "OutOfStock"
    assert seen["answer"]["errorMessage"] == "no tea left"
    assert seen["answer"]["requestId"] == seen["request_id"]
    assert 'File "/var/task/app.py", line' in seen["answer"]["stackTrace"][0]
    assert "[ERROR] OutOfStock: no tea left" in seen["log"]


def test_a_handler_that_ends_its_process(deploy: Callable[..., Invoke]) -> None:
    seen = deploy("errors")({"exit": 3})
    assert seen["error"] == "Unhandled"
    assert seen["answer"] == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {seen['request_id']} Error: Runtime exited with error: exit status 3",
    }


def test_the_space_in_tmp(deploy: Callable[..., Invoke]) -> None:
    invoke = deploy("scratch_space")
    first, second = invoke({})["answer"], invoke({})["answer"]
    assert (first["lines"], second["lines"]) == (1, 2)
    assert first["refused"] == "Read-only file system"
    assert 450 < first["free_mb"] <= 512


def test_structured_logging(deploy: Callable[..., Invoke]) -> None:
    log = deploy("structured_logging")({"order": "A-1"})["log"]
    assert '{"level": "INFO", "message": "accepted", "order": "A-1"}\n' in log
    assert "not shown" not in log
    assert log.count("root logger too") == 1
    assert "[WARNING]\t" in log


def test_coroutines_threads_and_processes(deploy: Callable[..., Invoke]) -> None:
    assert deploy("concurrent_work")([1, 2, 3])["answer"] == {"squares": [1, 4, 9], "doubled": [2, 4, 6], "sum": 6}


def test_exact_numbers(deploy: Callable[..., Invoke]) -> None:
    invoke = deploy("exact_numbers")
    assert invoke({"prices": ["0.1", "0.2"]})["answer"] == {"statusCode": 200, "body": '{"total": "0.3"}'}
    assert invoke({"prices": ["1.5"], "raw": True})["answer"] == {
        "total": 1.5
    }  # Source: awslambdaric, its JSON encoder


def test_a_package_with_a_file_beside_its_modules(deploy: Callable[..., Invoke]) -> None:
    assert deploy("package_of_modules", handler="shop.entry.handler")("tea")["answer"] == "4.50 CHF"


@pytest.mark.parametrize("runtime", RUNTIMES[1:], indirect=True)  # boto3 itself wants Python 3.10 by now
def test_a_function_that_calls_the_api_it_runs_on(deploy: Callable[..., Invoke]) -> None:
    assert deploy("own_api", Timeout=30, MemorySize=256)({})["answer"] == {"memory": 256, "state": "Active"}
