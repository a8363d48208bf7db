"""Clients of the shared server, and the servers of the few tests that the shared one can't serve."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.api.control_plane import ControlPlane
from tests.lambent_server import REGION, LambentServer
from tests.s3_server import environment_with_s3, s3_client, s3_server

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
def s3() -> Iterator[Any]:
    """An S3 that `lambent_with_s3` fetches from; tests make the buckets."""
    with s3_server() as url:
        yield s3_client(url)


@pytest.fixture(scope="session")
def lambent_with_s3(s3: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambentServer]:
    """A server whose AWS_ENDPOINT_URL_S3 is `s3`."""
    server = LambentServer(tmp_path_factory.mktemp("lambent-with-s3") / "data")
    with environment_with_s3(s3.meta.endpoint_url):
        server.start()
    yield server
    assert server.stop() == 0
