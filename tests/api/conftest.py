"""A started control plane, and clients of it.

Each test has an account of its own, so that the tests of a worker can share one server.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.api.control_plane import ControlPlane

REGION = "eu-west-1"

ClientFactory = Callable[..., Any]


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    server = ControlPlane(tmp_path_factory.mktemp("control-plane"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _accounts() -> Iterator[int]:
    return itertools.count(100_000_000_001)


@pytest.fixture
def account(_accounts: Iterator[int]) -> str:
    return str(next(_accounts))


@pytest.fixture(scope="session")
def _session() -> boto3.Session:
    return boto3.Session()


@pytest.fixture
def lambda_client(control_plane: ControlPlane, account: str, _session: boto3.Session) -> ClientFactory:
    """Makes clients of the server: `lambda_client(account=…, region=…)`, by default of the test's own account."""

    def make(*, account: str = account, region: str = REGION, url: str = "") -> Any:
        return _session.client(
            "lambda",
            region_name=region,
            endpoint_url=url or control_plane.url,
            aws_access_key_id=account,
            aws_secret_access_key="any",
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
        )

    return make
