"""Source: invocation.md §6.4."""

from lambent.core.function_urls import Cors
from lambent.gateway.function_urls.cors import is_preflight, preflight_headers, with_cors
from lambent.wire.http import Headers, Request

RULES = Cors(
    allow_origins=("https://a.example",),
    allow_methods=("GET", "POST"),
    allow_headers=("x-one", "x-two"),
    expose_headers=("x-three",),
    allow_credentials=True,
    max_age=0,
)


def request(method: str = "GET", origin: str | None = "https://a.example") -> Request:
    headers = Headers()
    if origin is not None:
        headers.add("origin", origin)
    return Request(method, "/", "", headers)


def test_what_a_preflight_is() -> None:
    assert is_preflight(request("OPTIONS"))
    assert not is_preflight(request("OPTIONS", origin=None))
    assert not is_preflight(request("GET"))


def test_a_preflight_of_an_allowed_origin() -> None:
    assert preflight_headers(RULES, request("OPTIONS")) == [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", "https://a.example"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "GET,POST"),
        ("Access-Control-Allow-Headers", "x-one,x-two"),
        ("Access-Control-Expose-Headers", "x-three"),
        ("Access-Control-Max-Age", "0"),
    ]


def test_another_origin_is_allowed_nothing() -> None:
    assert preflight_headers(RULES, request("OPTIONS", "https://b.example")) == [("Vary", "Origin")]
    assert with_cors(RULES, request(origin="https://b.example"), []) == [
        ("Vary", "Origin"),
        ("Access-Control-Expose-Headers", "x-three"),
    ]


def test_any_origin() -> None:
    everyone = Cors(allow_origins=("*",))
    assert with_cors(everyone, request(), []) == [("Access-Control-Allow-Origin", "*")]
    with_credentials = Cors(allow_origins=("*",), allow_credentials=True)
    assert ("Access-Control-Allow-Origin", "https://a.example") in with_cors(with_credentials, request(), [])


def test_the_functions_own_words_give_way() -> None:
    headers = with_cors(RULES, request(), [("access-control-allow-origin", "*"), ("X-Kept", "1")])
    assert headers[0] == ("X-Kept", "1")
    assert [value for name, value in headers if name.lower() == "access-control-allow-origin"] == ["https://a.example"]


def test_without_an_origin_there_is_no_cors() -> None:
    assert with_cors(Cors(allow_origins=("*",)), request(origin=None), [("X", "1")]) == [("X", "1")]
