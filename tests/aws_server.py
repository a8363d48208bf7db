"""The rest of AWS for tests: a moto server as a process of its own, and clients of it."""

import collections
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

_URL = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")


@contextmanager
def aws_server() -> Iterator[str]:
    """The URL of an AWS with nothing in it."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        # It logs each request: nobody reads that, and a full pipe would stop it.
        reader = threading.Thread(target=collections.deque, args=(process.stdout, 0), daemon=True)
        try:
            said = ""
            for line in process.stdout:
                said += line
                match = _URL.search(line)
                if match:
                    break
            else:
                raise AssertionError(f"no AWS server: {said}")
            reader.start()
            yield match[1]
        finally:
            process.kill()
            if reader.ident is not None:
                reader.join()  # before the pipe is closed under it


def environment_with_aws(url: str) -> dict[str, str]:
    """What a server that looks for every service there has in its environment."""
    return {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}


def aws_client(service: str, url: str, *, region: str = "us-east-1") -> Any:
    """Makes what Lambent shall find. All of it is in one account: moto knows accounts by keys of its IAM."""
    return boto3.session.Session("any", "any", region_name=region).client(service, endpoint_url=url)
