"""Packages from S3: a real S3 endpoint, a process of its own."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.store import code_source
from lambent.store.code_source import S3CodeSource, S3Endpoint
from tests.aws_server import aws_server

PACKAGE = b"PK a deployment package"


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with aws_server() as url:
        yield url


def endpoint(url: str) -> S3Endpoint:
    return S3Endpoint(url, "eu-west-1", access_key="000000000000", secret_key="secret")


@pytest.fixture(scope="module")
def s3(s3_url: str) -> Iterator[Any]:
    client = boto3.session.Session("000000000000", "secret", region_name="eu-west-1").client("s3", endpoint_url=s3_url)
    client.create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_bucket_versioning(Bucket="packages", VersioningConfiguration={"Status": "Enabled"})
    yield client
    client.close()


@pytest.fixture
def source(s3_url: str) -> Iterator[S3CodeSource]:
    source = S3CodeSource(endpoint(s3_url))
    yield source
    source.close()


async def test_an_object_is_fetched_unchanged(source: S3CodeSource, s3: Any) -> None:
    s3.put_object(Bucket="packages", Key="folder/greet ü.zip", Body=PACKAGE)
    assert await source.fetch("packages", "folder/greet ü.zip", None) == PACKAGE


async def test_a_version_that_is_named_is_the_one_that_is_fetched(source: S3CodeSource, s3: Any) -> None:
    old = s3.put_object(Bucket="packages", Key="greet.zip", Body=b"old")["VersionId"]
    s3.put_object(Bucket="packages", Key="greet.zip", Body=b"new")
    assert await source.fetch("packages", "greet.zip", old) == b"old"
    assert await source.fetch("packages", "greet.zip", None) == b"new"


@pytest.mark.parametrize(
    ("bucket", "key", "message"),
    [
        (
            "not-there",
            "a",
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist",
        ),
        (
            "packages",
            "not-there",
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
        ),
    ],
)
async def test_what_is_not_there_is_said_in_awss_words(
    source: S3CodeSource, s3: Any, bucket: str, key: str, message: str
) -> None:
    """Source: api-errors.md §5."""
    with pytest.raises(InvalidParameterValue) as raised:
        await source.fetch(bucket, key, None)
    assert raised.value.message == message


async def test_a_name_that_no_bucket_can_have(source: S3CodeSource) -> None:
    with pytest.raises(InvalidParameterValue, match="S3 Error Code: InvalidArgument"):
        await source.fetch("not a bucket", "a", None)


async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_source, "_ATTEMPTS", 1)
    with socket.socket() as taken:  # and not listening
        taken.bind(("127.0.0.1", 0))
        source = S3CodeSource(endpoint(f"http://127.0.0.1:{taken.getsockname()[1]}"))
        with pytest.raises(InvalidParameterValue, match="S3 Error Code: ServiceUnavailable"):
            await source.fetch("packages", "a", None)
        source.close()


async def test_no_credentials(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    source = S3CodeSource(S3Endpoint(s3_url, "eu-west-1"))
    with pytest.raises(InvalidParameterValue, match="Unable to locate credentials"):
        await source.fetch("packages", "a", None)
    source.close()


async def test_an_object_larger_than_code_may_be_is_not_read(
    source: S3CodeSource, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket="packages", Key="large.zip", Body=bytes(1_001))
    monkeypatch.setattr(code_source, "CODE_SIZE_UNZIPPED", 1_000)
    with pytest.raises(InvalidParameterValue, match="Unzipped size must be smaller than 1000 bytes"):
        await source.fetch("packages", "large.zip", None)


async def test_an_endpoint_that_was_ignored_is_not_found_by_boto3_either(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_url)
    client = code_source._make_client(S3Endpoint(None, "eu-west-1", access_key="a", secret_key="s"))
    assert client.meta.endpoint_url == "https://s3.eu-west-1.amazonaws.com"
    client.close()


def test_boto3_is_imported_by_the_first_fetch_only() -> None:
    program = "import sys, lambent.store.code_source; print('boto3' in sys.modules or 'botocore' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "False"
