"""What the front door lets in: whose body is waited for, how long it may be, what Invoke remembers of requests."""

import base64
from typing import Any, cast

import pytest

from lambent.clock import Clock
from lambent.core.admission import Admission
from lambent.core.errors import ValidationFailed
from lambent.core.scope import Scope
from lambent.gateway.api import Api
from lambent.gateway.authentication import AnyCredentials, Authenticator, VerifiedCredentials
from lambent.gateway.body_limits import PACKAGE_BYTES, PAYLOAD_BYTES, body_limit
from lambent.gateway.control import Control
from lambent.gateway.credentials import RootKey
from lambent.gateway.front import Front
from lambent.gateway.function_urls.handler import UrlFront
from lambent.gateway.host_rules import HostRules
from lambent.gateway.invoke import InvokeCall, InvokeOperation
from lambent.gateway.metrics_page import METRICS_PATH, MetricsPage
from lambent.gateway.streamed_body import Body
from lambent.ids import IdMaker
from lambent.observe.event_metrics import EventMetrics
from lambent.observe.mapping_metrics import MappingMetrics
from lambent.observe.metrics import InvocationMetrics
from lambent.services.events import EventService
from lambent.services.invoke import InvokeRequest, InvokeService
from lambent.wire.http import Headers, Request, ResponseHeaders, Sender
from lambent.wire.rest_json import RestJsonCodec
from lambent.wire.service_model import load_lambda_model
from tests.environments.fakes import target

SCOPE = Scope("000000000000", "eu-west-1")
INVOKE = "/2015-03-31/functions/hello/invocations"
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential={}/20261121/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=0"


def request(path: str = INVOKE, query: str = "", *, body: bytes = b"", **headers: str) -> Request:
    all_headers = Headers()
    for name, value in {"host": "localhost", "x_amz_date": "20261121T000000Z", **headers}.items():
        all_headers.add(name.replace("_", "-"), value)
    return Request("POST", path, query, all_headers, body)


def credentials(access_key: str) -> str:
    return AUTHORIZATION.format(access_key)


class Invocations:
    """Stands in for the service: keeps what it is asked to invoke."""

    def __init__(self) -> None:
        self.requests: list[InvokeRequest] = []

    def invoke(self, request: InvokeRequest, *_: Any) -> None:
        self.requests.append(request)


@pytest.fixture
def invocations() -> Invocations:
    return Invocations()


@pytest.fixture
def invoke(invocations: Invocations) -> InvokeOperation:
    codec = RestJsonCodec(load_lambda_model())

    def validate(request: Request) -> None:
        match = codec.match(request.method, request.path, request.query)
        assert match is not None
        codec.decode(match, query=request.query, headers=request.headers, body=request.body)

    return InvokeOperation(
        service=cast("InvokeService", invocations),
        events=cast("EventService", None),
        validate=validate,
        spawn=lambda work: work.close(),
    )


def front(authenticator: Authenticator, invoke: InvokeOperation) -> Front:
    metrics = InvocationMetrics()
    metrics.of(target()).throttles += 1
    return Front(
        host_rules=HostRules(),
        authenticator=authenticator,
        invoke=invoke,
        api=cast("Api", None),
        urls=cast("UrlFront", None),
        metrics=MetricsPage(
            metrics=metrics,
            events=EventMetrics(),
            mappings=MappingMetrics(),
            admission=Admission(),
            authenticator=authenticator,
        ),
        control=Control(token="secret", authenticator=authenticator, verifies=False, routes=()),
        ids=IdMaker(),
        spawn=lambda work: work.close(),
    )


@pytest.fixture
def dev(invoke: InvokeOperation) -> Front:
    return front(AnyCredentials(), invoke)


@pytest.fixture
def serve(invoke: InvokeOperation) -> Front:
    return front(VerifiedCredentials(RootKey("AKIAROOT", "secret", "123456789012"), clock=Clock()), invoke)


class Answers(list[tuple[int, str]]):
    """(status, error type) of each answer."""

    def respond(self, status: int, headers: ResponseHeaders, _body: Body) -> None:
        assert not isinstance(headers, str)
        self.append((status, dict(headers).get("x-amzn-ErrorType", "")))


def refusal(front: Front, sent: Request) -> tuple[int, str]:
    """What a request is answered whose body wasn't waited for."""
    assert front.admits(sent) is Sender.REFUSED
    sent.body_too_large = True
    answers = Answers()
    front.handle(sent, answers.respond)
    (answer,) = answers
    return answer


class TestMetrics:
    """The counters are for everybody under `dev`, and for who has an access key and its secret under `serve`."""

    def page(self, front: Front, authorization: str = "", method: str = "GET") -> tuple[int, bytes]:
        answers: list[tuple[int, Body]] = []
        sent = request(METRICS_PATH)
        if authorization:
            sent.headers["authorization"] = authorization
        sent.method = method
        front.handle(sent, lambda status, _headers, body: answers.append((status, body)))
        [(status, body)] = answers
        assert isinstance(body, bytes)
        return status, body

    def test_dev_shows_them(self, dev: Front) -> None:
        status, body = self.page(dev)
        assert status == 200
        labels = b'account="000000000000",region="eu-west-1",function="fn",version="$LATEST"'
        assert b"\nlambent_throttles_total{" + labels + b"} 1\n" in body

    def test_serve_wants_credentials(self, serve: Front) -> None:
        def basic(text: str) -> str:
            return "Basic " + base64.b64encode(text.encode()).decode()

        assert self.page(serve, basic("AKIAROOT:secret"))[0] == 200
        for wrong in ("", basic("AKIAROOT:guess"), basic("AKIAOTHER:secret"), "Basic ?", credentials("AKIAROOT")):
            assert self.page(serve, wrong)[0] == 403

    def test_there_is_nothing_to_change(self, dev: Front) -> None:
        assert self.page(dev, method="POST")[0] == 404


class TestUnknownSenders:
    def test_credentials_are_needed_for_a_body(self, dev: Front) -> None:
        assert dev.admits(request(authorization=credentials("test"))) is Sender.KNOWN
        assert refusal(dev, request()) == (403, "MissingAuthenticationTokenException")
        assert refusal(dev, request(authorization="Bearer token")) == (400, "IncompleteSignatureException")

    def test_the_access_key_must_be_known_under_serve(self, serve: Front) -> None:
        assert serve.admits(request(authorization=credentials("AKIAROOT"))) is Sender.KNOWN
        assert refusal(serve, request(authorization=credentials("AKIAOTHER"))) == (403, "UnrecognizedClientException")

    def test_web_pages_and_foreign_hosts_are_refused(self, dev: Front) -> None:
        known = credentials("test")
        foreign = request(authorization=known)
        foreign.headers["host"] = "example.com"
        assert refusal(dev, foreign) == (403, "AccessDeniedException")
        page = request(authorization=known, origin="https://example.com")
        assert refusal(dev, page) == (403, "AccessDeniedException")

    def test_anybody_may_send_a_body_to_a_function_url_but_on_the_account_of_strangers(self, dev: Front) -> None:
        for sent in (request("/_lambent/url/x/"), request("/", host="x.lambda-url.eu-west-1.localhost")):
            assert dev.admits(sent) is Sender.STRANGER
            sent.headers["content-length"] = str(PAYLOAD_BYTES + 1)
            assert dev.admits(sent) is Sender.REFUSED

    def test_links_take_no_body(self, dev: Front) -> None:
        assert dev.admits(request("/_lambent/code/x.zip")) is Sender.REFUSED

    def test_too_long_a_payload_of_a_known_sender_is_told_so(self, serve: Front) -> None:
        sent = request(authorization=credentials("AKIAROOT"))
        sent.body_too_large = True
        answers = Answers()
        serve.handle(sent, answers.respond)
        assert answers == [(413, "RequestTooLargeException")]


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("POST", "/2015-03-31/functions", PACKAGE_BYTES),
        ("POST", "/2015-03-31/functions/", PACKAGE_BYTES),
        ("PUT", "/2015-03-31/functions/hello/code", PACKAGE_BYTES),
        ("POST", "/2018-10-31/layers/hello/versions", PACKAGE_BYTES),
        ("POST", INVOKE, PAYLOAD_BYTES),
        ("POST", INVOKE + "/", PAYLOAD_BYTES),
        ("GET", "/2015-03-31/functions", PAYLOAD_BYTES),
        ("PUT", "/2015-03-31/functions/hello/configuration", PAYLOAD_BYTES),
        ("POST", "/2015-03-31/functions/hello/versions", PAYLOAD_BYTES),
        ("POST", "/", PAYLOAD_BYTES),
    ],
)
def test_only_operations_with_a_package_take_long_bodies(method: str, path: str, limit: int) -> None:
    assert body_limit(method, path) == limit


def send(invoke: InvokeOperation, sent: Request) -> None:
    invoke.handle(InvokeCall(sent, "an id", lambda *_: None), SCOPE)


class TestInvoke:
    def test_references_are_remembered_but_long_ones(self, invoke: InvokeOperation) -> None:
        send(invoke, request())
        send(invoke, request(query="x=" + "y" * 1000))
        assert [path for _, path, _ in invoke._references] == [INVOKE]

    def test_tenant_id_of_more_than_256_characters_is_refused(
        self, invoke: InvokeOperation, invocations: Invocations
    ) -> None:
        send(invoke, request(x_amz_tenant_id="t" * 256))
        with pytest.raises(ValidationFailed):
            send(invoke, request(x_amz_tenant_id="t" * 257))
        assert [invocation.tenant_id for invocation in invocations.requests] == ["t" * 256]
