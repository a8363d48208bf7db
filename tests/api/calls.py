"""What tests send to the API, and what they get."""

import contextlib
import http.client
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.golden import Answer
from tests.lambent_server import REGION, zip_of

ROLE = "arn:aws:iam::123456789012:role/lambda-role"


def call(client: Any, operation: str, request: dict[str, Any]) -> Answer:
    """Send a request and return the answer as it was on the wire."""
    seen: list[Answer] = []

    def keep(response_dict: dict[str, Any], **_: object) -> None:
        headers = {name.lower(): value for name, value in response_dict["headers"].items()}
        seen.append(Answer(response_dict["status_code"], headers, response_dict["body"]))

    client.meta.events.register("before-parse.lambda", keep, unique_id="keep")
    try:
        with contextlib.suppress(client.exceptions.ClientError):
            client._make_api_call(operation, request)
    finally:
        client.meta.events.unregister("before-parse.lambda", keep, unique_id="keep")
    return seen[0]


def package(content: str = "def handler(event, context): return event") -> bytes:
    """A deployment package with index.py."""
    return zip_of({"index.py": content})


def send(
    url: str, method: str, path: str, body: bytes = b"", *, account: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send what no client would send."""
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={account}/20260101/{REGION}/lambda/aws4_request, SignedHeaders=host, Signature=0"
    )
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(
            method,
            path,
            body or None,
            {"Authorization": authorization, "X-Amz-Date": "20260101T000000Z", **(headers or {})},
        )
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def create(client: Any, name: str = "my-function", **more: Any) -> Any:
    """Create a function; it may be Pending still."""
    return client.create_function(
        **{
            "FunctionName": name,
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": ROLE,
            "Code": {"ZipFile": package()},
            **more,
        }
    )


PATIENTLY = {"Delay": 0.01, "MaxAttempts": 3_000}
"""WaiterConfig: look often, and give up after half a minute."""


def settle(client: Any, name: str = "my-function") -> Any:
    """Wait until a function is neither being created nor updated; what it is then."""
    for waiter in ("function_active_v2", "function_updated_v2"):
        client.get_waiter(waiter).wait(FunctionName=name, WaiterConfig=PATIENTLY)
    return client.get_function_configuration(FunctionName=name)


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    """Code and message of an error."""
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]
