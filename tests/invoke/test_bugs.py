"""A bug of ours is answered as ServiceException, said once in the log, and holds nobody up."""

import asyncio
import json
import logging
from typing import Any

import pytest

from lambent.clock import Clock
from lambent.core.admission import Admission
from lambent.core.invocation import InvocationResult
from lambent.core.scope import Scope
from lambent.gateway.front import Front
from lambent.gateway.host_rules import HostRules
from lambent.gateway.invoke import InvokeCall, InvokeOperation
from lambent.gateway.streamed_body import Body
from lambent.ids import IdMaker
from lambent.observe.metrics import InvocationMetrics
from lambent.services.invoke import InvokeRequest, InvokeService
from lambent.wire.http import Headers, Request, ResponseHeaders
from tests.environments import fakes

SCOPE = Scope("000000000000", "eu-west-1")


class Answers:
    """An HTTP connection's way back."""

    def __init__(self) -> None:
        self.said: list[tuple[int, dict[str, str], Any]] = []
        self.fails: Exception | None = None

    def respond(self, status: int, headers: ResponseHeaders, body: Body) -> None:
        if self.fails is not None:
            error, self.fails = self.fails, None
            raise error
        assert not isinstance(headers, str)  # only an invocation's result is rendered so
        assert isinstance(body, bytes)
        self.said.append((status, dict(headers), json.loads(body) if body else None))

    def service_exception(self) -> None:
        ((status, headers, body),) = self.said
        assert (status, headers["x-amzn-ErrorType"]) == (500, "ServiceException")
        assert body["Type"] == "Service"
        assert headers["x-amzn-RequestId"] in body["Message"]


def request() -> Request:
    headers = Headers({"host": "127.0.0.1", "authorization": "any"})
    return Request("POST", "/2015-03-31/functions/fn/invocations", "", headers, b"{}")


def tracebacks(caplog: pytest.LogCaptureFixture) -> int:
    return sum(record.exc_info is not None for record in caplog.records)


def test_an_answer_that_cant_be_sent_becomes_a_service_exception(caplog: pytest.LogCaptureFixture) -> None:
    answers = Answers()
    answers.fails = ValueError("a response header contains a line break")
    InvokeCall(request(), "id", answers.respond).succeed(InvocationResult(b"{}", None, "$LATEST"))
    answers.service_exception()
    assert tracebacks(caplog) == 1


def test_whoever_brings_a_result_never_suffers_from_it(caplog: pytest.LogCaptureFixture) -> None:
    answers = Answers()

    def broken(*_: object) -> None:
        raise RuntimeError("answered twice")

    call = InvokeCall(request(), "id", broken)
    with caplog.at_level(logging.ERROR):
        call.succeed(InvocationResult(b"{}", None, "$LATEST"))
        call.fail(ZeroDivisionError())
    assert answers.said == []
    assert tracebacks(caplog) >= 2


class Broken:
    """Stands for any part that has a bug."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> Any:
            raise ZeroDivisionError(name)

        return fail


class Targets:
    """One known function."""

    def resolve(self, scope: Scope, name: str, qualifier: str | None) -> Any:
        return fakes.target()


class Caller:
    scope = SCOPE


class Authenticator:
    def authenticate(self, request: Request) -> Any:
        return Caller


def front(
    *, authenticator: Any = None, targets: Any = None, fleet: Any = None, api: Any = None
) -> tuple[Front, Admission]:
    admission = Admission(100)
    ids, clock = IdMaker(), Clock()
    targets, fleet = targets or Targets(), fleet or Broken()
    service = InvokeService(
        targets=targets, admission=admission, fleet=fleet, metrics=InvocationMetrics(), ids=ids, clock=clock
    )

    def spawn(work: Any) -> None:
        asyncio.get_running_loop().create_task(work)

    nothing: Any = None
    operation = InvokeOperation(service=service, events=nothing, validate=lambda request: None, spawn=spawn)
    authenticator = authenticator or Authenticator()
    return Front(
        host_rules=HostRules(),
        authenticator=authenticator,
        invoke=operation,
        api=api,
        urls=nothing,
        metrics=nothing,
        control=nothing,
        ids=ids,
        spawn=spawn,
    ), admission


@pytest.mark.parametrize("part", ["authenticator", "targets", "fleet"])
def test_a_bug_anywhere_on_the_way_is_answered_once_and_logged_once(
    part: str, caplog: pytest.LogCaptureFixture
) -> None:
    answers = Answers()
    broken, admission = front(**{part: Broken()})
    broken.handle(request(), answers.respond)
    answers.service_exception()
    assert tracebacks(caplog) == 1
    assert admission.running(SCOPE) == 0


async def test_a_bug_while_a_function_is_loaded_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    class Unloaded(Broken):
        def resolve(self, scope: Scope, name: str, qualifier: str | None) -> None:
            return None

    answers = Answers()
    for headers in ({}, {"x-amz-invocation-type": "Event"}, {"x-amz-invocation-type": "DryRun"}):
        answers.said.clear()
        caplog.clear()
        asked = request()
        asked.headers.update(headers)
        front(targets=Unloaded())[0].handle(asked, answers.respond)
        while not answers.said:
            await asyncio.sleep(0)
        answers.service_exception()
        assert tracebacks(caplog) == 1


@pytest.mark.parametrize("where", ["making the answer", "sending it"])
async def test_a_bug_in_an_answer_of_the_api_is_answered(where: str, caplog: pytest.LogCaptureFixture) -> None:
    class Api:
        async def handle(self, request: Request, caller: Any, request_id: str) -> Any:
            if where == "making the answer":
                raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
            return 200, [], b""

    answers = Answers()
    answers.fails = None if where == "making the answer" else ValueError("a line break in a header")
    listing = Request("GET", "/2015-03-31/functions", "", Headers({"host": "localhost"}))
    front(api=Api())[0].handle(listing, answers.respond)
    while not answers.said:
        await asyncio.sleep(0)
    answers.service_exception()
    assert tracebacks(caplog) == 1


async def test_a_waiting_invocation_raises_what_kept_it_from_running() -> None:
    class Refusing:
        def invoke(self, target: Any, invocation: Any, *, on_refused: Any, on_ended: Any) -> None:
            on_refused(ZeroDivisionError())
            on_ended()

    admission = Admission(100)
    fleet: Any = Refusing()
    targets: Any = Targets()
    service = InvokeService(
        targets=targets, admission=admission, fleet=fleet, metrics=InvocationMetrics(), ids=IdMaker(), clock=Clock()
    )
    with pytest.raises(ZeroDivisionError):
        await service.invoke_and_wait(InvokeRequest(SCOPE, "fn", None, "id", b""))
    assert admission.running(SCOPE) == 0
