"""Function URLs with AWS_IAM under `lambent serve`, where signatures are verified. Source: invocation.md §6.2, §6.4."""

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.clients.conftest import Serving
from tests.lambent_server import REGION, create_function

pytestmark = pytest.mark.root

TOLD_WHERE_TO_LOOK = {
    "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
}
TOO_LARGE = {"Message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation"}


class Answer(NamedTuple):
    status: int
    error_type: str | None
    body: Any


Send = Callable[..., Answer]


@pytest.fixture(scope="module")
def host(serving: Serving) -> str:
    client = serving.client()
    create_function(client, "signed", "def handler(event, context):\n    return event\n", MemorySize=512)
    config = client.create_function_url_config(FunctionName="signed", AuthType="AWS_IAM")
    return str(urlsplit(config["FunctionUrl"]).netloc)


@pytest.fixture
def send(serving: Serving, host: str) -> Iterator[Send]:
    """Sends a request with the signature that an SDK makes, or with none."""
    connection = http.client.HTTPConnection("127.0.0.1", serving.server.port, timeout=30)

    def send(
        target: str = "/",
        body: bytes = b"",
        *,
        to: str = host,
        key: Credentials = serving.key,
        service: str = "lambda",
        region: str = REGION,
        headers: dict[str, str] | None = None,
        auth: Callable[..., Any] | None = SigV4Auth,
        sent: bytes | None = None,
        **options: Any,
    ) -> Answer:
        request = AWSRequest(
            "POST" if body else "GET", f"http://{to}{target}", data=body, headers={"Host": to, **(headers or {})}
        )
        if auth is not None:
            auth(key, service, region, **options).add_auth(request)
        target = request.url.removeprefix(f"http://{to}")
        connection.request(request.method, target, body if sent is None else sent, dict(request.headers))
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers["x-amzn-errortype"], json.loads(answer.read()))

    yield send
    connection.close()


@pytest.mark.parametrize("target", ["/", "/a%20b/%2F//x", "/a/../b?p=2&p=1&q=%2F", "/%E6%9D%B1?empty"])
def test_who_signs_is_let_in_and_named(serving: Serving, send: Send, target: str) -> None:
    answer = send(target, b"{}", headers={"Content-Type": "application/json"})
    assert answer.status == 200
    assert answer.body["rawPath"] + ("?" + answer.body["rawQueryString"]).rstrip("?") == target
    assert answer.body["requestContext"]["authorizer"]["iam"]["accessKey"] == serving.key.access_key


def test_a_presigned_address_a_session_token_and_a_payload_that_is_not_signed_will_do(
    serving: Serving, send: Send
) -> None:
    assert send("/shared?x=1", auth=SigV4QueryAuth, expires=60).status == 200
    with_token = Credentials(serving.key.access_key, serving.key.secret_key, "token")
    assert send(key=with_token).status == 200
    assert send(key=with_token, auth=SigV4QueryAuth, expires=60).status == 200
    unsigned = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    assert send("/", b"{}", auth=S3SigV4Auth, headers=unsigned).status == 200


def test_at_a_path_the_path_is_signed(serving: Serving, send: Send, host: str) -> None:
    address = f"127.0.0.1:{serving.server.port}"
    answer = send(f"/_lambent/url/{host.partition('.')[0]}/a%20b?x=1", to=address)
    assert (answer.status, answer.body["rawPath"]) == (200, "/a%20b")


def test_without_a_signature(send: Send) -> None:
    assert send(auth=None) == Answer(403, "AccessDeniedException", {"Message": "Forbidden"})


def test_what_is_not_signed_rightly(serving: Serving, send: Send) -> None:
    refused = Answer(403, "AccessDeniedException", TOLD_WHERE_TO_LOOK)
    wrong = Credentials(serving.key.access_key, "wrong")
    assert send(key=wrong) == refused
    assert send(key=wrong, auth=SigV4QueryAuth, expires=60) == refused
    assert send(key=Credentials("AKIAUNKNOWN", "wrong")) == refused
    assert send("/", b"{}", sent=b"[]") == refused
    assert send(headers={"Authorization": "Basic YTpi"}, auth=None) == refused


def test_what_is_signed_for_something_else(send: Send) -> None:
    refused = Answer(403, "AccessDeniedException", TOLD_WHERE_TO_LOOK)
    assert send(service="execute-api") == refused
    assert send(region="eu-central-1") == refused


def test_too_long_a_body_is_told_so(send: Send) -> None:
    body = b"x" * 6_291_457
    refused = Answer(413, "RequestTooLargeException", TOO_LARGE)
    assert send("/", body) == refused
    assert send("/", body, auth=None) == Answer(403, "AccessDeniedException", {"Message": "Forbidden"})
