"""S3 for tests: a moto server as a process of its own, and a Lambent that fetches deployment packages from it."""

import collections
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import boto3

_URL = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")
_CREDENTIALS = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of an empty S3."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            said = ""
            for line in process.stdout:
                said += line
                match = _URL.search(line)
                if match:
                    break
            else:
                raise AssertionError(f"no S3 server: {said}")
            # It logs each request: nobody reads that, and a full pipe would stop it.
            threading.Thread(target=collections.deque, args=(process.stdout, 0), daemon=True).start()
            yield match[1]
        finally:
            process.kill()


@contextmanager
def environment_with_s3(url: str) -> Iterator[None]:
    """What is started in the block looks for S3 there."""
    with mock.patch.dict(
        os.environ, {"AWS_ENDPOINT_URL_S3": url, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    ):
        yield


def s3_client(url: str) -> Any:
    """Puts what Lambent shall fetch."""
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", **_CREDENTIALS)
