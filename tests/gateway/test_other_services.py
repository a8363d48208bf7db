"""Whose a signed request is: Lambda's, or another service's."""

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


def test_an_error_has_its_message() -> None:
    assert str(OtherServiceFailed("Code", 500, "a message")) == "a message"
