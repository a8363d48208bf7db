"""Requests for other services than Lambda: to the endpoint that the environment names, else to the companion.

What comes here goes on as it came: method, target, headers and body. Added are the account that we have found, for the
companion, and `x-lambent-hop`, by which a second Lambent, or this one again, knows that the request has been forwarded
once, and refuses it: two servers that are each other's endpoint would send it round for ever.

When the client goes while it waits, our connection to the other server is closed too, so that a receive which waits for
messages of a queue takes none.
"""

import logging
from typing import Protocol

from lambent.companion.errors import Abandoned, CompanionUnavailable, ForwardingFailed
from lambent.companion.forwarding import Forwarder, Incoming, Outgoing
from lambent.endpoints import Endpoints
from lambent.gateway.authentication import Caller
from lambent.gateway.http_server import Respond
from lambent.gateway.other_errors import OtherServiceFailed, render
from lambent.gateway.service_names import Addressed, bucket_of, may_be_unsigned, unsigned
from lambent.gateway.streamed_body import StreamedBody
from lambent.wire.http import Request
from lambent.wire.rest_json import RestJsonCodec

HOP_HEADER = "x-lambent-hop"
ACCOUNT_HEADER = "x-moto-account-id"
SCOPE_HEADER = "x-lambent-scope"
ERROR_HEADER = "x-lambent-error"
_OURS = frozenset({HOP_HEADER, ACCOUNT_HEADER, SCOPE_HEADER, ERROR_HEADER})

_SHORTEST_STREAMED_BYTES = 65_536
"""What is shorter is one write with its head."""

_ATTEMPTS = 2  # one more, when the companion has died

logger = logging.getLogger(__name__)


class Companion(Protocol):
    """What `CompanionProcess` is."""

    async def address(self) -> str:
        """The path of its socket; starts it."""

    async def ended(self, address: str) -> bool:
        """Whether the one at that path has died."""


class OtherServices:
    """Decides which requests are for other services, and answers them.

    Args:
        codec: knows Lambda's paths.
        companion: None where there shall be none.
        default_region: of requests that name none.
    """

    def __init__(
        self,
        *,
        codec: RestJsonCodec,
        endpoints: Endpoints,
        companion: Companion | None,
        forwarder: Forwarder,
        default_region: str,
    ) -> None:
        self._codec = codec
        self._endpoints = endpoints
        self._companion = companion
        self._forwarder = forwarder
        self._default_region = default_region

    def takes(self, request: Request, caller: Caller) -> bool:
        """Whether a signed request isn't Lambda's: by its credential scope, unless its path is Lambda's alone."""
        service = caller.service
        if service == "lambda":
            return False
        return service == "s3" or self._codec.match(request.method, request.path, request.query) is None

    def admits(self, request: Request) -> bool:
        """Whether to wait for the body of a request that isn't signed."""
        return may_be_unsigned(request)

    def unsigned(self, request: Request) -> Addressed | None:
        """The service of a request that isn't signed, and needn't be."""
        return unsigned(request, default_region=self._default_region)

    async def handle(self, request: Request, addressed: Addressed, request_id: str, respond: Respond) -> None:
        """Forward one request, and answer it."""
        try:
            await self._forward(request, addressed, respond)
        except OtherServiceFailed as error:
            respond(*render(error, request=request, service=addressed.service, request_id=request_id))
        except Exception as error:
            logger.exception(
                "A request for another service failed because of an error in Lambent.",
                extra={"action": f"{request.method} {request.path}", "request_id": request_id},
            )
            failed = OtherServiceFailed("InternalFailure", 500, f"Lambent failed; its log says why ({error!r}).")
            respond(*render(failed, request=request, service=addressed.service, request_id=request_id))

    async def _forward(self, request: Request, addressed: Addressed, respond: Respond) -> None:
        service = addressed.service
        if HOP_HEADER in request.headers:
            raise OtherServiceFailed(
                "LoopDetected",
                508,
                f"This request for {service} was forwarded by a Lambent before: an endpoint leads back to one. "
                "Look at AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE> of the servers.",
            )
        if request.body_too_large:
            raise OtherServiceFailed(
                "EntityTooLarge", 413, "The body is longer than this server takes in one request; send it in parts."
            )
        url = self._endpoints.configured(_client_name(request, service))
        if url is not None:
            try:
                await self._send(_unchanged(request), request, respond, url=url)
            except ForwardingFailed as error:
                raise _failed(error) from error
        elif self._companion is None:
            raise OtherServiceFailed(
                "ServiceUnavailable",
                501,
                f"There is no {service} behind this port: the companion is off. Set companion to auto, or name an "
                "endpoint in AWS_ENDPOINT_URL.",
            )
        else:
            await self._to_companion(request, addressed, self._companion, respond)

    async def _to_companion(
        self, request: Request, addressed: Addressed, companion: Companion, respond: Respond
    ) -> None:
        outgoing = _for_companion(request, addressed)
        for attempt in range(_ATTEMPTS):
            try:
                path = await companion.address()
            except CompanionUnavailable as error:
                raise OtherServiceFailed("ServiceUnavailable", 503, str(error)) from error
            try:
                await self._send(outgoing, request, respond, socket_path=path)
            except ForwardingFailed as error:
                if attempt + 1 == _ATTEMPTS or not await companion.ended(path):
                    raise _failed(error) from error
            else:
                return

    async def _send(
        self, outgoing: Outgoing, request: Request, respond: Respond, *, socket_path: str = "", url: str = ""
    ) -> None:
        sending = self._forwarder.send(outgoing, socket_path=socket_path, url=url, on_abandoned=request.on_abandoned)
        try:
            async with sending as answer:
                await _answer(outgoing, answer, respond)
        except Abandoned as error:
            message = "The client has ended its side of the connection, and was taken to have gone."
            raise OtherServiceFailed("RequestAborted", 400, message) from error


def _failed(error: ForwardingFailed) -> OtherServiceFailed:
    code, status = ("GatewayTimeout", 504) if error.timed_out else ("BadGateway", 502)
    return OtherServiceFailed(code, status, f"{error}.")


def _client_name(request: Request, service: str) -> str:
    """The service as clients are configured: two of them are signed for as one."""
    streams = request.headers.get("x-amz-target", "").startswith("DynamoDBStreams")
    return "dynamodbstreams" if service == "dynamodb" and streams else service


def _target(request: Request) -> str:
    return f"{request.path}?{request.query}" if request.query else request.path


def _headers(request: Request) -> list[tuple[str, str]]:
    headers = request.headers
    kept = [(name, value) for name in headers if name not in _OURS for value in headers.getlist(name)]
    return [*kept, (HOP_HEADER, "1")]


def _unchanged(request: Request) -> Outgoing:
    return Outgoing(request.method, _target(request), _headers(request), request.pieces())


def _for_companion(request: Request, addressed: Addressed) -> Outgoing:
    account, region = addressed.scope
    target, headers = _target(request), _headers(request)
    if addressed.service == "s3":
        bucket = bucket_of(request.headers.get("host", ""))
        if bucket is not None:
            target = f"/{bucket}{target}"
        # moto takes the first part of any name but this one for a bucket's.
        port = request.headers.get("host", "").rpartition(":")[2]
        host = f"localhost:{port}" if port.isdigit() else "localhost"
        headers = [(name, host if name == "host" else value) for name, value in headers]
    headers += [(ACCOUNT_HEADER, account), (SCOPE_HEADER, f"{region}/{addressed.service}")]
    return Outgoing(request.method, target, headers, request.pieces())


async def _answer(outgoing: Outgoing, answer: Incoming, respond: Respond) -> None:
    kind = next((value for name, value in answer.headers if name == ERROR_HEADER), None)
    if kind is not None:
        raise _companions_failure(kind, (await _whole(answer)).decode(errors="replace"))
    try:
        if outgoing.method == "HEAD" or answer.length is None or answer.length >= _SHORTEST_STREAMED_BYTES:
            body = StreamedBody(answer.length)
            respond(answer.status, answer.headers, body)
            if body.wanted:
                await _pass_on(answer, body)
        else:
            respond(answer.status, answer.headers, await _whole(answer))
    except ValueError as error:  # a header that would be two
        raise OtherServiceFailed("BadGateway", 502, f"The answer can't be passed on: {error}.") from error


async def _pass_on(answer: Incoming, body: StreamedBody) -> None:
    whole = False
    try:
        async for piece in answer.pieces:
            await body.write(piece)
        whole = True
    except ConnectionResetError:  # nobody reads it any more
        return
    except ForwardingFailed as error:  # it is too late for another answer; the connection is cut
        logger.warning("An answer broke off: %s", error)
    finally:
        body.close(whole=whole)


async def _whole(answer: Incoming) -> bytes:
    return b"".join([piece async for piece in answer.pieces])


def _companions_failure(kind: str, said: str) -> OtherServiceFailed:
    match kind:
        case "unknown-service":
            return OtherServiceFailed("NotImplemented", 501, "The companion has no such service.")
        case "not-implemented":
            return OtherServiceFailed("NotImplemented", 501, f"The companion can't do this: {said}")
    return OtherServiceFailed("InternalFailure", 500, f"The companion failed: {said}")
