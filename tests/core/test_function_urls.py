"""Function URLs: addresses and changes. What a caller sees is in tests/api/test_function_urls.py."""

from dataclasses import replace
from functools import partial

import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.function_urls import (
    Cors,
    FunctionUrlConfig,
    UrlChange,
    changed_url,
    check_url_change,
    function_url,
)
from lambent.core.scope import Scope

CONFIG = FunctionUrlConfig(
    scope=Scope("123456789012", "us-east-1"),
    function_name="f",
    qualifier="$LATEST",
    url_id="a" * 32,
    auth_type="NONE",
    created_ms=1,
    modified_ms=1,
)
CORS = Cors(allow_origins=("*",), allow_credentials=False, max_age=0)


@pytest.mark.parametrize(
    ("base_url", "start", "end"),
    [
        ("http://127.0.0.1:4566", "http://", ":4566/"),
        ("http://localhost", "http://", "/"),
        ("http://[::1]:80", "http://", ":80/"),
        ("https://lambda.example.com", "https://", "/"),
    ],
)
def test_the_address_has_scheme_and_port_of_the_server(base_url: str, start: str, end: str) -> None:
    assert function_url("id", region="us-east-1", base_url=base_url) == f"{start}id.lambda-url.us-east-1.localhost{end}"


def test_the_address_is_below_a_domain_of_ones_own() -> None:
    of = partial(function_url, "id", region="us-east-1", base_url="http://127.0.0.1:4566")
    assert of(domain="https://lambda.example.com") == "https://id.lambda-url.us-east-1.lambda.example.com/"
    assert of(domain="http://lambda.example.com:81") == "http://id.lambda-url.us-east-1.lambda.example.com:81/"


def test_the_arn_of_the_function_is_unqualified() -> None:
    assert CONFIG.function_arn == "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert replace(CONFIG, qualifier="live").function_arn == "arn:aws:lambda:us-east-1:123456789012:function:f:live"


def test_what_is_not_sent_stays() -> None:
    whole = replace(CONFIG, cors=CORS, invoke_mode="BUFFERED", auth_type="AWS_IAM")
    assert changed_url(whole, UrlChange(), now_ms=2) == replace(whole, modified_ms=2)


def test_what_is_sent_replaces() -> None:
    change = UrlChange(auth_type="AWS_IAM", cors=CORS, invoke_mode="RESPONSE_STREAM")
    changed = changed_url(CONFIG, change, now_ms=2)
    assert (changed.auth_type, changed.cors, changed.invoke_mode) == ("AWS_IAM", CORS, "RESPONSE_STREAM")
    assert changed.url_id == CONFIG.url_id


def test_empty_cors_settings_are_none() -> None:
    assert changed_url(replace(CONFIG, cors=CORS), UrlChange(cors=Cors()), now_ms=2).cors is None


def test_members_of_cors_are_those_that_were_sent() -> None:
    assert CORS.members() == {"allow_origins": ["*"], "allow_credentials": False, "max_age": 0}
    assert Cors.of(CORS.members()) == CORS


@pytest.mark.parametrize("cors", [None, Cors(), CORS, replace(CORS, allow_methods=("GET", "*"))])
def test_cors_settings_that_are_accepted(cors: Cors | None) -> None:
    check_url_change(UrlChange(cors=cors))


@pytest.mark.parametrize("method", ["TRACE", "get", ""])
def test_methods_that_cannot_be_allowed(method: str) -> None:
    with pytest.raises(InvalidParameterValue, match=f"^{method} is not a method"):
        check_url_change(UrlChange(cors=replace(CORS, allow_methods=(method,))))


@pytest.mark.parametrize("cors", [Cors(allow_origins=()), Cors(max_age=1)])
def test_cors_settings_take_an_origin(cors: Cors) -> None:
    with pytest.raises(InvalidParameterValue, match="You can't leave AllowOrigins as empty when Cors is enabled"):
        check_url_change(UrlChange(cors=cors))
