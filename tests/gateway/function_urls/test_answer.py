"""Source: invocation.md §6.2 (recorded from AWS, but for what the module says is unverified)."""

import base64
import json

import pytest

from lambent.gateway.function_urls.answer import BAD_GATEWAY, HttpAnswer, answer_of

JSON_LINE = ("Content-Type", "application/json")


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'{"hello": "world"}', b'{"hello":"world"}'),
        (b"[1, 2]", b"[1,2]"),
        (b"12.50", b"12.5"),
        (b"true", b"true"),
        (b"null", b"null"),
        (b'"hello"', b"hello"),
        ('{"a": "ä"}'.encode(), '{"a":"ä"}'.encode()),
        (b'{"a": "\\u00e4"}', '{"a":"ä"}'.encode()),
        (b"[123456789012345678901234567890]", b"[123456789012345678901234567890]"),
        (b"[NaN]", b"[null]"),
        (b'["\\ud800"]', b'["?"]'),
        (b"hello", b"hello"),
        (b"\x89PNG", b"\x89PNG"),
        (b"", b""),
        (b"{", b"{"),
    ],
)
def test_what_has_no_status_is_a_200(payload: bytes, body: bytes) -> None:
    assert answer_of(payload) == HttpAnswer(200, [JSON_LINE], body)


def test_a_whole_answer() -> None:
    payload = {
        "statusCode": 201,
        "headers": {"content-type": "text/html", "X-Number": 5, "X-Flag": True},
        "cookies": ["a=b; Path=/", "c=d"],
        "body": "<p>ä</p>",
    }
    assert answer_of(json.dumps(payload).encode()) == HttpAnswer(
        201,
        [
            ("content-type", "text/html"),
            ("X-Number", "5"),
            ("X-Flag", "true"),
            ("Set-Cookie", "a=b; Path=/"),
            ("Set-Cookie", "c=d"),
        ],
        "<p>ä</p>".encode(),
    )


def test_json_is_said_where_the_function_said_nothing() -> None:
    assert answer_of(b'{"statusCode": 204}') == HttpAnswer(204, [JSON_LINE], b"")


@pytest.mark.parametrize("status", ['"418"', "418.0"])
def test_a_status_may_be_its_digits(status: str) -> None:
    """Observed: {"statusCode": "418"} is a 418."""
    assert answer_of(f'{{"statusCode": {status}, "body": "tea"}}'.encode()) == HttpAnswer(418, [JSON_LINE], b"tea")
    prelude = f'{{"statusCode": {status}}}'.encode()
    assert answer_of(prelude + bytes(8) + b"tea") == HttpAnswer(418, [JSON_LINE], b"tea")


def test_base64_is_decoded() -> None:
    payload = {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(b"\x00\xff").decode()}
    assert answer_of(json.dumps(payload).encode()).body == b"\x00\xff"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"statusCode": "OK"}',
        b'{"statusCode": "99"}',
        b'{"statusCode": "2_00"}',
        b'{"statusCode": ""}',
        b'{"statusCode": 1e999}',
        b'{"statusCode": null}',
        b'{"statusCode": 99}',
        b'{"statusCode": 600}',
        b'{"statusCode": true}',
        b'{"statusCode": 200, "headers": {"a": ["b"]}}',
        b'{"statusCode": 200, "headers": {"a": "b\\r\\nc: d"}}',
        b'{"statusCode": 200, "headers": {"a\\nb": "c"}}',
        b'{"statusCode": 200, "headers": {"Content-Length ": "5"}}',
        b'{"statusCode": 200, "headers": {"Transfer-Encoding: chunked, x": "y"}}',
        b'{"statusCode": 200, "headers": {"": "x"}}',
        '{"statusCode": 200, "headers": {"Ċ": "x"}}'.encode(),
        b'{"statusCode": 200, "cookies": "a=b"}',
        b'{"statusCode": 200, "body": {"a": 1}}',
        b'{"statusCode": 200, "body": "%", "isBase64Encoded": true}',
    ],
)
def test_what_cannot_be_understood_is_a_bad_gateway(payload: bytes) -> None:
    assert answer_of(payload) == BAD_GATEWAY


def test_what_is_the_servers_to_say_is_renamed() -> None:
    payload = {"statusCode": 200, "headers": {"Content-Length": "7", "X-Amzn-RequestId": "mine", "Server": "me"}}
    names = [name for name, _ in answer_of(json.dumps(payload).encode()).headers]
    assert names == [
        "x-amzn-Remapped-Content-Length",
        "x-amzn-Remapped-X-Amzn-RequestId",
        "x-amzn-Remapped-Server",
        "Content-Type",
    ]
