"""How much code a function, a layer and an account may have. Source: quotas.md sections 1 and 3 (recorded)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.core.concurrency import AccountLimits
from tests.api.calls import create, package, refusal, settle
from tests.api.conftest import ClientFactory
from tests.api.control_plane import ControlPlane
from tests.lambent_server import LambentServer, zip_of

pytestmark = pytest.mark.root

TOO_MUCH = bytes(52_428_801)


def test_a_zip_of_more_than_50_mib_is_too_large(client: Any) -> None:
    with pytest.raises(ClientError) as error:
        create(client, Code={"ZipFile": TOO_MUCH})
    assert refusal(error) == ("RequestEntityTooLargeException", "Zipped size must be smaller than 52428800 bytes")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    with pytest.raises(ClientError) as error:
        client.publish_layer_version(LayerName="my-layer", Content={"ZipFile": TOO_MUCH})
    assert refusal(error) == ("RequestEntityTooLargeException", "Zipped size must be smaller than 52428800 bytes")
    assert client.list_functions()["Functions"] == []
    assert client.list_layers()["Layers"] == []


@pytest.fixture
def small_account(tmp_path: Path, lambda_client: ClientFactory) -> Iterator[Any]:
    """A client of a server where an account has room for two packages of these tests, and not for three."""
    server = ControlPlane(tmp_path, limits=AccountLimits(total_code_size=len(package()) * 5 // 2))
    server.start()
    yield lambda_client(url=server.url)
    server.stop()


def test_code_storage_is_limited(small_account: Any) -> None:
    """Every version of a function and of a layer counts, `$LATEST` too; functions alone have no limit."""
    create(small_account, "first")
    settle(small_account, "first")
    small_account.publish_version(FunctionName="first")
    one_more: dict[str, Callable[[], Any]] = {
        "a function": lambda: create(small_account, "second"),
        "a version": lambda: small_account.publish_version(FunctionName="first"),
        "a layer": lambda: small_account.publish_layer_version(LayerName="l", Content={"ZipFile": package()}),
    }
    small_account.update_function_configuration(FunctionName="first", Description="so that there is a new version")
    settle(small_account, "first")
    for what, make in one_more.items():
        with pytest.raises(ClientError) as error:
            make()
        assert refusal(error) == ("CodeStorageExceededException", "Code storage limit exceeded."), what
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    small_account.delete_function(FunctionName="first")
    create(small_account, "second")


def test_a_zip_from_s3_may_have_more_than_50_mib(
    lambda_client: ClientFactory, lambent_with_aws: LambentServer, s3: Any, account: str
) -> None:
    large = zip_of({"index.py": "def handler(event, context): return event\n", "large": TOO_MUCH})
    s3.create_bucket(Bucket=account)
    s3.put_object(Bucket=account, Key="large.zip", Body=large)
    client = lambda_client(url=lambent_with_aws.url)
    create(client, Code={"S3Bucket": account, "S3Key": "large.zip"})
    assert settle(client)["CodeSize"] == len(large) > 52_428_800
    client.delete_function(FunctionName="my-function")
