"""Control endpoints: who is let in, and which request is whose."""

import json
from typing import Any

import pytest

from lambent.clock import Clock
from lambent.core.errors import ResourceNotFound
from lambent.gateway.authentication import AnyCredentials, Authenticator, VerifiedCredentials
from lambent.gateway.control import Control, Parameters, Route
from lambent.gateway.credentials import RootKey
from lambent.wire.http import Headers, Request


async def echo(parameters: Parameters) -> Any:
    if parameters.get("id") == "gone":
        raise ResourceNotFound("gone")
    return dict(parameters)


ROUTES = (
    Route("GET", "things", ("limit",), echo),
    Route("POST", "things", (), echo),
    Route("GET", "things/{id}", (), echo),
)


def control(*, verifies: bool = False, authenticator: Authenticator | None = None) -> Control:
    return Control(token="secret", authenticator=authenticator or AnyCredentials(), verifies=verifies, routes=ROUTES)


async def ask(asked: Control, path: str, query: str = "", *, method: str = "GET", token: str = "secret") -> Any:
    headers = Headers()
    headers.add("host", "localhost")
    headers.add("authorization", f"Bearer {token}")
    status, _, body = await asked.answer(Request(method, path, query, headers, b""), "id")
    return status, json.loads(body)


async def test_parameters_come_from_the_query_and_the_path() -> None:
    assert await ask(control(), "/_lambent/things", "limit=5") == (200, {"limit": "5"})
    assert await ask(control(), "/_lambent/things/a%2Fb") == (200, {"id": "a/b"})
    assert await ask(control(), "/_lambent/things", method="POST") == (200, {})


@pytest.mark.parametrize(
    ("path", "query", "method", "status"),
    [
        ("/_lambent/things", "typo=5", "GET", 400),
        ("/_lambent/things", "", "DELETE", 404),
        ("/_lambent/things/gone", "", "GET", 404),
        ("/_lambent/things/a/b", "", "GET", 404),
    ],
)
async def test_what_means_nothing_is_refused(path: str, query: str, method: str, status: int) -> None:
    assert (await ask(control(), path, query, method=method))[0] == status


def test_it_knows_its_paths() -> None:
    assert control().has("/_lambent/things/x")
    assert not control().has("/_lambent/metrics")


@pytest.mark.parametrize("verifies", [True, False])
async def test_a_wrong_token_lets_nobody_in(verifies: bool) -> None:
    key = RootKey("AKIAEXAMPLE", "secret", "000000000000")
    asked = control(verifies=verifies, authenticator=VerifiedCredentials(key, clock=Clock()))
    assert (await ask(asked, "/_lambent/things", token="guess"))[0] == 403
    status, _, _ = await asked.answer(Request("GET", "/_lambent/things", "", Headers(), b""), "id")
    assert status == 403
