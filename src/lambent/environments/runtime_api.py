"""The Runtime API 2018-06-01 over HTTP, inside an environment, for AWS's runtime clients and everybody else's.

Whoever can connect to the listener is the environment's own processes: it listens inside their network namespace. They
are a tenant's code nevertheless, so everything is bounded: the head of a request (large, because runtimes put stack
traces into headers), its body (what is over the limit is counted and dropped), requests sent ahead, connections. What
an honest runtime has no need of (many connections, refused requests, bodies in crumbs) is charged to the environment's
share of the loop.
Requests of one connection are answered in order, one at a time.

A response and the request for the next event are two requests here, where frames have them in one write. The caller is
answered at the first and the slot is free at the second, so a caller that invokes again at once, with one concurrent
execution reserved, can come in between and be throttled: AWS's rule has the same gap, 0.09 ms at the median with
awslambdaric and 5 ms at p99 on a busy machine. The answer isn't held back for it, because every caller would pay for
that, and SDKs repeat a throttled request by themselves.
"""

import asyncio
import base64
import binascii
import json
import socket
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple

import httptools

from lambent.core.environment_messages import (
    ErrorPosted,
    InitErrorPosted,
    NextRequested,
    Refuse,
    ResponsePosted,
    ResponseRejected,
    RuntimeRequest,
)
from lambent.core.fault import INVALID_RESPONSE_MODE, TRUNCATED_RESPONSE, Fault, reported_error_type
from lambent.core.invocation import MAX_PAYLOAD_BYTES, Invocation
from lambent.core.loop_share import LoopShare
from lambent.environments.acceptor import Acceptor
from lambent.environments.response_stream import TRUNCATED, ResponseStream, RuntimeStream
from lambent.environments.runtime_channel import EXIT_GRACE_SECONDS, RuntimePeer
from lambent.environments.socket_stream import SocketStream

MAX_HEAD_BYTES: Final = 4 * 1024 * 1024
"""Runtimes put error causes of up to 1 MiB into headers."""
MAX_CONNECTIONS: Final = 64
"""A runtime uses one or two."""
MAX_HELD_BYTES: Final = 4 * MAX_PAYLOAD_BYTES
"""What one environment's unfinished and waiting requests may take of the server's memory. Ours."""
_MAX_REQUESTS_AHEAD = 16

# Call-backs of the parser: a header, a chunk, the end of a request. A read of an honest runtime has fewer.
_FREE_PARTS = 64
_PART_SECONDS = 0.6e-6
# A request that isn't part of an invocation: refused, a ping, or for the same event again, whose bytes are copied anew.
_REQUEST_SECONDS = 20e-6
_BYTE_SECONDS = 1e-9

_VERSION = b"/2018-06-01"
_NEXT_PATH = _VERSION + b"/runtime/invocation/next"
_INVOCATION_PREFIX = _VERSION + b"/runtime/invocation/"
_INIT_ERROR_PATH = _VERSION + b"/runtime/init/error"
_PING_PATH = _VERSION + b"/ping"

_ERROR_TYPE = b"lambda-runtime-function-error-type"
_ERROR_BODY = b"lambda-runtime-function-error-body"
_RESPONSE_MODE = b"lambda-runtime-function-response-mode"
_JSON_TYPE = b"application/json"
_DEFAULT_TYPE = b"application/octet-stream"
_ERROR_CAUSE_TYPE = b"application/vnd.aws.lambda.error.cause+json"

_NEXT = NextRequested()
_ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
_PONG = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\npong"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_INVALID_MODE = Refuse(400, "InvalidFunctionResponseMode", "Invalid function response mode")
_TRUNCATED = Refuse(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
_NOT_FOUND = Refuse(404, "NotFound", "404 page not found")
_METHOD_NOT_ALLOWED = Refuse(405, "MethodNotAllowed", "405 method not allowed")
_MALFORMED = Refuse(400, "BadRequest", "The request isn't HTTP/1.1")
_TOO_MUCH = Refuse(431, "RequestHeaderFieldsTooLarge", "The head of the request, or what was sent ahead, is too large")


class HttpRequest(NamedTuple):
    """One request; the body is cut one byte after `MAX_PAYLOAD_BYTES`. Header names are in lower case."""

    method: bytes
    path: bytes
    headers: dict[bytes, bytes]
    trailers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool
    stream: RuntimeStream | None
    """Where the body went piece by piece, instead of into `body`."""


class RuntimeApi:
    """The HTTP codec of one environment: its listener, over all process generations, and their connections."""

    __slots__ = ("_acceptor", "_broken", "_connections", "_held_bytes", "_loop", "_peer", "_share", "_waiting")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, listener: socket.socket, peer: RuntimePeer, share: LoopShare
    ) -> None:
        """Accept from now on. The listener is listening and non-blocking; it stays its owner's to close."""
        self._loop = loop
        self._peer = peer
        self._share = share
        self._connections: set[_Connection] = set()
        self._waiting: list[_Connection] = []
        self._broken: list[_Connection] = []
        self._held_bytes = 0
        self._acceptor = Acceptor(loop, listener, self._accepted, share)

    def deliver(self, invocation: Invocation, deadline_ms: int) -> None:
        """Answer those who wait for the next event; without any, the event is given to who asks for it again."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            head = _event_head(invocation, deadline_ms)
            for connection in waiting:
                connection.respond(head, invocation.payload)

    def deliver_again(self, invocation: Invocation, deadline_ms: int) -> None:
        """The runtime lost its answer; one that loses many has them at its own expense."""
        for connection in self._waiting:
            connection.charge(len(invocation.payload) * _BYTE_SECONDS + _REQUEST_SECONDS)
        self.deliver(invocation, deadline_ms)

    def request(self, connection: "_Connection", request: RuntimeRequest) -> Refuse | None:
        """A connection's request to the environment; for the next event the answer may come later, by `deliver`."""
        if self._broken:
            self.break_off()
        if request is not _NEXT:
            return self._peer.on_request(self, request)
        # It must be waiting before it is asked for, since the event may be delivered at once.
        self._waiting.append(connection)
        refusal = self._peer.on_request(self, request)
        if refusal is not None:
            self._waiting.remove(connection)
        return refusal

    def stream(self, request_id: str, content_type: str) -> RuntimeStream | Refuse:
        """A connection's response that comes in pieces."""
        if self._broken:
            self.break_off()
        return self._peer.on_stream(self, request_id, content_type)

    def received(self, more_bytes: int) -> bool:
        """Account for what a connection holds in memory now, more or less than before; False where it is too much."""
        self._held_bytes += more_bytes
        self._peer.on_received()
        return self._held_bytes <= MAX_HELD_BYTES

    def broken(self, connection: "_Connection") -> None:
        """The connection ended in the middle of a body; whether its process did, too, will be known in a moment."""
        self._broken.append(connection)

    def break_off(self) -> None:
        """The process lives, since it has had its time or asks for something else: what broke off did so on its own."""
        broken, self._broken = self._broken, []
        for connection in broken:
            connection.break_off()

    def forget(self, connection: "_Connection", held_bytes: int) -> None:
        """The connection has ended."""
        self._held_bytes -= held_bytes
        self._connections.discard(connection)
        for others in (self._waiting, self._broken):
            if connection in others:
                others.remove(connection)

    def drain(self) -> None:
        """Take what processes that have ended sent before."""
        self._acceptor.accept()
        for connection in list(self._connections):
            connection.drain()

    def close_connections(self) -> None:
        """The generation that made them is over."""
        for connection in list(self._connections):
            connection.close()

    def close(self) -> None:
        """Accept and answer no more."""
        self._acceptor.close()
        self.close_connections()

    def _accepted(self, sock: socket.socket) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            sock.close()
            return
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.add(_Connection(self._loop, sock, self, self._share))


class _Connection:
    """One connection: httptools' call-backs collect a request, `_answer_requests` answers one after another."""

    __slots__ = (
        "_api",
        "_body",
        "_body_bytes",
        "_busy",
        "_grace",
        "_head_bytes",
        "_head_complete",
        "_headers",
        "_held_bytes",
        "_in_message",
        "_loop",
        "_other_bytes",
        "_parser",
        "_parts",
        "_path",
        "_pieces",
        "_requests",
        "_response",
        "_stream",
        "_trailers",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, api: RuntimeApi, share: LoopShare) -> None:
        self._api = api
        self._loop = loop
        self._grace: asyncio.TimerHandle | None = None  # until the connection's end is taken for itself
        self._parser = httptools.HttpRequestParser(self)
        self._requests: deque[HttpRequest] = deque()
        self._busy: HttpRequest | None = None
        self._in_message = False
        self._head_complete = False
        self._head_bytes = 0
        self._other_bytes = 0  # of the message so far, without its body: head, trailers, sizes of chunks
        self._held_bytes = 0
        self._parts = 0  # that the data in hand was taken to
        self._path = b""
        self._headers: dict[bytes, bytes] = {}
        self._trailers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._response: RuntimeStream | None = None  # takes the body that is being received
        self._pieces: list[bytes] = []  # of it, from the data in hand: what came in crumbs goes on as one
        self._stream = SocketStream(loop, sock, on_data=self._on_data, on_end=self._on_end, share=share)

    # --- bytes in ---

    def drain(self) -> None:
        self._stream.drain()

    def charge(self, seconds: float) -> None:
        """Take work that no invocation needed from the environment's share."""
        self._stream.charge(seconds)

    def _on_data(self, data: bytes) -> None:
        self._parts = 0
        self._other_bytes += len(data)
        if not self._head_complete:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._reject(_MALFORMED)
            return
        self._pass_on()
        held_bytes = self._other_bytes + self._body_bytes + sum(len(request.body) for request in self._requests)
        more_bytes, self._held_bytes = held_bytes - self._held_bytes, held_bytes
        affordable = self._api.received(more_bytes)
        if not affordable or self._head_bytes > MAX_HEAD_BYTES or len(self._requests) > _MAX_REQUESTS_AHEAD:
            self._reject(_TOO_MUCH)
            return
        if self._parts > _FREE_PARTS:
            self.charge(self._parts * _PART_SECONDS)
        # A body in chunks may go on in crumbs, so that a large read of one would take the loop for long.
        length = self._headers.get(b"content-length") if self._body_bytes else None
        self._stream.expected = max(0, int(length) - self._body_bytes) if length else 0
        self._answer_requests()

    def _on_end(self) -> None:
        if self._in_message and self._head_complete:
            self._grace = self._loop.call_later(EXIT_GRACE_SECONDS, self._api.break_off)
            self._api.broken(self)
        else:
            self.close()

    def break_off(self) -> None:
        """What was being received stays without its end."""
        self._truncated()
        self.close()

    def _truncated(self) -> None:
        """The peer stopped in the middle of a body; it may still hear why that was refused."""
        if self._response is not None:
            response, self._response = self._response, None
            response.fail(TRUNCATED)
            self._stream.send(_refusal_answer(_TRUNCATED, keep_alive=False))
            return
        request_id = _request_id(self._path, b"/response")
        refusal: Refuse | None = _TRUNCATED
        if request_id is not None and self._headers.get(_RESPONSE_MODE) == b"streaming":
            self._api.received(0)
            fault = Fault(TRUNCATED_RESPONSE, _TRUNCATED.message)
            refusal = self._api.request(self, ResponseRejected(request_id, fault, _TRUNCATED))
        self._stream.send(_refusal_answer(refusal or _TRUNCATED, keep_alive=False))

    def _reject(self, refusal: Refuse) -> None:
        if self._response is not None:
            self._pass_on()
            response, self._response = self._response, None
            response.fail(TRUNCATED)
        self._stream.send(_refusal_answer(refusal, keep_alive=False))
        self._requests.clear()
        self.close()

    # --- httptools' call-backs ---

    def on_message_begin(self) -> None:
        self._in_message = True
        self._head_complete = False
        self._path = b""
        self._headers = {}
        self._trailers = {}
        self._body = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._parts += 1
        (self._trailers if self._head_complete else self._headers)[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._head_complete = True
        self._head_bytes = 0
        if self._headers.get(b"expect", b"").lower() == b"100-continue":
            self._stream.send(_CONTINUE)
        if _comes_in_pieces(self._headers) and self._busy is None and not self._requests:
            self._begin_response()

    def _begin_response(self) -> None:
        """A response that may be passed on while it comes; one that isn't accepted is told so at its end."""
        request_id = _request_id(self._path, b"/response")
        if request_id is None or self._parser.get_method() != b"POST":
            return
        content_type = self._headers.get(b"content-type", _DEFAULT_TYPE).decode("latin-1")
        begun = self._api.stream(request_id, content_type)
        if isinstance(begun, ResponseStream):  # else it is collected here, with the limits of all bodies
            self._response = begun
            begun.on_wanted = self._stream.go_on

    def on_body(self, data: bytes) -> None:
        self._parts += 1
        self._other_bytes -= len(data)
        if self._response is not None:
            self._pieces.append(data)
            self._other_bytes = 0  # sizes of chunks that were passed on aren't kept
            return
        room = MAX_PAYLOAD_BYTES + 1 - self._body_bytes
        if room > 0:
            self._body.append(data[:room])
            self._body_bytes += min(room, len(data))

    def _pass_on(self) -> None:
        """What the data in hand has brought of a response that isn't kept here."""
        if self._pieces and self._response is not None:
            pieces, self._pieces = self._pieces, []
            self._response.write(b"".join(pieces))
            if not self._response.wanted:
                self._stream.hold()

    def on_message_complete(self) -> None:
        self._pass_on()
        self._parts += 1
        self._in_message = False
        self._head_complete = False
        self._head_bytes = 0
        self._other_bytes = 0
        self._requests.append(
            HttpRequest(
                self._parser.get_method(),
                self._path.partition(b"?")[0],
                self._headers,
                self._trailers,
                b"".join(self._body),
                self._parser.should_keep_alive(),
                self._response,
            )
        )
        self._response = None
        self._body = []
        self._body_bytes = 0

    # --- answers ---

    def _answer_requests(self) -> None:
        while self._requests and self._busy is None and not self._stream.closed:
            self._busy = request = self._requests.popleft()
            refusal = self._handle(request)
            if refusal is not None:
                self.charge(_REQUEST_SECONDS)
                self.respond(_refusal_answer(refusal, keep_alive=request.keep_alive))

    def respond(self, head: bytes, payload: bytes = b"") -> None:
        """Answer the request in hand, and go on with those that came meanwhile."""
        request, self._busy = self._busy, None
        self._stream.send(head, payload)
        if request is not None and not request.keep_alive:
            self._stream.close_when_written()
            self._forget()
        elif self._requests:
            self._answer_requests()

    def _handle(self, request: HttpRequest) -> Refuse | None:
        """Answer, or leave the answer to `deliver`; returns why not."""
        path = request.path
        if request.stream is not None:
            _finish(request, request.stream)
            return self._accept(None, _ACCEPTED)
        if path == _NEXT_PATH:
            return _METHOD_NOT_ALLOWED if request.method != b"GET" else self._api.request(self, _NEXT)
        if path == _PING_PATH:
            self.charge(_REQUEST_SECONDS)
            return _METHOD_NOT_ALLOWED if request.method != b"GET" else self._accept(None, _PONG)
        posted: Callable[[HttpRequest, str], RuntimeRequest]
        if (request_id := _request_id(path, b"/response")) is not None:
            posted = _response
        elif (request_id := _request_id(path, b"/error")) is not None:
            posted = _error
        elif path == _INIT_ERROR_PATH:
            request_id, posted = "", _init_error
        else:
            return _NOT_FOUND
        if request.method != b"POST":
            return _METHOD_NOT_ALLOWED
        return self._accept(self._api.request(self, posted(request, request_id)), _ACCEPTED)

    def _accept(self, refusal: Refuse | None, answer: bytes) -> Refuse | None:
        if refusal is None:
            self.respond(answer)
        return refusal

    def close(self) -> None:
        """End the connection."""
        if self._grace is not None:
            self._grace.cancel()
        self._stream.close()
        self._forget()

    def _forget(self) -> None:
        self._api.forget(self, self._held_bytes)
        self._held_bytes = 0


def _comes_in_pieces(headers: dict[bytes, bytes]) -> bool:
    """Whether a body may be passed on while it comes, to a caller who takes it so.

    For such a caller it matters little whether the runtime says that it streams: aws-lambda-go never does, with a body
    of unknown length that isn't JSON.
    Source: AWS's Runtime Interface Emulator, core/directinvoke/directinvoke.go, SendDirectInvokeResponse.
    """
    mode = headers.get(_RESPONSE_MODE)
    if mode is not None or b"transfer-encoding" not in headers:
        return mode == b"streaming"
    return not headers.get(b"content-type", _JSON_TYPE).lower().startswith(_JSON_TYPE)


def _request_id(path: bytes, suffix: bytes) -> str | None:
    """The id in /runtime/invocation/{id}/response or …/error; may be empty. None for another path."""
    if not path.startswith(_INVOCATION_PREFIX) or not path.endswith(suffix):
        return None
    request_id = path[len(_INVOCATION_PREFIX) : -len(suffix)]
    return None if b"/" in request_id else request_id.decode("ascii", "replace")


def _response(request: HttpRequest, request_id: str) -> RuntimeRequest:
    """A handler's result; a streamed one, too, if its caller wants it whole.

    Trailers tell of an error only where the runtime has said that it streams.
    Source: AWS's Runtime Interface Emulator, core/directinvoke/directinvoke.go, sendPayloadLimitedResponse.
    """
    mode = request.headers.get(_RESPONSE_MODE)
    if mode not in {None, b"streaming"}:
        return ResponseRejected(request_id, Fault(INVALID_RESPONSE_MODE, _INVALID_MODE.message), _INVALID_MODE)
    if mode is not None and _ERROR_TYPE in request.trailers:
        return ErrorPosted(request_id, _trailers_error(request.trailers))
    return ResponsePosted(request_id, request.body)


def _finish(request: HttpRequest, stream: RuntimeStream) -> None:
    """The end of a response that was passed on: whole, or with an error in its trailers."""
    stream.on_wanted = None
    if _ERROR_TYPE in request.trailers:
        error_type = reported_error_type(request.trailers[_ERROR_TYPE].decode("latin-1"))
        stream.fail(Fault(error_type, "", _trailers_error(request.trailers)))
    else:
        stream.end()


def _trailers_error(trailers: dict[bytes, bytes]) -> bytes:
    """What the caller gets of an error in trailers: its body, or where only its type is said an object with that."""
    if trailers.get(_ERROR_BODY):
        return _decoded_trailer(trailers[_ERROR_BODY])
    return json.dumps({"errorType": trailers[_ERROR_TYPE].decode("latin-1")}).encode()


def _decoded_trailer(value: bytes) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return value


def _error(request: HttpRequest, request_id: str) -> RuntimeRequest:
    return ErrorPosted(request_id, _error_payload(request))


def _init_error(request: HttpRequest, _request_id: str) -> RuntimeRequest:
    error_type = request.headers.get(_ERROR_TYPE, b"").decode("latin-1")
    return InitErrorPosted(reported_error_type(error_type), _error_payload(request))


def _error_payload(request: HttpRequest) -> bytes:
    """What the caller gets of an error's body: all of it, byte for byte, but for the X-Ray cause within."""
    content_type = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if content_type != _ERROR_CAUSE_TYPE:
        return request.body
    try:
        error = json.loads(request.body)
    except ValueError:
        error = None
    if not isinstance(error, dict):
        return b'"Invalid error body"'
    error.pop("errorCause", None)
    return json.dumps(error, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _event_head(invocation: Invocation, deadline_ms: int) -> bytes:
    """The head of the answer to `next`: a header without a value is left out."""
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {invocation.content_type or 'application/json'}\r\n"
        f"Content-Length: {len(invocation.payload)}\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {invocation.invoked_function_arn}\r\n"
    )
    for name, value in (
        ("Lambda-Runtime-Trace-Id", invocation.trace_id),
        ("Lambda-Runtime-Client-Context", invocation.client_context),
        ("Lambda-Runtime-Cognito-Identity", invocation.cognito_identity),
        ("Lambda-Runtime-Aws-Tenant-Id", invocation.tenant_id),
    ):
        if value:
            # A caller's JSON may span lines; in a header it can't, and between JSON's tokens a space says the same.
            head += f"{name}: {' '.join(value.splitlines())}\r\n"
    return (head + "\r\n").encode(errors="replace")


def _refusal_answer(refusal: Refuse, *, keep_alive: bool) -> bytes:
    body = json.dumps({"errorMessage": refusal.message, "errorType": refusal.error_type}, separators=(",", ":"))
    connection = "" if keep_alive else "Connection: close\r\n"
    return (
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{connection}\r\n{body}"
    ).encode()
