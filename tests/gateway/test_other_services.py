"""Whose a signed request is: Lambda's, or another service's."""

import asyncio
from typing import Any

import pytest

from lambent.companion.forwarding import Forwarder
from lambent.core.scope import Scope
from lambent.endpoints import Endpoints
from lambent.gateway.authentication import Caller
from lambent.gateway.other_errors import OtherServiceFailed
from lambent.gateway.other_services import OtherServices
from lambent.gateway.service_names import Addressed
from lambent.wire.http import Headers, Request
from lambent.wire.rest_json import RestJsonCodec
from lambent.wire.service_model import load_lambda_model

SCOPE = Scope("123456789012", "eu-west-1")
BODY = 20_000_000  # more than a socket holds
LAMBDAS = "/2015-03-31/functions/"


@pytest.fixture(scope="module")
def others() -> OtherServices:
    return OtherServices(
        codec=RestJsonCodec(load_lambda_model()),
        endpoints=Endpoints({}, own_port=4566, companion_url=None),
        companion=None,
        forwarder=Forwarder(),
        default_region="us-east-1",
    )


@pytest.mark.parametrize(
    ("service", "method", "path", "expected"),
    [
        ("lambda", "GET", LAMBDAS, False),
        ("lambda", "GET", "/no/such/path", False),
        ("execute-api", "GET", LAMBDAS, False),  # signed by a tool that knows no better; the path is Lambda's alone
        ("s3", "GET", LAMBDAS, True),  # a bucket may have this name
        ("s3", "PUT", "/bucket/key", True),
        ("sqs", "POST", "/", True),
        ("elasticfilesystem", "GET", "/2015-02-01/file-systems", True),
    ],
)
def test_the_credential_scope_decides(
    others: OtherServices, service: str, method: str, path: str, expected: bool
) -> None:
    assert others.takes(Request(method, path), Caller(SCOPE, SCOPE.account, service)) is expected


class Answers(list[Any]):
    def respond(self, status: int, headers: Any, body: Any) -> None:
        self.append((status, dict(headers).get("x-amzn-ErrorType"), body))


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (Request("GET", "/x", headers=Headers({"x-lambent-hop": "1"})), 508, "LoopDetected"),
        (Request("GET", "/x"), 501, "ServiceUnavailable"),
    ],
)
async def test_what_is_refused_is_refused_in_words(
    others: OtherServices, request_: Request, status: int, code: str
) -> None:
    answers = Answers()
    await others.handle(request_, Addressed("apigateway", SCOPE), "an-id", answers.respond)
    assert [(answer[0], answer[1]) for answer in answers] == [(status, code)]


async def test_a_body_that_is_too_long_is_refused_before_it_is_read(others: OtherServices) -> None:
    request = Request("PUT", "/bucket/key")
    request.body_too_large = True
    answers = Answers()
    await others.handle(request, Addressed("s3", SCOPE), "an-id", answers.respond)
    [(status, _, body)] = answers
    assert status == 413
    assert b"<Code>EntityTooLarge</Code>" in body


async def test_a_client_that_goes_has_its_connection_to_the_endpoint_closed_when_all_was_sent() -> None:
    whole, closed = asyncio.Event(), asyncio.Event()
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        request.abandon()  # before the endpoint has read the body
        bodies.append(await reader.readexactly(BODY))
        whole.set()
        assert await reader.read() == b""
        closed.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    forwarder = Forwarder()
    others = OtherServices(
        codec=RestJsonCodec(load_lambda_model()),
        endpoints=Endpoints({"AWS_ENDPOINT_URL_SQS": endpoint}, own_port=4566, companion_url=None),
        companion=None,
        forwarder=forwarder,
        default_region="us-east-1",
    )
    request = Request("POST", "/", headers=Headers({"host": "localhost"}), body=b"m" * BODY)
    answers = Answers()
    async with server, asyncio.timeout(30):
        await others.handle(request, Addressed("sqs", SCOPE), "an-id", answers.respond)
        await whole.wait()
        await closed.wait()
        await forwarder.close()
    assert bodies == [b"m" * BODY]
    assert [(answer[0], answer[1]) for answer in answers] == [(400, "RequestAborted")]


def test_an_error_has_its_message() -> None:
    assert str(OtherServiceFailed("Code", 500, "a message")) == "a message"
