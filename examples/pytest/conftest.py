"""A server for the whole test run, and a Lambda client in an account of its own for each test."""

import itertools
import re
import subprocess
import sys

import boto3
import pytest

_accounts = itertools.count(100000000000)


@pytest.fixture(scope="session")
def endpoint_url(tmp_path_factory):
    """The URL of a `lambent dev` on a free port, with a data directory that goes with the tests."""
    folder = tmp_path_factory.mktemp("lambent")
    command = [sys.executable, "-m", "lambent", "dev", "--port", "0", "--data-dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        first_line = server.stdout.readline()
        found = re.search(r"http://\S+", first_line)
        assert found, f"lambent dev did not start: {first_line}"
        yield found[0]
        server.terminate()


@pytest.fixture
def lambda_client(endpoint_url):
    """A client whose account nobody else uses: a 12-digit access key is the account."""
    return boto3.client(
        "lambda",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=str(next(_accounts)),
        aws_secret_access_key="test",
    )
