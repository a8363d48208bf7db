"""Deployment packages that a request names in S3: any S3 endpoint, what goes wrong there told in AWS's words.

boto3 is heavy (a tenth of a second, 20 MB) and most servers never fetch from S3, so that it is imported by the first
fetch, in its thread.
"""

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

from lambent.core.concurrency import CODE_SIZE_UNZIPPED
from lambent.core.errors import InvalidParameterValue

_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class S3Endpoint:
    """Where S3 is, and who Lambent is there.

    Attributes:
        url: None for AWS's own.
        access_key, secret_key, session_token: None to let boto3 find credentials where it always does.
    """

    url: str | None
    region: str
    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None


class S3CodeSource:
    """Fetches objects from one S3 endpoint."""

    def __init__(self, endpoint: S3Endpoint) -> None:
        self._endpoint = endpoint
        self._threads = ThreadPoolExecutor(2, "code-source")
        self._client: Any = None
        self._making_client = Lock()  # two threads may be first; nothing else is taken under it

    async def fetch(self, bucket: str, key: str, version: str | None) -> bytes:
        """The object's content, off the event loop.

        Raises:
            InvalidParameterValue: in AWS's words, whatever S3 answered but the object, or that it is too large.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._fetch, bucket, key, version)

    def close(self) -> None:
        """Wait for fetches under way, and close connections. Blocks."""
        self._threads.shutdown()
        if self._client is not None:
            self._client.close()

    def _fetch(self, bucket: str, key: str, version: str | None) -> bytes:
        exceptions = importlib.import_module("botocore.exceptions")
        arguments = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version is not None else {})
        try:
            answer = self._s3().get_object(**arguments)
            with answer["Body"] as body:
                if answer["ContentLength"] > CODE_SIZE_UNZIPPED:
                    # Compressed it is smaller than unpacked, but for what a zip of a few files adds.
                    raise InvalidParameterValue(f"Unzipped size must be smaller than {CODE_SIZE_UNZIPPED} bytes")
                content: bytes = body.read()
                return content
        except exceptions.ClientError as error:
            detail = error.response.get("Error", {})
            raise _refused(detail.get("Code", "Unknown"), detail.get("Message", "")) from error
        except exceptions.ParamValidationError as error:
            raise _refused("InvalidArgument", str(error)) from error
        except (exceptions.BotoCoreError, exceptions.HTTPClientError) as error:
            raise _refused("ServiceUnavailable", str(error)) from error

    def _s3(self) -> Any:
        with self._making_client:
            if self._client is None:
                self._client = _make_client(self._endpoint)
            return self._client


def _make_client(endpoint: S3Endpoint) -> Any:
    boto3 = importlib.import_module("boto3")
    config = importlib.import_module("botocore.config").Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
        # What the environment names was looked at already (`lambent.endpoints`), and may have been refused.
        ignore_configured_endpoint_urls=True,
        # Endpoints other than AWS's seldom have a name for each bucket.
        s3={"addressing_style": "path" if endpoint.url else "auto"},
    )
    session = boto3.session.Session(
        aws_access_key_id=endpoint.access_key,
        aws_secret_access_key=endpoint.secret_key,
        aws_session_token=endpoint.session_token,
        region_name=endpoint.region,
    )
    return session.client("s3", endpoint_url=endpoint.url, config=config)


def _refused(code: str, message: str) -> InvalidParameterValue:
    """AWS's text for whatever S3 answers. Source: api-errors.md §5, recorded for NoSuchBucket and NoSuchKey."""
    return InvalidParameterValue(f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}")
