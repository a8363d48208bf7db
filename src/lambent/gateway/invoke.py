"""Invoke, InvokeWithResponseStream and InvokeAsync over HTTP: operations that don't go through the generic codec.

What is usual is parsed here with as little work as it takes; whatever looks unusual (an unknown invocation type, a name
that wasn't seen lately) is handed to the codec, which knows AWS's words for it.
"""

import base64
import binascii
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn, Protocol
from urllib.parse import parse_qs, unquote

from lambent.core.arn import FunctionReference, parse_function_reference
from lambent.core.cognito_identity import identity_of
from lambent.core.errors import (
    InvalidParameterValue,
    InvalidRequestContent,
    RequestTooLarge,
    ServiceFault,
)
from lambent.core.invocation import InvocationResult
from lambent.core.scope import Scope
from lambent.gateway.body_limits import PAYLOAD_BYTES
from lambent.gateway.errors import render_error
from lambent.gateway.http_server import Respond
from lambent.gateway.invoke_stream import StreamCall
from lambent.services.events import EventService
from lambent.services.invoke import InvokeRequest, InvokeService
from lambent.wire.http import Request
from lambent.wire.json_payload import check_json

ASYNCHRONOUS_PAYLOAD_BYTES = 1_048_576
_CLIENT_CONTEXT_BYTES = 3_583
_REMEMBERED_REFERENCES = 8_192
_REMEMBERED_REFERENCE_LENGTH = 512

_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_STREAM_PATH = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations/?")
_ASYNC_PATH = re.compile(r"/2014-11-13/functions/([^/]+)/invoke-async/?")
_INVOCATION_TYPES = frozenset({"RequestResponse", "Event", "DryRun"})
_LOG_TYPES = frozenset({"None", "Tail"})

logger = logging.getLogger(__name__)


def is_invoke(method: str, path: str) -> bool:
    """Whether a request's method and path are Invoke's."""
    return method == "POST" and _PATH.fullmatch(path) is not None


def is_invoke_with_stream(method: str, path: str) -> bool:
    """Whether a request's method and path are InvokeWithResponseStream's."""
    return method == "POST" and _STREAM_PATH.fullmatch(path) is not None


def is_invoke_async(method: str, path: str) -> bool:
    """Whether a request's method and path are InvokeAsync's."""
    return method == "POST" and _ASYNC_PATH.fullmatch(path) is not None


class InvokeCall:
    """One request for Invoke, and the way back for its answer: `succeed` or `fail`, exactly one of them, once.

    Neither raises: they are called by environments and queues, which must not suffer from what is wrong with an answer.
    """

    __slots__ = ("_respond", "invoke", "request", "request_id")

    def __init__(self, request: Request, request_id: str, respond: Respond) -> None:
        self.request = request
        self.request_id = request_id
        self.invoke: InvokeRequest | None = None  # once it is understood
        self._respond = respond

    @property
    def trace_id(self) -> str:
        """The trace header that the function has."""
        return "" if self.invoke is None else self.invoke.trace_id

    def succeed(self, result: InvocationResult) -> None:
        """Answer with what came of the invocation, be it the function's failure."""
        if result.environment_lost:
            self.fail(ServiceFault("The execution environment went away while the function was running."))
            return
        # None of the values can have a line break: all are ours.
        headers = (
            f"Content-Type: application/json\r\nx-amzn-RequestId: {self.request_id}\r\n"
            f"x-amzn-Remapped-Content-Length: 0\r\nX-Amz-Executed-Version: {result.executed_version}\r\n"
            f"X-Amzn-Trace-Id: {self.trace_id}\r\n"
        )
        if result.function_error is not None:
            headers += f"X-Amz-Function-Error: {result.function_error}\r\n"
        if result.log_tail is not None:
            headers += f"X-Amz-Log-Result: {base64.b64encode(result.log_tail).decode()}\r\n"
        try:
            self._respond(200, headers, result.payload)
        except Exception as error:  # noqa: BLE001 - see the class
            self.fail(error)

    def accept(self) -> None:
        """Answer that an event was accepted."""
        headers = [
            ("Content-Type", "application/json"),
            ("x-amzn-RequestId", self.request_id),
            ("x-amzn-Remapped-Content-Length", "0"),
        ]
        self._respond(202, headers, b"")

    def allow(self) -> None:
        """Answer that the function could be invoked."""
        self._respond(204, [("x-amzn-RequestId", self.request_id)], b"")

    def fail(self, error: Exception) -> None:
        """Answer that the function wasn't invoked, or that there was a bug."""
        try:
            self._respond(*render_error(error, request=self.request, request_id=self.request_id))
        except Exception:
            logger.exception("A request could not be answered.", extra={"request_id": self.request_id})


class Validate(Protocol):
    """The codec's checks of an Invoke request."""

    def __call__(self, request: Request) -> None:
        """Raise ValidationFailed if a parameter violates the API model."""


class InvokeOperation:
    """Parses an Invoke request, calls the service, writes the answer."""

    def __init__(
        self,
        *,
        service: InvokeService,
        events: EventService,
        validate: Validate,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        trusts_tokens: bool = False,
    ) -> None:
        """Args: trusts_tokens: whether what a session token says of its owner is believed."""
        self._service = service
        self._trusts_tokens = trusts_tokens
        self._events = events
        self._validate = validate
        self._spawn = spawn
        self._references: dict[tuple[Scope, str, str], FunctionReference] = {}

    def handle(self, call: InvokeCall, scope: Scope) -> None:
        """Carry out one Invoke; it is answered now or later.

        Args:
            scope: the caller's account and region.

        Raises:
            ApiError: the request isn't acceptable; nothing was started, and nothing answered.
        """
        invocation_type = call.request.headers.get("x-amz-invocation-type", "RequestResponse")
        invoke = self._understand(call, scope, invocation_type)
        if invocation_type == "RequestResponse":
            self._service.invoke(invoke, call.succeed, call.fail)
        elif invocation_type == "Event":
            self._spawn(self._later(call, self._accept(call, invoke)))
        else:
            self._spawn(self._later(call, self._try_out(call, invoke)))

    def handle_stream(self, call: StreamCall, scope: Scope) -> None:
        """Carry out one InvokeWithResponseStream; arguments and errors are those of `handle`."""
        invocation_type = call.request.headers.get("x-amz-invocation-type", "RequestResponse")
        if invocation_type == "Event":  # not one of this operation's types
            self._validate(call.request)
        invoke = self._understand(call, scope, invocation_type)
        if invocation_type == "DryRun":
            self._spawn(self._later(call, self._try_out(call, invoke)))
        else:
            invoke.stream = call.sink
            self._service.invoke(invoke, call.succeed, call.fail)

    def handle_async(self, call: InvokeCall, scope: Scope) -> None:
        """Carry out one InvokeAsync: an Event that begins a trace of its own, which isn't sampled.

        Source: API model, InvokeAsync; quotas.md §4, "Async payload". That loops are detected all the same, and the
        text for a body that is too long, which is Invoke's, are unverified. Raises as `handle`.
        """
        request = call.request
        _check_size(request, "Event")
        reference = self._references.get((scope, request.path, request.query)) or self._refer(request, scope)
        if request.body:
            check_json(request.body)
        invoke = InvokeRequest(
            scope,
            reference.name,
            reference.qualifier,
            call.request_id,
            request.body,
            trace_id=request.headers.get("x-amzn-trace-id", ""),
        )
        self._spawn(self._later(call, self._accept(call, invoke, continues_trace=False)))

    def _understand(self, call: InvokeCall | StreamCall, scope: Scope, invocation_type: str) -> InvokeRequest:
        """What a request asks for; raises as `handle`."""
        request = call.request
        headers = request.headers
        log_type = headers.get("x-amz-log-type", "None")
        payload = request.body
        if request.body_too_large or len(payload) > ASYNCHRONOUS_PAYLOAD_BYTES:
            _check_size(request, invocation_type)
        if invocation_type not in _INVOCATION_TYPES or log_type not in _LOG_TYPES or "x-amz-tenant-id" in headers:
            self._validate(request)
        reference = self._references.get((scope, request.path, request.query)) or self._refer(request, scope)
        if payload:
            check_json(payload)
        invoke = InvokeRequest(
            scope,
            reference.name,
            reference.qualifier,
            call.request_id,
            payload,
            log_type == "Tail",
            headers.get("x-amzn-trace-id", ""),
        )
        call.invoke = invoke
        if "x-amz-client-context" in headers:
            invoke.client_context = _client_context(headers["x-amz-client-context"])
        if "x-amz-tenant-id" in headers:
            invoke.tenant_id = headers["x-amz-tenant-id"]
        if "x-amz-security-token" in headers and self._trusts_tokens:
            invoke.cognito_identity = identity_of(headers["x-amz-security-token"])
        return invoke

    def _refer(self, request: Request, scope: Scope) -> FunctionReference:
        """Which function a request names; what was understood is kept, and needn't be checked the next time."""
        path = request.path
        match = _PATH.fullmatch(path) or _STREAM_PATH.fullmatch(path) or _ASYNC_PATH.fullmatch(path)
        assert match is not None  # the path is one of these operations'
        self._validate(request)
        qualifiers = parse_qs(request.query, keep_blank_values=True).get("Qualifier")
        reference = parse_function_reference(
            unquote(match[1]), scope=scope, qualifier=qualifiers[0] if qualifiers else None
        )
        if len(request.path) + len(request.query) <= _REMEMBERED_REFERENCE_LENGTH:
            if len(self._references) >= _REMEMBERED_REFERENCES:
                self._references.clear()
            self._references[scope, request.path, request.query] = reference
        return reference

    async def _accept(self, call: InvokeCall, invoke: InvokeRequest, *, continues_trace: bool = True) -> None:
        await self._service.check_event(invoke, continues_trace=continues_trace)
        await self._events.accept(invoke)
        call.accept()

    async def _try_out(self, call: InvokeCall | StreamCall, invoke: InvokeRequest) -> None:
        await self._service.check(invoke)
        call.allow()

    async def _later(self, call: InvokeCall | StreamCall, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the outermost handler of a request
            call.fail(error)


def _check_size(request: Request, invocation_type: str) -> None:
    limit = ASYNCHRONOUS_PAYLOAD_BYTES if invocation_type == "Event" else PAYLOAD_BYTES
    if request.body_too_large or len(request.body) > limit:
        raise RequestTooLarge(_too_large(limit))


def _too_large(limit: int) -> str:
    return f"Request must be smaller than {limit} bytes for the InvokeFunction operation"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON's")


def _client_context(text: str) -> str:
    """The JSON text in the header's base64. Source: API reference, Invoke; the texts of the errors are unverified."""
    if len(text) > _CLIENT_CONTEXT_BYTES:
        raise InvalidParameterValue(f"Client context must be no more than {_CLIENT_CONTEXT_BYTES} bytes when encoded.")
    try:
        context = base64.b64decode(text, validate=True).decode()
        parsed = json.loads(context, parse_constant=_refuse_constant)
    except (binascii.Error, ValueError, RecursionError):
        parsed = context = None
    if context is None or not isinstance(parsed, dict):
        raise InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.")
    return context
