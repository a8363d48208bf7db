"""What of a request to a function URL is refused, and what its function is told of it. Source: invocation.md §6."""

import json
from typing import Any

import pytest

from tests.function_urls.conftest import ECHO, MakeUrl, Url
from tests.lambent_server import REGION, LambentServer, create_function

pytestmark = pytest.mark.root

TOO_LARGE = {"Message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation"}


def test_too_long_a_body(make_url: MakeUrl) -> None:
    refused = make_url()("POST", "/", b"x" * 6_291_457, content_type="text/plain")
    assert (refused.status, refused.json) == (413, TOO_LARGE)
    assert refused.headers["x-amzn-errortype"] == "RequestTooLargeException"
    assert refused.headers["x-amzn-requestid"]


def test_it_is_the_event_that_may_have_6_mb(make_url: MakeUrl) -> None:
    """In base64 a body is a third longer."""
    url = make_url("def handler(event, context):\n    return len(event['body'])\n")
    assert url("POST", "/", b"x" * 4_500_000).body == b"6000000"
    refused = url("POST", "/", b"x" * 4_720_000)
    assert (refused.status, refused.json) == (413, TOO_LARGE)
    assert url("POST", "/", b"x" * 4_720_000, content_type="text/plain").body == b"4720000"
    refused = url("POST", "/", b"x" * 6_291_400, content_type="text/plain")
    assert (refused.status, refused.json) == (413, TOO_LARGE)


def test_a_url_is_in_its_region(make_url: MakeUrl) -> None:
    url = make_url()
    url.host = url.host.replace(REGION, "eu-central-1")
    refused = url()
    assert (refused.status, refused.json) == (403, {"Message": None})
    assert refused.headers["x-amzn-errortype"] == "AccessDeniedException"


def test_a_signature_is_for_lambda_and_the_region_even_where_anybody_may_sign(account: str, make_url: MakeUrl) -> None:
    url = make_url(AuthType="AWS_IAM")

    def status(scope: str) -> int:
        signature = f"Credential={account}/20260101/{scope}/aws4_request, SignedHeaders=host, Signature=0"
        return url(authorization=f"AWS4-HMAC-SHA256 {signature}", x_amz_date="20260101T000000Z").status

    assert status(f"{REGION}/lambda") == 200
    assert status(f"{REGION}/s3") == 403
    assert status("us-east-1/lambda") == 403


def test_preflights_say_all_that_the_url_allows(make_url: MakeUrl) -> None:
    cors = {"AllowOrigins": ["*"], "ExposeHeaders": ["x-one", "x-two"], "AllowCredentials": True}
    url = make_url(Cors=cors)
    preflight = url("OPTIONS", "/", origin="https://a.example", access_control_request_method="GET")
    assert preflight.headers["access-control-expose-headers"] == "x-one,x-two"
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"


def test_an_answer_that_cannot_be_said_has_its_request_id(make_url: MakeUrl) -> None:
    answer = make_url(
        "def handler(event, context):\n    return {'statusCode': 200, 'headers': {'a': '\\u2028\\r'}}\n"
    )()
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert answer.headers["x-amzn-requestid"]


def test_a_proxy_that_is_trusted_says_for_whom_it_asks(own_lambent: LambentServer) -> None:
    own_lambent.flags += ["--trusted-proxies", "127.0.0.1, 10.0.0.0/8"]
    client = own_lambent.start().client()
    create_function(client, "web", ECHO)
    url = Url(client.create_function_url_config(FunctionName="web", AuthType="NONE")["FunctionUrl"])
    event = url(x_forwarded_for="198.51.100.1, 192.0.2.7, 10.1.2.3").json
    assert event["requestContext"]["http"]["sourceIp"] == "192.0.2.7"
    assert event["headers"]["x-forwarded-for"] == "192.0.2.7"
    assert url().json["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    url.connection.close()


def test_nobody_else_is_believed(make_url: MakeUrl) -> None:
    event: Any = json.loads(make_url()(x_forwarded_for="192.0.2.7").body)
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
