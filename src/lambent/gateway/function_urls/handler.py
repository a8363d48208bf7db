"""Requests to function URLs: which function, whether the caller may, the invocation, the answer.

A URL is found by its host, `<id>.lambda-url.<region>.<domain>`, or by a path of Lambent's own for those who can't
resolve names, `/_lambent/url/<id>/…`. What a URL stands for is in memory after its first request, so that the way to
the function is the one of Invoke: synchronous, without task or database.

Source: invocation.md §6 (recorded from AWS); which texts AWS has for a missing signature is recorded for one case only.
That the limit of a request is one of its event, base64 and all, is what those who met it say of it.
"""

import contextlib
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from lambent.clock import Clock
from lambent.core.errors import ApiError, InvalidSignature, ServiceFault
from lambent.core.function import LATEST
from lambent.core.function_urls import HOST_LABEL, FunctionUrlConfig
from lambent.core.invocation import InvocationResult
from lambent.gateway.authentication import Authenticator, Caller
from lambent.gateway.body_limits import PAYLOAD_BYTES
from lambent.gateway.errors import render_error
from lambent.gateway.function_urls.answer import BAD_GATEWAY, HttpHead, answer_of
from lambent.gateway.function_urls.cors import is_preflight, preflight_headers, with_cors
from lambent.gateway.function_urls.event import Arrival, event_of
from lambent.gateway.function_urls.proxies import TrustedProxies
from lambent.gateway.function_urls.stream import UrlStream
from lambent.gateway.http_server import Respond
from lambent.gateway.response_sinks import PiecewiseAnswer
from lambent.ids import IdMaker
from lambent.services.invoke import InvokeRequest, InvokeService
from lambent.services.url_view import UrlView
from lambent.wire.http import Request

PATH_PREFIX = "/_lambent/url/"

_TROUBLESHOOTING = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)

_TOO_LARGE = f"Request must be smaller than {PAYLOAD_BYTES} bytes for the InvokeFunction operation"
_SERVICE = "lambda"

logger = logging.getLogger(__name__)


class UrlAddress(NamedTuple):
    """How a request named a function URL.

    Attributes:
        domain: the host, without a port.
        path: what follows the URL itself, percent-encoded as it was sent.
        region: as the host has it; None where the URL was in the path.
    """

    url_id: str
    domain: str
    path: str
    region: str | None = None


def address_of(request: Request) -> UrlAddress | None:
    """The function URL that a request is for, if it is for one."""
    host = request.headers.get("host", "").lower()
    if HOST_LABEL in host:
        domain = host.partition(":")[0]
        url_id, _, region, *_ = domain.split(".", 3)
        return UrlAddress(url_id, domain, request.path, region)
    if request.path.startswith(PATH_PREFIX):
        url_id, slash, rest = request.path[len(PATH_PREFIX) :].partition("/")
        return UrlAddress(url_id, host.rpartition(":")[0] or host, slash + rest or "/")
    return None


class UrlFront:
    """Answers requests to function URLs.

    Args:
        https_domain: below which names requests come by way of somebody who answers for https; or empty.
        proxies: who pass requests on, and say for whom; None where nobody is believed.
    """

    def __init__(
        self,
        *,
        urls: UrlView,
        service: InvokeService,
        authenticator: Authenticator,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        ids: IdMaker,
        clock: Clock,
        https_domain: str = "",
        proxies: TrustedProxies | None = None,
    ) -> None:
        self._proxies = proxies
        self._https_suffix = f".{https_domain}" if https_domain else None
        self._urls = urls
        self._service = service
        self._authenticator = authenticator
        self._spawn = spawn
        self._ids = ids
        self._clock = clock

    def handle(self, request: Request, address: UrlAddress, request_id: str, respond: Respond) -> None:
        """Answer one request, now or later."""
        url = self._urls.find(address.url_id)
        if url is None:
            self._spawn(self._load_and_serve(request, address, request_id, respond))
        else:
            self._serve(_Call(request, address, url, request_id, respond))

    async def _load_and_serve(self, request: Request, address: UrlAddress, request_id: str, respond: Respond) -> None:
        try:
            url = await self._urls.load(address.url_id)
        except Exception as error:  # noqa: BLE001 - the outermost handler of a request
            respond(*render_error(error, request=request, request_id=request_id))
            return
        if url is None:
            respond(*_refusal(403, "AccessDeniedException", None, request_id))
        else:
            self._serve(_Call(request, address, url, request_id, respond))

    def _serve(self, call: "_Call") -> None:
        try:
            self._invoke(call)
        except Exception as error:  # noqa: BLE001 - the outermost handler of a request
            call.fail(error)

    def _invoke(self, call: "_Call") -> None:
        request, url = call.request, call.url
        if call.address.region not in {None, url.scope.region}:
            call.refuse(403, "AccessDeniedException", None)
            return
        if url.cors is not None and is_preflight(request):
            call.answer(200, preflight_headers(url.cors, request), b"")
            return
        caller: Caller | None = None
        if url.auth_type == "AWS_IAM":
            try:
                caller = self._signer(request, url)
            except ApiError:
                is_signed = "authorization" in request.headers or "X-Amz-Signature=" in request.query
                call.refuse(403, "AccessDeniedException", _TROUBLESHOOTING if is_signed else "Forbidden")
                return
        if request.body_too_large or len(request.body) > PAYLOAD_BYTES:
            call.refuse(413, "RequestTooLargeException", _TOO_LARGE)
            return
        now_ms = self._clock.now_ms()
        trace_id = request.headers.get("x-amzn-trace-id", "")
        trace_root = "" if trace_id else self._ids.trace_root(now_ms)
        arrival = Arrival(
            url_id=url.url_id,
            domain=call.address.domain,
            path=call.address.path,
            source_ip=request.peer if self._proxies is None else self._proxies.client_of(request),
            request_id=call.request_id,
            trace_id=trace_id or f"Root={trace_root}",
            received_ms=now_ms,
            account="" if caller is None else caller.scope.account,
            access_key="" if caller is None else caller.access_key,
            scheme="https" if self._https_suffix and call.address.domain.endswith(self._https_suffix) else "http",
        )
        event = event_of(request, arrival)
        if len(event) > PAYLOAD_BYTES:
            call.refuse(413, "RequestTooLargeException", _TOO_LARGE)
            return
        invoke = InvokeRequest(
            url.scope,
            url.function_name,
            None if url.qualifier == LATEST else url.qualifier,
            call.request_id,
            event,
            False,
            trace_id,
            trace_root=trace_root,
        )
        call.invoke = invoke
        if url.invoke_mode == "RESPONSE_STREAM":
            invoke.stream = call.stream()
        self._service.invoke(invoke, call.succeed, call.fail)

    def _signer(self, request: Request, url: FunctionUrlConfig) -> Caller:
        """Who signed a request to a URL that wants to know.

        Raises:
            ApiError: nobody, or not rightly, or for another service or region.
        """
        if request.body_too_large:  # the signature can't be verified, but all that follows is a refusal
            caller = self._authenticator.identify(request)
        else:
            caller = self._authenticator.authenticate(request)
        if caller.service != _SERVICE or caller.scope.region != url.scope.region:
            raise InvalidSignature(f"Credential should be scoped to {url.scope.region} and {_SERVICE}.")
        return caller


class _Call:
    """One request to a URL that there is, and the way back for its answer, which is given once."""

    __slots__ = ("_answer", "_stream", "address", "invoke", "request", "request_id", "respond", "url")

    def __init__(
        self, request: Request, address: UrlAddress, url: FunctionUrlConfig, request_id: str, respond: Respond
    ) -> None:
        self.request = request
        self.address = address
        self.url = url
        self.request_id = request_id
        self.respond = respond
        self.invoke: InvokeRequest | None = None  # once the function is to be invoked
        self._answer: PiecewiseAnswer | None = None
        self._stream: UrlStream | None = None

    def stream(self) -> UrlStream:
        """What takes the response while it is being made."""
        self._answer = PiecewiseAnswer(self.respond)
        self._stream = UrlStream(self._answer, self._begin)
        return self._stream

    def _begin(self, head: HttpHead) -> None:
        assert self._answer is not None
        with contextlib.suppress(ValueError):  # a name or value that can't be said in HTTP: it never begins
            self._answer.start(head.status, self._headers(head.headers))

    def succeed(self, result: InvocationResult) -> None:
        """Answer with what the function returned; that it failed is all that a caller learns of a failure."""
        if self._stream is not None and result.function_error is None:
            self._stream.begin_answer()  # nothing was written
        answer = self._answer
        if answer is not None and answer.begun:
            answer.finish() if result.function_error is None else answer.break_off()
            return
        if result.environment_lost:
            self.fail(ServiceFault("The execution environment went away while the function was running."))
            return
        failed = result.function_error is not None or result.streamed
        status, headers, body = BAD_GATEWAY if failed else answer_of(result.payload)
        self.answer(status, headers, body)

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer, with what the platform adds."""
        try:
            self.respond(status, self._headers(headers), body)
        except ValueError:  # a name or value that can't be said in HTTP
            self.respond(BAD_GATEWAY.status, [*BAD_GATEWAY.headers, *self._own_headers()], BAD_GATEWAY.body)

    def refuse(self, status: int, error_type: str, message: str | None) -> None:
        """Answer that the function isn't invoked, as the front end of URLs does."""
        self.respond(*_refusal(status, error_type, message, self.request_id))

    def _headers(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        if self.url.cors is not None and self.request.method != "OPTIONS":
            headers = with_cors(self.url.cors, self.request, headers)
        return [*headers, *self._own_headers()]

    def _own_headers(self) -> list[tuple[str, str]]:
        own = [("x-amzn-RequestId", self.request_id)]
        if self.invoke is not None:
            own.append(("X-Amzn-Trace-Id", self.invoke.trace_id))
        return own

    def fail(self, error: Exception) -> None:
        """Answer that the function wasn't invoked, or that there was a bug."""
        try:
            self.respond(*render_error(error, request=self.request, request_id=self.request_id))
        except Exception:
            logger.exception("A request could not be answered.", extra={"request_id": self.request_id})


def _refusal(
    status: int, error_type: str, message: str | None, request_id: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = [
        ("Content-Type", "application/json"),
        ("x-amzn-RequestId", request_id),
        ("x-amzn-ErrorType", error_type),
    ]
    return status, headers, json.dumps({"Message": message}, separators=(",", ":")).encode()
