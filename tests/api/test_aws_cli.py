"""The life of a function with the aws command, its waiters and its paginators, as anybody would type it."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.api.calls import ROLE, package
from tests.lambent_server import REGION, LambentServer

pytestmark = pytest.mark.root


class AwsCommand:
    """`aws lambda …` with nothing but the endpoint, an account and a region."""

    def __init__(self, url: str, account: str, directory: Path) -> None:
        self._directory = directory
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": REGION,
        }

    def __call__(self, *arguments: str) -> Any:
        """What it printed, parsed; None if nothing."""
        command = [sys.executable, "-m", "awscli", "lambda", *arguments]
        done = subprocess.run(
            command, env=self._environment, cwd=self._directory, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"aws {arguments}: {done.stderr.decode()}"
        return json.loads(done.stdout) if done.stdout else None


def test_the_aws_command_creates_updates_publishes_lists_and_deletes(
    lambent: LambentServer, account: str, tmp_path: Path
) -> None:
    aws = AwsCommand(lambent.url, account, tmp_path)
    for number in (1, 2):
        handler = f"def handler(event, context): return {number}"
        (tmp_path / f"{number}.zip").write_bytes(package(handler))
    of_function = ("--function-name", "greet")

    settings = ("--runtime", "python3.13", "--handler", "index.handler", "--role", ROLE)
    created = aws("create-function", *of_function, *settings, "--zip-file", "fileb://1.zip")
    assert created["FunctionArn"] == f"arn:aws:lambda:{REGION}:{account}:function:greet"
    aws("wait", "function-active-v2", *of_function)

    sent = (tmp_path / "2.zip").read_bytes()
    updated = aws("update-function-code", *of_function, "--zip-file", "fileb://2.zip")
    assert updated["CodeSha256"] == base64.b64encode(hashlib.sha256(sent).digest()).decode()
    aws("wait", "function-updated-v2", *of_function)
    with urllib.request.urlopen(aws("get-function", *of_function)["Code"]["Location"]) as answer:
        assert answer.read() == sent

    assert aws("publish-version", *of_function)["Version"] == "1"
    aws("wait", "published-version-active", *of_function, "--qualifier", "1")
    assert aws("invoke", *of_function, "--qualifier", "1", "answer.json")["ExecutedVersion"] == "1"
    assert (tmp_path / "answer.json").read_bytes() == b"2"

    listed = aws("list-functions", "--function-version", "ALL", "--page-size", "1")
    assert [one["Version"] for one in listed["Functions"]] == ["$LATEST", "1"]
    aws("delete-function", *of_function)
    assert aws("list-functions") == {"Functions": []}
