"""The API but for Invoke: route, decode and validate, call the operation, encode.

The order of what is checked is AWS's (api-errors.md §15): an unknown route, the size of the body, the constraints of
the model, and then whatever the operation checks. Links to code are served here too; they bring their own signature.
"""

from lambent.core.errors import AccessDenied, NotImplementedOperation, RequestEntityTooLarge, UnknownOperation
from lambent.gateway.authentication import Caller
from lambent.gateway.body_limits import body_limit
from lambent.gateway.code_links import CODE_PATH_PREFIX, CodeDownloads
from lambent.gateway.errors import render_error
from lambent.gateway.operations.context import OperationContext, Services
from lambent.gateway.operations.table import OPERATIONS
from lambent.wire.http import Request
from lambent.wire.rest_json import Answer, RestJsonCodec


class Api:
    """Answers requests; never raises but when it is cancelled.

    Args:
        url_domain: below which function URLs are, with a scheme; empty for localhost.
    """

    def __init__(
        self, *, codec: RestJsonCodec, services: Services, downloads: CodeDownloads, url_domain: str = ""
    ) -> None:
        self._codec = codec
        self._services = services
        self._downloads = downloads
        self._url_domain = url_domain

    async def handle(self, request: Request, caller: Caller | None, request_id: str) -> Answer:
        """Carry out one request.

        Args:
            caller: who was authenticated; None only for paths of Lambent's own that need nobody.

        Returns:
            status, headers (with x-amzn-RequestId), body.
        """
        try:
            if request.path.startswith(CODE_PATH_PREFIX):
                status, headers, body = await self._downloads.handle(request.path, request.query)
            else:
                status, headers, body = await self._operation(request, caller)
        except Exception as error:  # noqa: BLE001 - the outermost handler of a request
            return render_error(error, request=request, request_id=request_id)
        return status, [*headers, ("x-amzn-RequestId", request_id)], body

    async def _operation(self, request: Request, caller: Caller | None) -> Answer:
        match = self._codec.match(request.method, request.path, request.query)
        if match is None:
            raise UnknownOperation(f"No operation has the path {request.path} and method {request.method}.")
        if caller is None:
            raise AccessDenied(None)
        name = match.operation.name
        limit = body_limit(request.method, request.path)
        if request.body_too_large or len(request.body) > limit:
            raise RequestEntityTooLarge(f"Request must be smaller than {limit} bytes for the {name} operation")
        decoded = self._codec.decode(match, query=request.query, headers=request.headers, body=request.body)
        operation = OPERATIONS.get(name)
        if operation is None:
            raise NotImplementedOperation(name)
        context = OperationContext(
            scope=caller.scope, base_url=_base_url(request), services=self._services, url_domain=self._url_domain
        )
        return self._codec.encode(match.operation, await operation(context, decoded))


def _base_url(request: Request) -> str:
    return f"http://{request.headers.get('host', 'localhost')}"
