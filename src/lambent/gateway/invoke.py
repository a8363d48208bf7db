"""The Invoke operation over HTTP: the one operation that doesn't go through the generic codec.

What is usual is parsed here with as little work as it takes; whatever looks unusual (an unknown invocation type, a name
that isn't one) is handed to the codec, which knows AWS's words for it.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

from lambent.clock import Clock
from lambent.core.arn import parse_function_reference
from lambent.core.errors import (
    InvalidParameterValue,
    InvalidRequestContent,
    RequestTooLarge,
    ServiceFault,
)
from lambent.core.invocation import InvocationResult
from lambent.core.scope import Scope
from lambent.ids import IdMaker
from lambent.services.events import EventService
from lambent.services.invoke import InvokeRequest, InvokeService
from lambent.wire.http import Request
from lambent.wire.json_payload import check_json

INVOKE_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")

SYNCHRONOUS_PAYLOAD_BYTES = 6_291_456
ASYNCHRONOUS_PAYLOAD_BYTES = 1_048_576
_CLIENT_CONTEXT_BYTES = 3_583
_REMEMBERED_REFERENCES = 8_192

Headers = Sequence[tuple[str, str]]
Answer = Callable[[int, Headers, bytes], None]
Fail = Callable[[Exception], None]


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
        ids: IdMaker,
        clock: Clock,
    ) -> None:
        self._service = service
        self._events = events
        self._validate = validate
        self._spawn = spawn
        self._ids = ids
        self._clock = clock
        self._references: dict[tuple[Scope, str, str], tuple[str, str | None]] = {}

    def handle(
        self, request: Request, name: str, scope: Scope, request_id: str, answer: Answer, fail: Fail
    ) -> None:
        """Carry out one Invoke; exactly one of answer and fail is called, now or later.

        Args:
            name: the path's FunctionName, still percent-encoded.
            scope: the caller's account and region.

        Raises:
            ApiError: the request isn't acceptable; nothing was started.
        """
        if request.body_too_large:
            raise _too_large(SYNCHRONOUS_PAYLOAD_BYTES)
        headers = request.headers
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        log_type = headers.get("x-amz-log-type", "None")
        if kind not in _KINDS or log_type not in _LOG_TYPES:
            self._validate(request)
        function_name, qualifier = self._reference(request, name, scope)
        payload = request.body
        if payload:
            check_json(payload)
        invoke = InvokeRequest(
            scope=scope,
            function_name=function_name,
            qualifier=qualifier,
            request_id=request_id,
            payload=payload,
            log_tail=log_type == "Tail",
            trace_id=headers.get("x-amzn-trace-id", "") or self._ids.trace_header(self._clock.now_ms()),
            tenant_id=headers.get("x-amz-tenant-id", ""),
        )
        context = headers.get("x-amz-client-context")
        if context:
            invoke.client_context = _client_context(context)
        if kind == "RequestResponse":
            self._service.invoke(invoke, lambda result: _answer(answer, fail, invoke, result), fail)
        elif kind == "Event":
            if len(payload) > ASYNCHRONOUS_PAYLOAD_BYTES:
                raise _too_large(ASYNCHRONOUS_PAYLOAD_BYTES)
            self._spawn(self._event(invoke, answer, fail))
        else:
            self._spawn(self._dry_run(invoke, answer, fail))

    def _reference(self, request: Request, name: str, scope: Scope) -> tuple[str, str | None]:
        key = (scope, name, request.query)
        found = self._references.get(key)
        if found is None:
            qualifiers = parse_qs(request.query, keep_blank_values=True).get("Qualifier")
            self._validate(request)
            reference = parse_function_reference(
                unquote(name), scope=scope, qualifier=qualifiers[0] if qualifiers else None
            )
            found = (reference.name, reference.qualifier)
            if len(self._references) >= _REMEMBERED_REFERENCES:
                self._references.clear()
            self._references[key] = found
        return found

    async def _event(self, invoke: InvokeRequest, answer: Answer, fail: Fail) -> None:
        try:
            await self._service.check(invoke)
            await self._events.accept(invoke)
        except Exception as error:  # noqa: BLE001 - fail renders whatever it is
            fail(error)
            return
        answer(202, [("x-amzn-RequestId", invoke.request_id), *_EMPTY_JSON], b"")

    async def _dry_run(self, invoke: InvokeRequest, answer: Answer, fail: Fail) -> None:
        try:
            await self._service.check(invoke)
        except Exception as error:  # noqa: BLE001 - fail renders whatever it is
            fail(error)
            return
        answer(204, [("x-amzn-RequestId", invoke.request_id)], b"")


_KINDS = frozenset({"RequestResponse", "Event", "DryRun"})
_LOG_TYPES = frozenset({"None", "Tail"})
_EMPTY_JSON = (("x-amzn-Remapped-Content-Length", "0"), ("Content-Type", "application/json"))


def _answer(answer: Answer, fail: Fail, invoke: InvokeRequest, result: InvocationResult) -> None:
    if result.environment_lost:
        fail(ServiceFault("The execution environment went away while the function was running."))
        return
    headers = [
        ("Content-Type", "application/json"),
        ("x-amzn-RequestId", invoke.request_id),
        ("x-amzn-Remapped-Content-Length", "0"),
        ("X-Amz-Executed-Version", result.executed_version),
        ("X-Amzn-Trace-Id", invoke.trace_id),
    ]
    if result.function_error is not None:
        headers.append(("X-Amz-Function-Error", result.function_error))
    if result.log_tail is not None:
        headers.append(("X-Amz-Log-Result", base64.b64encode(result.log_tail).decode()))
    answer(200, headers, result.payload)


def _client_context(text: str) -> str:
    if len(text) > _CLIENT_CONTEXT_BYTES:
        raise InvalidParameterValue(
            f"Client context must be no more than {_CLIENT_CONTEXT_BYTES} bytes when encoded."
        )
    try:
        context = base64.b64decode(text, validate=True).decode()
        if not isinstance(json.loads(context), dict):
            raise TypeError
    except (binascii.Error, UnicodeDecodeError, ValueError, TypeError):
        raise InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.") from None
    return context


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"Request must be smaller than {limit} bytes for the InvokeFunction operation")
