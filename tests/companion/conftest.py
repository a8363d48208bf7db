"""What the tests of the companion share: one server with its companion, an account each, a function that records."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.lambent_server import REGION, LambentServer, create_function

RECORDER = """
import json, os, boto3

s3 = boto3.client("s3")

def handler(event, context):
    s3.put_object(Bucket=os.environ["RECORDS"], Key=context.aws_request_id, Body=json.dumps(event))
    return {"recorded": event}
"""


def aws_client(server: LambentServer, service: str, account: str, region: str = REGION, **config: Any) -> Any:
    """A boto3 client of any service, whose endpoint is Lambent."""
    return boto3.Session().client(
        service,
        region_name=region,
        endpoint_url=server.url,
        aws_access_key_id=account,
        aws_secret_access_key="any",
        config=Config(**{"retries": {"total_max_attempts": 1}, "read_timeout": 60, **config}),
    )


@dataclass
class Account:
    """One account of the shared server."""

    server: LambentServer
    number: str

    def client(self, service: str, region: str = REGION, **config: Any) -> Any:
        return aws_client(self.server, service, self.number, region, **config)

    def bucket(self, name: str) -> str:
        """A bucket of the account: names are of all accounts together."""
        full = f"{name}-{self.number}"
        self.client("s3").create_bucket(Bucket=full, CreateBucketConfiguration={"LocationConstraint": REGION})
        return full


@pytest.fixture
def aws(lambent: LambentServer, account: str) -> Account:
    return Account(lambent, account)


class Recorder:
    """A function, and the events that it was invoked with."""

    def __init__(self, aws: Account, client: Any) -> None:
        self._aws = aws
        self.bucket = aws.bucket("records")
        self.name = "recorder"
        self.arn: str = create_function(
            client, self.name, RECORDER, Timeout=20, Environment={"Variables": {"RECORDS": self.bucket}}
        )["FunctionArn"]

    def events(self, count: int = 1, *, seconds: float = 30) -> list[Any]:
        """The first that came, as many as are waited for."""
        s3 = self._aws.client("s3")
        deadline = time.monotonic() + seconds
        while True:
            found = s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
            if len(found) >= count:
                return [json.loads(s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read()) for one in found]
            assert time.monotonic() < deadline, f"{len(found)} events, waited for {count}: {self._aws.server.said()}"
            time.sleep(0.05)


@pytest.fixture
def recorder(aws: Account, client: Any) -> Recorder:
    return Recorder(aws, client)


@pytest.fixture
def warnings(lambent: LambentServer) -> Callable[[], str]:
    """What the server has said since the test began."""
    before = len(lambent.said())
    return lambda: lambent.said()[before:]
