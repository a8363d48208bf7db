"""Source: invocation.md §6.1 (recorded from AWS, but for what the module says is unverified)."""

import base64
import json
from typing import Any

import pytest

from lambent.gateway.function_urls.event import Arrival, event_of
from lambent.wire.http import Headers, Request

ARRIVAL = Arrival(
    url_id="abc123",
    domain="abc123.lambda-url.eu-west-1.localhost",
    path="/a%20b",
    source_ip="127.0.0.1",
    request_id="11111111-1111-4111-8111-111111111111",
    trace_id="Root=1-00000000-000000000000000000000000",
    received_ms=1_714_557_600_123,
)


def request(
    method: str = "GET", query: str = "", body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
) -> Request:
    sent = Headers()
    for name, value in (("host", f"{ARRIVAL.domain}:4566"), *headers):
        sent.add(name, value)
    return Request(method, ARRIVAL.path, query, sent, body, "127.0.0.1")


def event(sent: Request, arrival: Arrival = ARRIVAL) -> Any:
    return json.loads(event_of(sent, arrival))


def test_a_whole_event() -> None:
    sent = request(
        "POST",
        "p=1&p=2&q=x%2Fy",
        b'{"foo":"bar"}',
        (("content-type", "application/json"), ("cookie", "c1=v1; c2=v2"), ("user-agent", "curl/8"), ("x-Kept", "V")),
    )
    assert event(sent) == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/a%20b",
        "rawQueryString": "p=1&p=2&q=x%2Fy",
        "cookies": ["c1=v1", "c2=v2"],
        "headers": {
            "host": "abc123.lambda-url.eu-west-1.localhost:4566",
            "content-type": "application/json",
            "user-agent": "curl/8",
            "x-Kept": "V",
            "x-amzn-trace-id": ARRIVAL.trace_id,
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "4566",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"p": "1,2", "q": "x/y"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc123",
            "domainName": ARRIVAL.domain,
            "domainPrefix": "abc123",
            "http": {
                "method": "POST",
                "path": "/a%20b",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "requestId": ARRIVAL.request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/May/2024:10:00:00 +0000",
            "timeEpoch": 1_714_557_600_123,
        },
        "body": '{"foo":"bar"}',
        "isBase64Encoded": False,
    }


def test_what_there_is_not_is_absent() -> None:
    seen = event(request())
    assert not {"cookies", "queryStringParameters", "body"} & seen.keys()
    assert seen["isBase64Encoded"] is False
    assert seen["rawQueryString"] == ""


def test_repeated_headers_are_joined_and_repeated_cookies_split() -> None:
    sent = request(headers=(("accept", "a"), ("accept", "b"), ("cookie", "x=1"), ("cookie", "y=2; z=3")))
    seen = event(sent)
    assert seen["headers"]["accept"] == "a,b"
    assert seen["cookies"] == ["x=1", "y=2", "z=3"]
    assert event(request(headers=(("cookie", "a=1;b=2 ;; "),)))["cookies"] == ["a=1", "b=2"]
    assert "cookies" not in event(request(headers=(("cookie", " ;"),)))


def test_members_are_in_the_order_of_aws() -> None:
    seen = event(request("POST", "a=b", b"x", (("cookie", "c=d"),)), ARRIVAL._replace(account="1", access_key="A"))
    assert list(seen) == [
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "cookies",
        "headers",
        "queryStringParameters",
        "requestContext",
        "body",
        "isBase64Encoded",
    ]
    assert list(seen["requestContext"]) == [
        "accountId",
        "apiId",
        "authentication",
        "authorizer",
        "domainName",
        "domainPrefix",
        "http",
        "requestId",
        "routeKey",
        "stage",
        "time",
        "timeEpoch",
    ]


@pytest.mark.parametrize(
    "content_type",
    ["application/octet-stream", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""],
)
def test_what_is_not_said_to_be_text_is_base64(content_type: str) -> None:
    seen = event(request("POST", body=b"a=b", headers=(("content-type", content_type),) if content_type else ()))
    assert (seen["body"], seen["isBase64Encoded"]) == (base64.b64encode(b"a=b").decode(), True)


@pytest.mark.parametrize("content_type", ["text/plain", "application/problem+json", "Application/XML"])
def test_text_is_text_unless_its_bytes_are_not(content_type: str) -> None:
    headers = (("content-type", content_type),)
    seen = event(request("POST", body="ä€".encode(), headers=headers))
    assert (seen["body"], seen["isBase64Encoded"]) == ("ä€", False)
    seen = event(request("POST", body=b"\xff\xfe", headers=headers))
    assert (seen["body"], seen["isBase64Encoded"]) == ("//4=", True)


@pytest.mark.parametrize(("host", "port"), [("abc.lambda-url.example.com", "443"), ("abc.example.com:8443", "8443")])
def test_who_came_by_https_is_told_so(host: str, port: str) -> None:
    sent = request()
    sent.headers["host"] = host
    headers = event(sent, ARRIVAL._replace(scheme="https"))["headers"]
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("https", port)


def test_who_signed_is_in_the_context() -> None:
    seen = event(request(), ARRIVAL._replace(account="123456789012", access_key="AKID"))
    context = seen["requestContext"]
    assert context["accountId"] == "123456789012"
    assert context["authentication"] is None
    assert context["authorizer"]["iam"] == {
        "accessKey": "AKID",
        "accountId": "123456789012",
        "callerId": "AKID",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": "arn:aws:iam::123456789012:root",
        "userId": "123456789012",
    }
