"""The front door: every request passes here, is checked, and goes to a function's URL, to Invoke or to the API's rest.

Order of the checks: where the request comes from (Host, Origin), who sends it (credentials), what it wants: Lambda, or
another service. An Invoke is handled at once on this turn of the event loop; everything else becomes a task. The body
of a request from an unknown sender isn't even read, unless it came along with the head.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from lambent.core.errors import ApiError, IncompleteSignature, MissingAuthenticationToken
from lambent.gateway.api import Api
from lambent.gateway.authentication import Authenticator, Caller
from lambent.gateway.body_limits import PAYLOAD_BYTES
from lambent.gateway.control import Control
from lambent.gateway.errors import render_error
from lambent.gateway.function_urls.handler import UrlFront, address_of
from lambent.gateway.host_rules import HostRules
from lambent.gateway.http_server import Respond
from lambent.gateway.invoke import InvokeCall, InvokeOperation, is_invoke, is_invoke_async, is_invoke_with_stream
from lambent.gateway.invoke_stream import StreamCall
from lambent.gateway.metrics_page import METRICS_PATH, MetricsPage
from lambent.gateway.other_services import OtherServices
from lambent.gateway.service_names import Addressed
from lambent.ids import IdMaker
from lambent.wire.http import Request, Sender

_OWN_PATHS = "/_lambent/"


class Front:
    """The handler of the HTTP server.

    Args:
        others: takes requests for other services; None where they are refused.
    """

    def __init__(
        self,
        *,
        host_rules: HostRules,
        authenticator: Authenticator,
        invoke: InvokeOperation,
        api: Api,
        urls: UrlFront,
        metrics: MetricsPage,
        control: Control,
        ids: IdMaker,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        others: OtherServices | None = None,
    ) -> None:
        self._host_rules = host_rules
        self._authenticator = authenticator
        self._invoke = invoke
        self._api = api
        self._urls = urls
        self._metrics = metrics
        self._control = control
        self._others = others
        self._ids = ids
        self._spawn = spawn

    def admits(self, request: Request) -> Sender:
        """Whether to wait for the body of a request, judged by its head; if not, `handle` says why."""
        try:
            if address_of(request) is not None:
                self._host_rules.check_host(request)
                too_long = int(request.headers.get("content-length", "0")) > PAYLOAD_BYTES
                return Sender.REFUSED if too_long else Sender.STRANGER
            self._host_rules.check(request)
            if request.path.startswith(_OWN_PATHS):
                return Sender.REFUSED  # nothing there takes a body
            self._authenticator.identify(request)
        except (MissingAuthenticationToken, IncompleteSignature):
            may_be_unsigned = self._others is not None and self._others.admits(request)
            return Sender.STRANGER if may_be_unsigned else Sender.REFUSED
        except ApiError:
            return Sender.REFUSED
        return Sender.KNOWN

    def handle(self, request: Request, respond: Respond) -> None:
        """Answer one request, now or later."""
        request_id = self._ids.uuid()
        try:
            address = address_of(request)
            if address is not None:
                self._host_rules.check_host(request)
                self._urls.handle(request, address, request_id, respond)
                return
            self._host_rules.check(request)
            if request.path.startswith(_OWN_PATHS):
                if request.path == METRICS_PATH:
                    respond(*self._metrics.answer(request))
                    return
                if self._control.has(request.path):
                    self._spawn(self._control_request(request, request_id, respond))
                    return
                self._spawn(self._api_request(request, None, request_id, respond))
                return
            if request.body_too_large:  # its signature can't be verified, but all that follows is a refusal
                caller = self._authenticator.identify(request)
            else:
                caller = self._authenticator.authenticate(request)
            if is_invoke(request.method, request.path):
                self._invoke.handle(InvokeCall(request, request_id, respond), caller.scope)
            else:
                self._authenticated(request, caller, request_id, respond)
        except (MissingAuthenticationToken, IncompleteSignature) as error:
            self._unsigned(request, error, request_id, respond)
        except Exception as error:  # noqa: BLE001 - the outermost handler of a request
            respond(*render_error(error, request=request, request_id=request_id))

    def _authenticated(self, request: Request, caller: Caller, request_id: str, respond: Respond) -> None:
        """Whatever isn't an Invoke."""
        if is_invoke_with_stream(request.method, request.path):
            self._invoke.handle_stream(StreamCall(request, request_id, respond), caller.scope)
        elif is_invoke_async(request.method, request.path):
            self._invoke.handle_async(InvokeCall(request, request_id, respond), caller.scope)
        elif self._others is not None and self._others.takes(request, caller):
            addressed = Addressed(caller.service, caller.scope)
            self._spawn(self._others.handle(request, addressed, request_id, respond))
        else:
            self._spawn(self._api_request(request, caller, request_id, respond))

    def _unsigned(self, request: Request, error: ApiError, request_id: str, respond: Respond) -> None:
        """Some requests for other services need no signature."""
        addressed = None if self._others is None else self._others.unsigned(request)
        if self._others is None or addressed is None:
            respond(*render_error(error, request=request, request_id=request_id))
        else:
            self._spawn(self._others.handle(request, addressed, request_id, respond))

    async def _control_request(self, request: Request, request_id: str, respond: Respond) -> None:
        respond(*await self._control.answer(request, request_id))

    async def _api_request(self, request: Request, caller: Caller | None, request_id: str, respond: Respond) -> None:
        try:
            respond(*await self._api.handle(request, caller, request_id))
        except Exception as error:  # noqa: BLE001 - an answer that can't be said is a bug, and the caller waits
            respond(*render_error(error, request=request, request_id=request_id))
