"""Clients of the shared server, and the servers of the few tests that the shared one can't serve."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.api.control_plane import ControlPlane
from tests.aws_server import aws_client, aws_server, environment_with_aws
from tests.lambent_server import REGION, LambentServer

ClientFactory = Callable[..., Any]


@pytest.fixture(scope="session")
def _session() -> boto3.Session:
    return boto3.Session()  # loads the model of the API once


@pytest.fixture
def lambda_client(lambent: LambentServer, account: str, _session: boto3.Session) -> Iterator[ClientFactory]:
    """Makes clients that check nothing themselves: `lambda_client(account=…, region=…)`, by default the test's account.

    The functions that there are for these clients at the end of the test are deleted.
    """
    made = []

    def make(*, account: str = account, region: str = REGION, url: str = "") -> Any:
        client = _session.client(
            "lambda",
            region_name=region,
            endpoint_url=url or lambent.url,
            aws_access_key_id=account,
            aws_secret_access_key="any",
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
        )
        if not url:
            made.append(client)
        return client

    yield make
    for client in made:
        for function in client.list_functions()["Functions"]:
            client.delete_function(FunctionName=function["FunctionName"])


@pytest.fixture
def client(lambda_client: ClientFactory) -> Any:
    """A client of the shared server in the test's own account."""
    return lambda_client()


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane in this process, where activations can be held."""
    server = ControlPlane(tmp_path_factory.mktemp("control-plane"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def control_client(control_plane: ControlPlane, lambda_client: ClientFactory) -> Any:
    """A client of the control plane in this process, in the test's own account."""
    return lambda_client(url=control_plane.url)


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """The URL of an AWS whose services `lambent_with_aws` uses; tests make what is in it."""
    with aws_server() as url:
        yield url


@pytest.fixture(scope="session")
def s3(aws: str) -> Any:
    """The S3 of `lambent_with_aws`; tests make the buckets."""
    return aws_client("s3", aws)


@pytest.fixture(scope="session")
def lambent_with_aws(aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambentServer]:
    """A server whose AWS_ENDPOINT_URL is `aws`."""
    server = LambentServer(tmp_path_factory.mktemp("lambent-with-aws") / "data")
    server.environment = environment_with_aws(aws)
    server.start()
    yield server
    assert server.stop() == 0
