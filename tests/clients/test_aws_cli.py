"""The aws command line (version 1, from PyPI), as it comes: only the endpoint is Lambent's."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lambent_server import REGION, ROLE, LambentServer, zip_of

pytestmark = pytest.mark.root

SOURCE = (
    "def handler(event, context):\n"
    "    print('called with', event)\n"
    "    if 'name' not in event:\n"
    "        raise ValueError('who are you?')\n"
    "    return {'hello': event['name']}\n"
)


class AwsCli:
    """Runs `aws` in a folder of its own; the last file argument of invoke is there afterwards."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._environment = environment

    def __call__(self, *arguments: str, status: int = 0) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "awscli", *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended.stdout if status == 0 else ended.stderr

    def json(self, *arguments: str) -> dict[str, object]:
        document: dict[str, object] = json.loads(self(*arguments))
        return document


@pytest.fixture
def aws(lambent: LambentServer, account: str, tmp_path: Path) -> Iterator[AwsCli]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = AwsCli(
        tmp_path,
        kept
        | {
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": lambent.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
        },
    )
    (tmp_path / "function.zip").write_bytes(zip_of({"app.py": SOURCE}))
    (tmp_path / "event.json").write_text('{"name": "Ada"}')
    create = ("lambda", "create-function", "--function-name", "tour", "--runtime", "python3.11", "--handler")
    command(*create, "app.handler", "--role", ROLE, "--zip-file", "fileb://function.zip")
    command("lambda", "wait", "function-active-v2", "--function-name", "tour")
    yield command
    command("lambda", "delete-function", "--function-name", "tour")


def test_create_wait_and_invoke(aws: AwsCli) -> None:
    event = ("--payload", "fileb://event.json", "answer.json")
    answer = aws.json("lambda", "invoke", "--function-name", "tour", *event)
    assert answer == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    assert json.loads((aws.folder / "answer.json").read_text()) == {"hello": "Ada"}


def test_an_error_of_the_function_is_in_the_answer_and_its_log_in_the_tail(aws: AwsCli) -> None:
    event = ("--payload", "{}", "answer.json")
    query = ("--log-type", "Tail", "--query", "[FunctionError, LogResult]")
    function_error, log = json.loads(aws("lambda", "invoke", "--function-name", "tour", *query, *event))
    assert function_error == "Unhandled"
    assert log
    assert json.loads((aws.folder / "answer.json").read_text())["errorMessage"] == "who are you?"


def test_an_event_is_accepted(aws: AwsCli) -> None:
    event = ("--invocation-type", "Event", "--payload", "fileb://event.json", "answer.json")
    assert aws.json("lambda", "invoke", "--function-name", "tour", *event) == {"StatusCode": 202}


def test_publish_update_and_list(aws: AwsCli) -> None:
    name = ("--function-name", "tour")
    assert aws.json("lambda", "publish-version", *name)["Version"] == "1"
    aws("lambda", "wait", "published-version-active", *name, "--qualifier", "1")
    assert aws.json("lambda", "update-function-configuration", *name, "--memory-size", "512")["MemorySize"] == 512
    aws("lambda", "wait", "function-updated-v2", *name)
    sizes = json.loads(aws("lambda", "list-versions-by-function", *name, "--query", "Versions[].MemorySize"))
    assert sizes == [512, 128]


def test_a_function_that_does_not_exist(aws: AwsCli) -> None:
    said = aws("lambda", "get-function", "--function-name", "nobody", status=255)
    assert "ResourceNotFoundException" in said
    assert "Function not found: arn:aws:lambda:" in said


def test_an_operation_that_is_not_there_names_itself(aws: AwsCli) -> None:
    said = aws("lambda", "send-durable-execution-callback-heartbeat", "--callback-id", "x", status=255)
    assert "SendDurableExecutionCallbackHeartbeat" in said
