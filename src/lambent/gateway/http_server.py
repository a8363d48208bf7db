"""The HTTP/1.1 server: one small asyncio Protocol per connection, a call-back per request, one write per response.

This is the hot path of every invocation, so no task, future or timer is made for a request. `RequestParser`
(wire/http.py) turns bytes into requests; this module gives each its turn. The rules of a connection:

- One request is in flight; those pipelined behind it wait, and reading pauses until they have had their turn.
- Reading also pauses while the client doesn't take its answers.
- After a `Rejection`, a body that was too long, or `Connection: close`, nothing more is answered. If the client may
  still be sending, we half-close and read on for a moment without looking: closing at once would make the kernel reset
  the connection, and the client would lose the answer that explains it (RFC 9112, section 9.6).
- A client that half-closes after its request gets its answer, unless the handler has asked to be told (`on_abandoned`).

- Connections belong to a group with a limit of its own: those from outside to one, those that a function's environment
  makes to that environment's, so that no environment can use up what others need.

Deadlines are looked at by one sweep over the server's connections, four times in the shortest timeout and at least once
a second, which also keeps the Date header. A server without connections has no timer at all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import cast

from lambent.clock import Clock
from lambent.gateway.kernel_buffers import keep_little_unsent, unacknowledged_bytes
from lambent.gateway.streamed_body import Body, StreamedBody
from lambent.wire.http import (
    CONTINUE,
    UNTIL_CLOSED,
    Admits,
    BodyLimit,
    Buffers,
    ByteBudget,
    HeaderNames,
    Phase,
    Rejection,
    Request,
    RequestParser,
    ResponseHeaders,
    encode_head,
    has_body,
)

Respond = Callable[[int, ResponseHeaders, Body], None]
"""(status, headers, body): answers a request, once, at any time, on the server's event loop.

After the client has gone it does nothing. A second call is a bug and raises RuntimeError. It raises ValueError, and
nothing was sent, if a header contains a line break."""

Handler = Callable[[Request, Respond], None]

logger = logging.getLogger(__name__)

# Larger bodies are handed to the kernel beside the head instead of being copied behind it.
_COPIED_BODY_BYTES = 65_536

_BODY = Phase.BODY  # looked up at every read, where a member of an Enum costs twice a global


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a client may use up.

    Attributes:
        header_bytes: request line and headers. Source: Lambda quotas, "request line + header values 1 MB".
        connections: open from outside at the same time; further ones are closed at once.
        buffered_head_bytes: of long heads that haven't ended, all connections together; beyond it 503.
        buffered_body_bytes: of bodies that haven't ended, all connections from outside together, and again as much for
            all those of environments; beyond it 503. A quarter of it is for senders whom nobody knows.
        group_buffered_body_bytes: of bodies that haven't ended, all connections of one environment together.
        header_timeout_seconds: from a request's first byte to the end of its headers.
        body_timeout_seconds: without a byte of the body; and in all, beyond what the slowest rate needs.
        body_bytes_per_second: the slowest rate of a body.
        idle_timeout_seconds: between requests.
        write_timeout_seconds: without the client taking a byte of its answer.
        linger_seconds: reading on after the last answer, so that the client sees it.
    """

    header_bytes: int = 1_048_576
    connections: int = 16_384
    buffered_head_bytes: int = 134_217_728
    buffered_body_bytes: int = 536_870_912
    group_buffered_body_bytes: int = 100_663_296
    header_timeout_seconds: float = 30.0
    body_timeout_seconds: float = 60.0
    body_bytes_per_second: int = 16_384
    idle_timeout_seconds: float = 180.0
    write_timeout_seconds: float = 60.0
    linger_seconds: float = 5.0

    @property
    def sweep_seconds(self) -> float:
        """How often deadlines are looked at."""
        shortest = min(
            self.header_timeout_seconds,
            self.body_timeout_seconds,
            self.idle_timeout_seconds,
            self.write_timeout_seconds,
            self.linger_seconds,
        )
        return min(1.0, shortest / 4)


class HttpServer:
    """The listeners and connections of one handler, on one event loop.

    Args:
        loop: where everything runs.
        handler: called for every request, on the loop; it must not block. `respond` may be called later.
        clock: for the Date header.
        limits: bounds per connection.
        body_limit: how long a body (method, path) may be. Beyond it the handler is called at once with
            `request.body_too_large`, to answer 413 in the operation's words, and the connection closes after that.
        admits: whether to wait for the body of a request, judged by its head; asked only if the body didn't come with
            the head. If not, the handler is called as for a body that is too long, and answers why.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        handler: Handler,
        *,
        clock: Clock,
        body_limit: BodyLimit,
        admits: Admits,
        limits: HttpLimits | None = None,
    ) -> None:
        self.handler = handler
        self.limits = limits or HttpLimits()
        self.body_limit = body_limit
        self.admits = admits
        self.header_names = HeaderNames()
        self.stopping = False
        self.now = loop.time()
        self.date = ""
        self._loop = loop
        self._clock = clock
        outside, self._inside = (
            Buffers.of(ByteBudget(self.limits.buffered_head_bytes), ByteBudget(self.limits.buffered_body_bytes))
            for _ in range(2)
        )
        self._outside = ConnectionGroup(self, limit=self.limits.connections, buffers=outside)
        self._connections: set[HttpProtocol] = set()
        self._listeners: set[asyncio.Server] = set()
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def protocol(self) -> HttpProtocol:
        """A protocol for one accepted socket from outside, as a factory for `loop.connect_accepted_socket`."""
        return self._outside.protocol()

    def group(self, *, limit: int) -> ConnectionGroup:
        """Connections that are counted apart from those from outside, and end together: those of one environment.

        Args:
            limit: open at the same time; further ones are closed at once.
        """
        bodies = ByteBudget(self.limits.group_buffered_body_bytes, within=self._inside.bodies)
        return ConnectionGroup(self, limit=limit, buffers=Buffers.of(self._inside.heads, bodies))

    async def listen(
        self, *, host: str | None = None, port: int = 0, sock: socket.socket | None = None
    ) -> asyncio.Server:
        """Accept connections at an address, or from a listening socket (of any network namespace).

        Raises:
            OSError: the address is taken or not ours.
        """
        if sock is not None:
            listener = await self._loop.create_server(self.protocol, sock=sock, backlog=1024)
        else:
            listener = await self._loop.create_server(self.protocol, host, port, backlog=1024)
        self._listeners.add(listener)
        return listener

    def stop_listening(self, listener: asyncio.Server) -> None:
        """Close one listener; its connections go on."""
        self._listeners.discard(listener)
        listener.close()

    def begin_stop(self) -> None:
        """Accept no further connections, close idle ones, and close each other one after its answer."""
        for listener in list(self._listeners):
            self.stop_listening(listener)
        self.stopping = True
        for connection in list(self._connections):
            connection.close_if_idle()

    async def drained(self, *, timeout_seconds: float) -> bool:
        """Wait until every connection has ended; false if some haven't in time. Comes after `begin_stop`."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    async def close(self, *, flush_seconds: float = 1.0) -> None:
        """End all connections: what was answered is sent, what wasn't is cut.

        Args:
            flush_seconds: how long clients may take for the answers that they were given.
        """
        self.begin_stop()
        for connection in list(self._connections):
            connection.finish()
        if not await self.drained(timeout_seconds=flush_seconds):
            for connection in list(self._connections):
                connection.abort()
            await self._empty.wait()

    async def stop(self, *, grace_seconds: float) -> None:
        """Stop in order: no new connections, no idle ones, what is in flight is finished, then the rest is cut."""
        self.begin_stop()
        await self.drained(timeout_seconds=grace_seconds)
        await self.close()

    @property
    def connection_count(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def opened(self, connection: HttpProtocol) -> None:
        """Take a connection into the sweep."""
        if self._sweep_timer is None:
            self._sweep()  # `now` and `date` are as old as the last connection
        self._connections.add(connection)
        self._empty.clear()

    def closed(self, connection: HttpProtocol) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
            if self._sweep_timer is not None:
                self._sweep_timer.cancel()
                self._sweep_timer = None

    def _sweep(self) -> None:
        self.now = self._loop.time()
        self.date = formatdate(self._clock.now_ms() // 1000, usegmt=True)
        self._sweep_timer = self._loop.call_later(self.limits.sweep_seconds, self._sweep)
        for connection in list(self._connections):
            connection.check_deadline(self.now)


class ConnectionGroup:
    """Connections of an `HttpServer` that share limits and an end. `HttpServer.group` makes one.

    Args:
        server: whose connections they are.
        limit: open at the same time.
        buffers: what their unfinished messages may take up together.
    """

    def __init__(self, server: HttpServer, *, limit: int, buffers: Buffers) -> None:
        self.server = server
        self.buffers = buffers
        self._limit = limit
        self._connections: set[HttpProtocol] = set()
        self._closed = False

    def protocol(self) -> HttpProtocol:
        """A protocol for one accepted socket, as a factory for `loop.connect_accepted_socket`."""
        return HttpProtocol(self)

    @property
    def connection_count(self) -> int:
        """How many of them are open."""
        return len(self._connections)

    def close(self) -> None:
        """Cut the connections; those that are still to come are closed at once."""
        self._closed = True
        for connection in list(self._connections):
            connection.abort()

    def opened(self, connection: HttpProtocol) -> bool:
        """Take a connection; false if it must not be served."""
        if self._closed or self.server.stopping or len(self._connections) >= self._limit:
            return False
        self._connections.add(connection)
        self.server.opened(connection)
        return True

    def closed(self, connection: HttpProtocol) -> None:
        """Forget a connection."""
        if connection in self._connections:
            self._connections.discard(connection)
            self.server.closed(connection)


class HttpProtocol(asyncio.Protocol):
    """One connection of a `ConnectionGroup`."""

    __slots__ = (
        "_advancing",
        "_at_eof",
        "_closing",
        "_fd",
        "_group",
        "_in_flight",
        "_parser",
        "_reading",
        "_receiving",
        "_receiving_since",
        "_server",
        "_since",
        "_streaming",
        "_transport",
        "_unsent",
        "_writable",
    )

    def __init__(self, group: ConnectionGroup) -> None:
        self._group = group
        self._server = group.server
        self._transport: asyncio.Transport | None = None
        self._fd: int  # the transport's, while that isn't closing
        self._parser: RequestParser
        self._in_flight: Request | None = None
        self._streaming: StreamedBody | None = None  # the rest of the answer to what is in flight
        self._since = 0.0  # start of the state whose deadline runs, in the server's sweep time
        self._receiving: Request | None = None  # whose body began to be waited for at `_receiving_since`
        self._receiving_since = 0.0
        self._unsent = 0
        self._reading = self._writable = True
        self._advancing = self._at_eof = self._closing = False

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve, unless the server is full."""
        server = self._server
        self._transport = cast("asyncio.Transport", transport)
        self._fd = transport.get_extra_info("socket").fileno()
        peer = transport.get_extra_info("peername")
        self._parser = RequestParser(
            peer=peer[0] if isinstance(peer, tuple) else "",
            names=server.header_names,
            header_limit=server.limits.header_bytes,
            body_limit=server.body_limit,
            admits=server.admits,
            buffers=self._group.buffers,
        )
        if not self._group.opened(self):
            self._closing = True
            self._transport.abort()
        self._since = server.now

    def data_received(self, data: bytes) -> None:
        """Parse, and give what is whole its turn."""
        parser = self._parser
        before = parser.phase
        parser.feed(data)
        if parser.phase is not before or before is _BODY:
            self._since = self._server.now
            if parser.receiving is not self._receiving:
                self._receiving = parser.receiving
                self._receiving_since = self._since
        if parser.ready or parser.expects_continue:
            self._advance()

    def eof_received(self) -> bool:
        """Keep the way back open while something is to be answered."""
        self._at_eof = True
        if self._in_flight is not None:
            self._in_flight.abandon()
        return self._in_flight is not None or bool(self._parser.ready)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why it was lost makes no difference
        """From here on `respond` does nothing."""
        self._transport = None
        if self._in_flight is not None:
            self._in_flight.abandon()
        self._in_flight = self._receiving = None
        self._closing = True
        if self._streaming is not None:
            self._streaming.lost()
            self._streaming = None
        self._parser.release()
        self._group.closed(self)

    def pause_writing(self) -> None:
        """The client is slow to take its answers: no further ones are made."""
        self._writable = False
        if self._streaming is not None:
            self._streaming.pause()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._writable = True
        if self._streaming is not None:
            self._streaming.resume()
        self._advance()

    # What the server calls.

    def close_if_idle(self) -> None:
        """Close unless a request is being received or answered."""
        if self._in_flight is None and not self._parser.ready and self._parser.phase is Phase.IDLE:
            self._close()

    def finish(self) -> None:
        """Close when what was answered is sent; at once if something still waits for its answer."""
        if self._in_flight is None:
            self._close()
        else:
            self.abort()

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def check_deadline(self, now: float) -> None:
        """Close the connection if its client has been too slow at what it is doing."""
        transport = self._transport
        if transport is None:
            return
        limits = self._server.limits
        unsent = transport.get_write_buffer_size()
        if unsent:  # who reads slowly takes from the kernel for long before the kernel takes from us
            unsent += unacknowledged_bytes(self._fd)
        if unsent != self._unsent:
            self._unsent = unsent
            self._since = now
        waited = now - self._since
        if unsent:
            if waited >= limits.write_timeout_seconds:
                transport.abort()
        elif self._closing:
            if waited >= limits.linger_seconds:
                transport.abort()
        elif self._in_flight is None and not self._parser.ready:
            self._check_receiving(now, waited)

    def _check_receiving(self, now: float, waited: float) -> None:
        limits = self._server.limits
        phase = self._parser.phase
        if phase is Phase.IDLE:
            if waited >= limits.idle_timeout_seconds:
                self._close()
        elif phase is Phase.HEAD and waited >= limits.header_timeout_seconds:
            self._answer_rejection(Rejection(408, "the headers took too long"))
        elif phase is Phase.BODY:
            longest = limits.body_timeout_seconds + self._parser.received / limits.body_bytes_per_second
            if waited >= limits.body_timeout_seconds or now - self._receiving_since >= longest:
                self._answer_rejection(Rejection(408, "the body took too long"))

    # Turns.

    def _advance(self) -> None:
        """Answer what is ready, one after the other, until one has to be waited for."""
        if self._advancing:
            return
        self._advancing = True
        parser = self._parser
        ready = parser.ready
        while ready and self._in_flight is None and self._writable and not self._closing:
            item = ready.popleft()
            if isinstance(item, Rejection):
                self._answer_rejection(item)
                break
            self._in_flight = item
            try:
                self._server.handler(item, partial(self._respond, item))
            except Exception:
                logger.exception("the handler of an HTTP request failed", extra={"action": repr(item)})
                self._answer_failure(item)
        self._advancing = False
        if self._closing:
            return
        if parser.expects_continue and self._in_flight is None and not ready:
            parser.expects_continue = False
            self._send(CONTINUE)
        if self._reading is not (self._writable and not ready):
            self._set_reading(wanted=not self._reading)

    def _respond(self, request: Request, status: int, headers: ResponseHeaders, body: Body) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if request is not self._in_flight or self._streaming is not None:
            raise RuntimeError(f"{request!r} was answered twice")
        server = self._server
        parser = self._parser
        keep_alive = request.keep_alive and not server.stopping and (not self._at_eof or bool(parser.ready))
        if isinstance(body, StreamedBody):
            self._stream(request, transport, status, headers, body, keep_alive=keep_alive)
            return
        connection = ("keep-alive" if request.http_1_0 else None) if keep_alive else "close"
        head = encode_head(status, headers, length=len(body), date=server.date, connection=connection)
        self._in_flight = None
        self._since = self._receiving_since = server.now  # what is behind it may have had to wait
        if not body or not has_body(request.method, status):
            self._write_now(transport, head)
        elif len(body) <= _COPIED_BODY_BYTES:
            self._write_now(transport, head + body)
        else:
            transport.writelines((head, body))
        if not keep_alive:
            self._close_after_answer()
        elif parser.ready or parser.expects_continue or not self._reading:
            self._advance()

    def _stream(
        self,
        request: Request,
        transport: asyncio.Transport,
        status: int,
        headers: ResponseHeaders,
        body: StreamedBody,
        *,
        keep_alive: bool,
    ) -> None:
        """Send the head; the request stays in flight until `end_body`."""
        framed = body.length is not None or not request.http_1_0
        request.keep_alive = keep_alive and framed  # without a length HTTP/1.0 has the connection's end
        connection = ("keep-alive" if request.http_1_0 else None) if request.keep_alive else "close"
        length = body.length if framed else UNTIL_CLOSED
        head = encode_head(status, headers, length=length, date=self._server.date, connection=connection)
        self._write_now(transport, head)
        if not has_body(request.method, status):
            self._in_flight = None
            self._ended(request)
            return
        keep_little_unsent(transport.get_extra_info("socket"))
        self._streaming = body
        body.attach(self, chunked=body.length is None and framed)
        if not self._writable:
            body.pause()

    def write_piece(self, piece: bytes) -> None:
        """Send the next piece of a streamed body."""
        if self._transport is not None and not self._transport.is_closing():
            self._write_now(self._transport, piece)

    def end_body(self, *, whole: bool) -> None:
        """End the answer with the streamed body."""
        request = self._in_flight
        self._streaming = self._in_flight = None
        if not whole:
            self.abort()
        elif request is not None:
            self._ended(request)

    def _ended(self, request: Request) -> None:
        """A request whose answer came in pieces has it whole."""
        self._since = self._receiving_since = self._server.now
        if not request.keep_alive or self._server.stopping:
            self._close_after_answer()
        else:
            self._advance()

    def _write_now(self, transport: asyncio.Transport, data: bytes) -> None:
        """Write past the transport where nothing waits in it, which would write only at the end of the loop's turn."""
        sent = 0
        if not transport.get_write_buffer_size():
            try:
                sent = os.write(self._fd, data)
            except OSError:  # the client is slow, or gone, which is the transport's to find out
                sent = 0
        if sent < len(data):
            transport.write(data[sent:])

    def _answer_failure(self, request: Request) -> None:
        """The gateway answers its own failures; one that comes this far must not take other connections down."""
        if self._in_flight is request:
            request.keep_alive = False
            self._respond(request, HTTPStatus.INTERNAL_SERVER_ERROR, (), b"")

    def _answer_rejection(self, rejection: Rejection) -> None:
        body = json.dumps({"message": f"{HTTPStatus(rejection.status).phrase}: {rejection.reason}."}).encode()
        headers = (("Content-Type", "application/json"),)
        head = encode_head(rejection.status, headers, length=len(body), date=self._server.date, connection="close")
        self._send(head + body)
        self._close_after_answer()

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    # Ends.

    def _close_after_answer(self) -> None:
        """Close; first half-close if the client may still be sending."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._at_eof or self._parser.phase is Phase.IDLE:
            self._close()
            return
        self._closing = True
        self._since = self._server.now
        self._parser.phase = Phase.ABANDONED
        try:
            transport.write_eof()
        except OSError:  # the client has reset the connection: nobody is left to read the answer
            transport.abort()
            return
        self._set_reading(wanted=True)

    def _close(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def _set_reading(self, *, wanted: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()


async def create_http_server(
    loop: asyncio.AbstractEventLoop,
    handler: Handler,
    *,
    clock: Clock,
    body_limit: BodyLimit,
    admits: Admits,
    host: str | None = None,
    port: int = 0,
    sock: socket.socket | None = None,
    limits: HttpLimits | None = None,
) -> HttpServer:
    """An `HttpServer` that listens at one address or socket already.

    Raises:
        OSError: the address is taken or not ours.
    """
    server = HttpServer(loop, handler, clock=clock, body_limit=body_limit, admits=admits, limits=limits)
    await server.listen(host=host, port=port, sock=sock)
    return server
