"""HTTP/1.1 without I/O: bytes in, whole requests out; a response in, bytes out.

`RequestParser` stands on llhttp (through httptools) for the grammar, and adds what a server needs beyond it: limits,
one meaning for every target, and an end to each message that another reader of the same bytes could frame differently.
What it can't accept becomes a `Rejection`, in order with the requests before it, after which nothing more is read: the
rest of a stream that was misunderstood once can't be trusted (RFC 9112, section 6.3). llhttp itself refuses bare line
feeds, folded headers, and Content-Length beside Transfer-Encoding or given twice.

Memory is for those who may send: what arrives in one read is in hand anyway, but before more of a body is waited for,
the hook `admits` looks at the head. What is kept of unfinished messages is taken from byte budgets, which all
connections share.

Text is Latin-1 throughout, which keeps every byte of the wire: `value.encode("latin-1")` is what was sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

import httptools

BodyLimit = Callable[[str, str], int]
"""(method, path) -> how many bytes of body the operation accepts."""

ResponseHeaders = Sequence[tuple[str, str]] | str
"""Names and values; or the lines of a head, each with its CR LF, whose author vouches that no value has a break."""


class Sender(Enum):
    """Who sends a request: whether its body is waited for, and on whose account."""

    REFUSED = "nobody waits for it"
    STRANGER = "anybody may send it"
    KNOWN = "its sender has credentials"


Admits = Callable[["Request"], Sender]
"""(request without its body) -> whether its body is waited for at all, and on whose account."""

# A sender of many tiny chunks spends up to six bytes of framing for each byte; more than this is an attack with chunk
# extensions or trailers.
_FRAMING_BYTES_PER_BODY_BYTE = 16

# Of a body that is long; what is shorter is put together at once.
_PIECE_BYTES = 524_288

# Heads up to this length aren't counted: the number of connections bounds them well enough.
_UNCOUNTED_HEAD_BYTES = 16_384

_INTERNED_NAMES = 512
_INTERNED_NAME_LENGTH = 64


class Headers(dict[str, str]):
    """Lower-case name -> first value; `getlist` for what may come more than once."""

    # A default of the class: a request makes one of these, and hardly any has a repeated header.
    _repeated: dict[str, list[str]] | None = None

    def add(self, name: str, value: str) -> None:
        """Append one header line; `name` in lower case."""
        if name not in self:
            self[name] = value
            return
        if self._repeated is None:
            self._repeated = {}
        self._repeated.setdefault(name, [self[name]]).append(value)

    def getlist(self, name: str) -> list[str]:
        """Every value of the header, in the order received."""
        if self._repeated is not None and name in self._repeated:
            return self._repeated[name]
        return [self[name]] if name in self else []

    @property
    def has_repeated(self) -> bool:
        """Whether any header came more than once."""
        return self._repeated is not None

    def is_repeated(self, name: str) -> bool:
        """Whether the header came more than once."""
        return self._repeated is not None and name in self._repeated


class Request:
    """One whole request.

    Attributes:
        method: as sent, upper case.
        path: still percent-encoded, without the query.
        query: the raw query string, without the question mark.
        headers: of the head; trailers are read and dropped.
        body: the payload without its transfer coding; empty when `body_too_large`. A long one is put together when it
            is asked for; `pieces` has it without that.
        peer: address of the client, or "" on a Unix socket.
        body_too_large: the body is over the operation's limit, or wasn't admitted, and was not kept: answer the error.
        keep_alive: whether the client allows a further request on the connection.
        http_1_0: the client spoke HTTP/1.0, where keep-alive must be confirmed.
    """

    __slots__ = (
        "_abandoned",
        "_pieces",
        "body",
        "body_too_large",
        "headers",
        "http_1_0",
        "keep_alive",
        "method",
        "path",
        "peer",
        "query",
    )

    def __init__(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: Headers | None = None,
        body: bytes = b"",
        peer: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = Headers() if headers is None else headers
        self.body = body
        self.peer = peer
        self.body_too_large = False
        self.keep_alive = True
        self.http_1_0 = False
        self._abandoned: Callable[[], None] | bool = False  # true once it is; else what is to be called then

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"

    if not TYPE_CHECKING:  # which would take any name for one of a request's

        def __getattr__(self, name: str) -> bytes:
            # Only for what isn't there: the body while it is in pieces. To join 100 MB takes a tenth of a second.
            if name != "body":
                raise AttributeError(name)
            self.body = b"".join(self._pieces)
            return self.body

    def on_abandoned(self, call: Callable[[], None]) -> None:
        """Have one thing called when the client has gone, or ended its side of the connection, before it is answered.

        It may be called at once. Another one replaces it.
        """
        if self._abandoned is True:
            call()
        else:
            self._abandoned = call

    def abandon(self) -> None:
        """The connection's end: nobody waits for the answer any more, or at least says nothing else."""
        call, self._abandoned = self._abandoned, True
        if not isinstance(call, bool):
            call()

    def keep_in_pieces(self, pieces: list[bytearray]) -> None:
        """Have the body put together when it is asked for."""
        del self.body
        self._pieces = pieces

    def pieces(self) -> Sequence[bytes | bytearray]:
        """The body; put together it isn't by this."""
        try:
            return self._pieces
        except AttributeError:
            return (self.body,) if self.body else ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """What the connection gets instead of a request's answer; it closes afterwards."""

    status: int
    reason: str


class Phase(Enum):
    """Where in a message the parser stands."""

    IDLE = "between messages"
    HEAD = "in a request line or its headers"
    BODY = "in a body or its trailers"
    ABANDONED = "reads no further"


# Looked up several times a request, where a member of an Enum costs twice a global.
_IDLE, _HEAD, _BODY, _ABANDONED = Phase.IDLE, Phase.HEAD, Phase.BODY, Phase.ABANDONED


class _Methods(dict[bytes, str]):
    def __missing__(self, name: bytes) -> str:
        text = self[name] = name.decode("latin-1")
        return text


class HeaderNames(dict[bytes, str]):
    """Header name as sent -> lower-case text, kept for the names seen most; shared by the connections of a server.

    `methods` does the same for llhttp's fixed set of methods.
    """

    def __init__(self) -> None:
        super().__init__()
        self.methods = _Methods()

    def __missing__(self, name: bytes) -> str:
        lowered = name.decode("latin-1").lower()
        if len(name) <= _INTERNED_NAME_LENGTH:
            if len(self) >= _INTERNED_NAMES:
                self.clear()
            self[name] = lowered
        return lowered


class ByteBudget:
    """Bytes that several holders may keep together.

    Args:
        limit: how many.
        within: a larger budget that what is taken here counts in as well.
    """

    __slots__ = ("_within", "limit", "taken")

    def __init__(self, limit: int, *, within: ByteBudget | None = None) -> None:
        self.limit = limit
        self._within = within
        self.taken = 0

    def take(self, size: int) -> bool:
        """Keep `size` more bytes; false, and nothing is taken, if that is over the limit."""
        if self.taken + size > self.limit:
            return False
        if self._within is not None and not self._within.take(size):
            return False
        self.taken += size
        return True

    def give_back(self, size: int) -> None:
        """Keep `size` fewer bytes."""
        self.taken -= size
        if self._within is not None:
            self._within.give_back(size)


class Buffers(NamedTuple):
    """The budgets of unfinished messages; apart, so that heads, which anyone may send, can't use up that of bodies.

    Attributes:
        heads: of request lines and headers that haven't ended.
        bodies: of what has come of messages whose body hasn't ended.
        strangers: the part of that which is for those whom nobody knows.
    """

    heads: ByteBudget
    bodies: ByteBudget
    strangers: ByteBudget

    @classmethod
    def of(cls, heads: ByteBudget, bodies: ByteBudget) -> Buffers:
        """With a quarter of the bodies' budget for strangers."""
        return cls(heads, bodies, ByteBudget(bodies.limit // 4, within=bodies))


class _RefusedError(Exception):
    """Leaves llhttp from within a callback; the `Rejection` is already in `ready`."""


class RequestParser:
    """The requests of one connection, in order, however the bytes are cut.

    Finished requests and the final rejection are appended to `ready`, which the caller empties. `expects_continue` is
    true while a client waits for `100 Continue` before it sends its body. `receiving` is the request whose body is
    being received, and `received` how many bytes of it have come.

    Args:
        peer: put into each request.
        names: the server's interned header names.
        header_limit: bytes of one request's line and headers, and of a chunked body's framing.
        body_limit: the hook that bounds a body. A longer one makes the request `body_too_large`: it is handed out at
            once, without its body, and nothing more is read.
        admits: asked once about each request whose body didn't come whole with its head. A request that isn't admitted
            is handed out as one whose body is too long.
        buffers: what unfinished messages may take up; beyond it they are rejected with 503.
    """

    __slots__ = (
        "_admits",
        "_admitted",
        "_bodies",
        "_body",
        "_body_fed",
        "_body_limit",
        "_buffers",
        "_feeding",
        "_head_at_least",
        "_head_at_most",
        "_header_limit",
        "_headers",
        "_held",
        "_held_in",
        "_limit",
        "_names",
        "_parser",
        "_peer",
        "_pieces",
        "_target",
        "_upgrading",
        "expects_continue",
        "phase",
        "ready",
        "received",
        "receiving",
    )

    def __init__(
        self,
        *,
        peer: str,
        names: HeaderNames,
        header_limit: int,
        body_limit: BodyLimit,
        admits: Admits,
        buffers: Buffers,
    ) -> None:
        self.ready: deque[Request | Rejection] = deque()
        self.phase = Phase.IDLE
        self.expects_continue = False
        self._peer = peer
        self._names = names
        self._header_limit = header_limit
        self._body_limit = body_limit
        self._admits = admits
        self._admitted: Request | None = None
        self._bodies = buffers.bodies  # what has come of the admitted one's is counted here
        self._buffers = buffers
        self._held_in = buffers.heads
        self._held = 0
        # Bounds on the head's length: llhttp doesn't say where in a read a message began.
        self._feeding = self._head_at_least = self._head_at_most = 0
        self._target = b""
        self._headers = Headers()
        self.receiving: Request | None = None
        self._body: bytes | bytearray = b""  # or its end, behind `_pieces`
        self._pieces: list[bytearray] = []
        self.received = self._limit = self._body_fed = 0
        self._upgrading = False
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream; never raises for what a client sent."""
        size = self._feeding = len(data)
        phase = self.phase
        if phase is _HEAD:
            self._head_at_least += size
            self._head_at_most += size
        elif phase is _BODY:
            self._body_fed += size
        elif phase is _ABANDONED:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(memoryview(data)[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._fail(error)
        if self.phase is not _IDLE:
            self._check_unfinished()

    def release(self) -> None:
        """Forget the stream: breaks the cycle with llhttp's callbacks, so that memory returns without a collection."""
        self._abandon()
        self.ready.clear()
        del self._parser

    def _ignore_upgrade(self, rest: memoryview) -> None:
        """Go on after the head of a request that offered an upgrade (RFC 9110, 7.8: a server may ignore it).

        llhttp stops there and takes what follows for the other protocol. A fresh parser is told the same framing
        without the offer, and reads on. Java's HTTP client offers h2c with every first POST.
        """
        while True:
            self._upgrading = False
            self._parser = httptools.HttpRequestParser(self)
            try:
                # The head is told in phase BODY, where on_url and on_header don't listen.
                self._parser.feed_data(self._head_without_upgrade())
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            except httptools.HttpParserError as error:
                self._fail(error)
                return
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        assert self.receiving is not None
        headers = self.receiving.headers
        lines = [f"{name}: {headers[name]}" for name in ("content-length", "transfer-encoding") if name in headers]
        if not self.receiving.keep_alive:
            lines.append("connection: close")
        return "\r\n".join(["POST / HTTP/1.1", *lines, "", ""]).encode("latin-1")

    def _check_unfinished(self) -> None:
        if self.phase is _HEAD:
            if self._head_at_least > self._header_limit:
                self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too long")
            elif self._head_at_most > _UNCOUNTED_HEAD_BYTES:
                self._hold(self._buffers.heads, self._head_at_most)
        elif self.phase is _BODY:
            self._check_unfinished_body()

    def _check_unfinished_body(self) -> None:
        request = self.receiving
        assert request is not None
        if self._body_fed > self._header_limit + _FRAMING_BYTES_PER_BODY_BYTE * self.received:
            self._reject(HTTPStatus.BAD_REQUEST, "the chunks of the body have too much framing")
            return
        if request is not self._admitted:
            sender = self._admits(request)
            if sender is Sender.REFUSED:
                self._hand_out_without_body(request)
                return
            self._admitted = request
            self._bodies = self._buffers.strangers if sender is Sender.STRANGER else self._buffers.bodies
        self._hold(self._bodies, self._head_at_most + self.received)

    def _hold(self, budget: ByteBudget, size: int) -> None:
        """Have `size` bytes of the message counted in `budget`, and in no other."""
        if budget is not self._held_in:
            self._let_go()
            self._held_in = budget
        if budget.take(size - self._held):
            self._held = size
        else:
            self._reject(HTTPStatus.SERVICE_UNAVAILABLE, "too much is being received at the moment")

    def _let_go(self) -> None:
        if self._held:
            self._held_in.give_back(self._held)
            self._held = 0

    # The callbacks of llhttp, in the order in which it calls them. In on_headers_complete all is in hand to judge the
    # message; what can't be accepted leaves through `_refuse`.

    def on_url(self, piece: bytes) -> None:
        """Begin a request, or go on with its target."""
        if self.phase is _IDLE:
            self.phase = _HEAD
            self._target = piece
            self._headers = Headers()
            self._head_at_least = 0
            self._head_at_most = self._feeding
        elif self.phase is _HEAD:
            self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one header; trailers are dropped."""
        if self.phase is not _HEAD:
            return
        headers = self._headers
        key = self._names[name]
        if key in headers:
            headers.add(key, value.rstrip().decode("latin-1"))
        else:
            headers[key] = value.rstrip().decode("latin-1")

    def on_headers_complete(self) -> None:
        """Judge the head, before anything of the body is read."""
        if self.phase is not _HEAD:
            return
        if self._head_at_most > self._header_limit and self._head_length() > self._header_limit:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too long")
        parser = self._parser
        headers = self._headers
        target = self._target.decode("latin-1")
        request = Request(self._names.methods[parser.get_method()], target, "", headers, b"", self._peer)
        # llhttp keeps a connection alive without being asked to in HTTP/1.1 only: the common case needs no closer look.
        request.keep_alive = parser.should_keep_alive()
        if not request.keep_alive or "connection" in headers:
            self._check_version(request)
        if not ("host" in headers or request.http_1_0) or (headers.has_repeated and headers.is_repeated("host")):
            self._refuse(HTTPStatus.BAD_REQUEST, "there must be exactly one Host header")
        if target[0] != "/":
            request.path = target = self._resolve_other_form(request, target)
        if "#" in target:
            self._refuse(HTTPStatus.BAD_REQUEST, "a request target has no fragment")
        if "?" in target:
            request.path, _, request.query = target.partition("?")
        if parser.should_upgrade():
            if request.method == "CONNECT":
                self._refuse(HTTPStatus.NOT_IMPLEMENTED, "this server is no proxy")
            self._upgrading = True
        self.phase = _BODY
        self.receiving = request
        self.received = self._body_fed = 0
        length = headers.get("content-length")
        if length is not None or "transfer-encoding" in headers:
            self._expect_body(request, length)

    def on_body(self, chunk: bytes) -> None:
        """Keep the next piece of the body, as long as it is within the limit."""
        self.expects_continue = False
        self.received = received = self.received + len(chunk)
        if received > self._limit:
            self._refuse_body()
        if not self._body:
            self._body = chunk
        elif isinstance(self._body, bytearray):
            if len(self._body) >= _PIECE_BYTES:
                self._pieces.append(self._body)
                self._body = bytearray()
            self._body += chunk
        else:
            self._body = bytearray(self._body) + chunk

    def on_message_complete(self) -> None:
        """Hand out the request."""
        if self._upgrading:
            return
        request = self.receiving
        assert request is not None
        if self._body:
            if isinstance(self._body, bytes):
                request.body = self._body
            elif not self._pieces:
                request.body = bytes(self._body)
            else:
                request.keep_in_pieces([*self._pieces, self._body])
                self._pieces = []
            self._body = b""
        self.expects_continue = False
        self.phase = _IDLE
        self.receiving = self._admitted = None
        if self._held:
            self._let_go()
        self.ready.append(request)

    def _check_version(self, request: Request) -> None:
        version = self._parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 or HTTP/1.0 is spoken here")
        request.http_1_0 = version == "1.0"

    def _resolve_other_form(self, request: Request, target: str) -> str:
        """Reduce an absolute target to its path; its authority replaces the Host header (RFC 9112, section 3.2.2)."""
        if request.method == "CONNECT" or (target == "*" and request.method == "OPTIONS"):
            return target
        scheme, separator, rest = target.partition("://")
        if not separator or scheme.lower() not in {"http", "https"}:
            self._refuse(HTTPStatus.BAD_REQUEST, "the request target is neither a path nor an http URL")
        end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
        authority, path = rest[:end], rest[end:]
        if not authority or "@" in authority:
            self._refuse(HTTPStatus.BAD_REQUEST, "the request target has no plain authority")
        request.headers["host"] = authority
        return path if path.startswith("/") else "/" + path

    def _expect_body(self, request: Request, length: str | None) -> None:
        """Read the framing headers: refuse what two readers could frame differently, and what is too long anyway."""
        headers = request.headers
        self._limit = limit = self._body_limit(request.method, request.path)
        if length is None:
            if request.http_1_0:
                self._refuse(HTTPStatus.BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding")
            if headers["transfer-encoding"].lower() != "chunked":
                self._refuse(HTTPStatus.NOT_IMPLEMENTED, "chunked is the only transfer coding spoken here")
        elif int(length) > limit:
            self._refuse_body()
        if "expect" in headers and not request.http_1_0:
            if headers["expect"].lower() != "100-continue":
                self._refuse(HTTPStatus.EXPECTATION_FAILED, "100-continue is the only expectation met here")
            self.expects_continue = length != "0"

    def _hand_out_without_body(self, request: Request) -> None:
        request.body_too_large = True
        request.keep_alive = False
        self.ready.append(request)
        self._abandon()

    def _refuse_body(self) -> NoReturn:
        assert self.receiving is not None
        self._hand_out_without_body(self.receiving)
        raise _RefusedError

    def _head_length(self) -> int:
        lines = sum(len(name) + len(value) + 4 for name in self._headers for value in self._headers.getlist(name))
        return len(self._target) + lines

    def _refuse(self, status: HTTPStatus, reason: str) -> NoReturn:
        self._reject(status, reason)
        raise _RefusedError

    def _fail(self, error: httptools.HttpParserError) -> None:
        if not isinstance(error, httptools.HttpParserCallbackError):
            self._reject(HTTPStatus.BAD_REQUEST, str(error))
        elif not isinstance(error.__context__, _RefusedError):
            raise error  # a bug of ours in a callback

    def _reject(self, status: HTTPStatus, reason: str) -> None:
        self.ready.append(Rejection(status, reason))
        self._abandon()

    def _abandon(self) -> None:
        self.phase = Phase.ABANDONED
        self.expects_continue = False
        self.receiving = self._admitted = None
        self._body = b""
        self._pieces = []
        self._let_go()


# Statuses whose answer has no body (RFC 9110, section 6.4.1) and must not claim one's length.
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
UNTIL_CLOSED: Final = -1
"""The length of a body that has none: HTTP/1.0 has no chunks."""


def encode_head(
    status: int, headers: ResponseHeaders, *, length: int | None, date: str, connection: str | None
) -> bytes:
    """The response's status line and headers, ready to send.

    Args:
        status: 200 to 599.
        headers: what the answer says. Content-Length, Date, Connection and Transfer-Encoding are the server's own and
            must not be among them.
        length: of the body that a GET would get; None for one that comes in chunks, `UNTIL_CLOSED` for one that ends
            with the connection.
        date: the Date header's value.
        connection: "close", "keep-alive" or nothing.

    Raises:
        ValueError: a name or value contains a line break, which would let it forge a header or a second answer.
    """
    text = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    if isinstance(headers, str):
        length_line = "" if status in _BODILESS else _framing(length)
        connection_line = "" if connection is None else f"Connection: {connection}\r\n"
        return f"{text}{headers}{length_line}{connection_line}Date: {date}\r\n\r\n".encode("latin-1")
    for name, value in headers:
        text += f"{name}: {value}\r\n"
    lines = len(headers) + 3
    if status not in _BODILESS:
        framing = _framing(length)
        text += framing
        lines += bool(framing)
    if connection is not None:
        text += f"Connection: {connection}\r\n"
        lines += 1
    text += f"Date: {date}\r\n\r\n"
    if text.count("\n") != lines or text.count("\r") != lines:
        raise ValueError("a response header contains a line break")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _framing(length: int | None) -> str:
    if length is None:
        return "Transfer-Encoding: chunked\r\n"
    return "" if length == UNTIL_CLOSED else f"Content-Length: {length}\r\n"


def encode_chunk(data: bytes) -> bytes:
    """A piece of a chunked body; not for an empty one, which would be its end."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def has_body(method: str, status: int) -> bool:
    """Whether the answer to `method` with `status` carries its body."""
    return method != "HEAD" and status not in _BODILESS
