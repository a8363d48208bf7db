"""The HTTP server over real sockets: framing, order, limits, deadlines, and ends of connections."""

import asyncio
import contextlib
import json
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, Self

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambent.clock import Clock
from lambent.gateway.http_server import ConnectionGroup, HttpLimits, HttpServer, Respond, create_http_server
from lambent.gateway.kernel_buffers import unacknowledged_bytes
from lambent.gateway.streamed_body import StreamedBody
from lambent.wire.http import ByteBudget, Phase, Request, Sender

BODY_LIMIT = 1000
SENDERS = {"/unknown-sender": Sender.REFUSED, "/unlimited/stranger": Sender.STRANGER}
# A read may bring 256 KiB: a longer body never comes whole with its head.
SEVERAL_READS = b"b" * 600_000
QUICK = HttpLimits(
    header_bytes=4096,
    header_timeout_seconds=0.2,
    body_timeout_seconds=0.2,
    idle_timeout_seconds=0.2,
    write_timeout_seconds=0.4,
    linger_seconds=0.4,
)


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def seen(self) -> Any:
        """What the echoing handler was given."""
        return json.loads(self.body)


class Client:
    """A blocking socket that reads responses one by one."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_forever(self, data: bytes) -> None:
        """Until the server stops taking it: raises TimeoutError or ConnectionError."""
        while True:
            self.send(data)

    def read_head(self) -> dict[str, str]:
        """The headers of the next answer, and its status as `:status`."""
        status_line = self._stream.readline()
        assert status_line.startswith(b"HTTP/1.1 "), status_line
        headers = {":status": status_line.split(b" ")[1].decode()}
        while (line := self._stream.readline()) != b"\r\n":
            name, _, value = line.decode("latin-1").rstrip("\r\n").partition(": ")
            assert name.lower() not in headers
            headers[name.lower()] = value
        return headers

    def chunk(self) -> bytes:
        """The next chunk; empty at the end."""
        chunk = self._stream.read(int(self._stream.readline(), 16))
        assert self._stream.readline() == b"\r\n"
        return chunk

    def response(self, *, to: str = "GET") -> Response:
        headers = self.read_head()
        status = int(headers.pop(":status"))
        bodiless = to == "HEAD" or status in {100, 204, 304}
        return Response(status, headers, b"" if bodiless else self._stream.read(int(headers["content-length"])))

    def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        return self._stream.read()

    def close(self) -> None:
        self._stream.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class RunningServer:
    """An `HttpServer` on its own thread and loop. `/held` requests are put aside until `answer_held`."""

    loop: asyncio.AbstractEventLoop
    limits: HttpLimits
    server: HttpServer = field(init=False)
    port: int = field(init=False)
    held: list[tuple[Request, Respond]] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    failures: list[dict[str, Any]] = field(default_factory=list)

    async def start(self) -> None:
        self.loop.set_exception_handler(lambda _, context: self.failures.append(context))
        self.server = await create_http_server(
            self.loop,
            self.handle,
            clock=Clock(),
            body_limit=lambda method, path: 1 << 30 if path.startswith("/unlimited") else BODY_LIMIT,
            admits=lambda request: SENDERS.get(request.path, Sender.KNOWN),
            host="127.0.0.1",
            limits=self.limits,
        )
        (listener,) = self.server._listeners
        self.port = listener.sockets[0].getsockname()[1]

    def handle(self, request: Request, respond: Respond) -> None:
        if request.path == "/held":
            self.held.append((request, respond))
            self.arrived.release()
        elif request.path == "/raises":
            raise ValueError("a bug in the handler")
        elif request.path == "/large":
            respond(200, (), b"x" * 8_000_000)
        elif request.path == "/forged":
            with pytest.raises(ValueError, match="line break"):
                respond(200, [("X-Forged", "a\r\nSet-Cookie: b")], b"")
            respond(200, (), b"refused")
        elif request.path == "/unicode":
            respond(200, [("X-Text", "\N{SNOWMAN}")], b"")
        elif request.path.startswith("/status/"):
            respond(int(request.path[8:]), (("X-A", "b"),), b"body")
        else:
            seen = {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "headers": dict(request.headers),
                "body": request.body.decode("latin-1"),
                "too_large": request.body_too_large,
                "peer": request.peer,
            }
            respond(413 if request.body_too_large else 200, (("X-Seen", "1"),), json.dumps(seen).encode())

    def wait_for_held(self) -> tuple[Request, Respond]:
        assert self.arrived.acquire(timeout=10)
        return self.held.pop(0)

    def wait_for_phase(self, phase: Phase) -> None:
        """Until a connection stands there: what a client has sent need not have arrived."""
        while not self.call(lambda: any(one._parser.phase is phase for one in self.server._connections)):
            pass

    def call(self, function: Callable[[], Any]) -> Any:
        """Run something on the server's loop and return its result."""
        done: Future[Any] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except Exception as error:  # noqa: BLE001 - it is the test's
                done.set_exception(error)

        self.loop.call_soon_threadsafe(run)
        return done.result(10)

    def wait_for_held_bytes(self, size: int) -> None:
        """Until so much of unfinished requests has arrived."""
        deadline = time.monotonic() + 10
        while self.call(self.held_bytes) < size:
            assert time.monotonic() < deadline

    def held_bytes(self) -> int:
        """What unfinished requests from outside are counted with."""
        buffers = self.server._outside.buffers
        return buffers.heads.taken + buffers.bodies.taken

    def connect_inside(self, group: ConnectionGroup) -> Client:
        """A client whose connection the server has accepted for a group."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = Client(listener.getsockname()[1])
            accepted, _ = listener.accept()
        accepted.setblocking(False)
        served = self.loop.connect_accepted_socket(group.protocol, accepted)
        asyncio.run_coroutine_threadsafe(served, self.loop).result(10)
        return client

    def stop(self, *, grace_seconds: float = 0) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(grace_seconds=grace_seconds), self.loop).result(10)


Start = Callable[..., RunningServer]


@pytest.fixture(params=["uvloop", "asyncio"], scope="module")
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    loop = uvloop.new_event_loop() if request.param == "uvloop" else asyncio.SelectorEventLoop()
    thread = threading.Thread(target=loop.run_forever, name="server")
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def start(loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture) -> Iterator[Start]:
    running: list[RunningServer] = []

    def start(limits: HttpLimits | None = None) -> RunningServer:
        server = RunningServer(loop, limits or HttpLimits(header_bytes=4096))
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()
        assert server.server.connection_count == 0
        assert server.held_bytes() == 0
        assert server.server._inside.bodies.taken == 0
        assert server.server._sweep_timer is None
        assert server.failures == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.fixture
def server(start: Start) -> RunningServer:
    return start()


@pytest.fixture
def client(server: RunningServer) -> Iterator[Client]:
    with Client(server.port) as client:
        yield client


GET = b"GET /a?b=c HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(body: bytes, *headers: str, path: str = "/p", length: int | None = None) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: h", *headers, f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(*chunks: bytes, headers: tuple[str, ...] = (), trailers: bytes = b"", path: str = "/p") -> bytes:
    head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: h", *headers, "Transfer-Encoding: chunked", "", ""]).encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailers + b"\r\n"


class TestRequests:
    def test_request_reaches_the_handler(self, client: Client) -> None:
        client.send(b"GET /a%20b?c=%2F&d HTTP/1.1\r\nHOST: h\r\nX-One:  1 \t\r\nX-Empty:\r\nX-Latin: \xe9\r\n\r\n")
        response = client.response()
        assert response.seen == {
            "method": "GET",
            "path": "/a%20b",
            "query": "c=%2F&d",
            "headers": {"host": "h", "x-one": "1", "x-empty": "", "x-latin": "é"},
            "body": "",
            "too_large": False,
            "peer": "127.0.0.1",
        }
        assert response.headers["x-seen"] == "1"
        assert response.headers["date"].endswith(" GMT")
        assert "connection" not in response.headers

    def test_connection_serves_many_requests(self, client: Client) -> None:
        for number in range(50):
            client.send(post(b"%d" % number))
            assert client.response().seen["body"] == str(number)

    def test_byte_by_byte(self, client: Client) -> None:
        for message in (GET, post(b"abc"), chunked(b"abc", b"d", trailers=b"X-T: 1\r\n"), GET):
            for byte in message:
                client.send(bytes([byte]))
            assert client.response().status == 200

    def test_chunked_body_is_put_together_and_trailers_are_dropped(self, client: Client) -> None:
        client.send(chunked(b"ab", b"c" * 20, b"\r\n0\r\n\r\n", trailers=b"Host: evil\r\nX-Trailer: t\r\n") + GET)
        first, second = client.response().seen, client.response().seen
        assert first["body"] == "ab" + "c" * 20 + "\r\n0\r\n\r\n"
        assert first["headers"] == {"host": "h", "transfer-encoding": "chunked"}
        assert second["path"] == "/a"

    def test_absolute_target_replaces_the_host(self, client: Client) -> None:
        client.send(b"GET http://other:1/x?y HTTP/1.1\r\nHost: h\r\n\r\nGET HTTP://o?q HTTP/1.1\r\nHost: h\r\n\r\n")
        first, second = client.response().seen, client.response().seen
        assert (first["path"], first["query"], first["headers"]["host"]) == ("/x", "y", "other:1")
        assert (second["path"], second["query"], second["headers"]["host"]) == ("/", "q", "o")

    def test_asterisk_target_is_for_options(self, client: Client) -> None:
        client.send(b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.response().seen["path"] == "*"

    def test_head_gets_the_length_but_no_body(self, client: Client) -> None:
        client.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + GET)
        assert int(client.response(to="HEAD").headers["content-length"]) > 0
        assert client.response().seen["method"] == "GET"

    @pytest.mark.parametrize("status", [204, 304])
    def test_bodiless_statuses_have_no_body(self, client: Client, status: int) -> None:
        client.send(b"GET /status/%d HTTP/1.1\r\nHost: h\r\n\r\n" % status + GET)
        response = client.response()
        assert response.status == status
        assert "content-length" not in response.headers
        assert client.response().status == 200

    def test_unknown_status_has_no_phrase(self, client: Client) -> None:
        client.send(b"GET /status/299 HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.response().status == 299

    def test_line_break_in_a_response_header_is_refused_before_anything_is_sent(self, client: Client) -> None:
        client.send(b"GET /forged HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.response().body == b"refused"

    def test_text_beyond_latin_1_is_sent_as_utf_8(self, client: Client) -> None:
        client.send(b"GET /unicode HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.response().headers["x-text"].encode("latin-1").decode() == "\N{SNOWMAN}"

    def test_remembered_header_names_are_bounded(self, server: RunningServer, client: Client) -> None:
        for number in range(0, 2000, 100):
            names = b"".join(b"X-%d: v\r\n" % (number + offset) for offset in range(100))
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\nX-" + b"n" * 100 + b": v\r\n" + names + b"\r\n")
            assert len(client.response().seen["headers"]) == 102
        assert len(server.server.header_names) <= 512


class TestConnections:
    def test_http_1_0_closes_after_the_answer(self, client: Client) -> None:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.response().headers["connection"] == "close"
        assert client.rest() == b""

    def test_http_1_0_stays_if_asked_to(self, client: Client) -> None:
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert client.response().headers["connection"] == "keep-alive"
        client.send(GET)
        assert client.response().status == 200

    def test_close_is_obeyed_and_what_follows_ignored(self, client: Client) -> None:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + GET)
        assert client.response().headers["connection"] == "close"
        assert client.rest() == b""

    def test_pipelined_requests_are_answered_in_order(self, client: Client) -> None:
        client.send(b"".join(post(b"%d" % number) for number in range(2000)))
        assert [client.response().seen["body"] for _ in range(2000)] == [str(number) for number in range(2000)]

    def test_pipelined_requests_wait_for_the_one_in_flight(self, server: RunningServer, client: Client) -> None:
        client.send(post(b"1", path="/held") + post(b"2", path="/held") + GET)
        first, respond = server.wait_for_held()
        assert first.body == b"1"
        assert server.call(lambda: len(server.held)) == 0
        server.call(lambda: respond(200, (), b"one"))
        _, respond = server.wait_for_held()
        server.call(lambda: respond(200, (), b"two"))
        assert [client.response().body, client.response().body] == [b"one", b"two"]
        assert client.response().seen["path"] == "/a"

    def test_reading_pauses_while_requests_wait(self, server: RunningServer, client: Client) -> None:
        client.send(post(b"1", path="/held") + GET)
        _, respond = server.wait_for_held()
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.send_forever(GET * 10_000)
        client.socket.settimeout(10)
        (connection,) = server.server._connections
        assert server.call(lambda: len(connection._parser.ready)) < 20_000
        server.call(lambda: respond(200, (), b""))
        assert client.response().status == 200

    def test_answer_given_twice_is_a_bug(self, server: RunningServer, client: Client) -> None:
        client.send(post(b"", path="/held"))
        _, respond = server.wait_for_held()
        server.call(lambda: respond(200, (), b""))
        with pytest.raises(RuntimeError, match="answered twice"):
            server.call(lambda: respond(200, (), b""))

    def test_answer_to_a_client_that_went_away_is_dropped(self, server: RunningServer) -> None:
        with Client(server.port) as client:
            client.send(post(b"", path="/held"))
            _, respond = server.wait_for_held()
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        while server.call(lambda: server.server.connection_count):
            pass
        server.call(lambda: respond(200, (), b"x" * 100_000))

    def test_half_closed_client_gets_its_answers(self, server: RunningServer, client: Client) -> None:
        client.send(post(b"", path="/held") + GET)
        _, respond = server.wait_for_held()
        client.socket.shutdown(socket.SHUT_WR)
        server.call(lambda: respond(200, (), b""))
        assert client.response().status == 200
        assert client.response().seen["path"] == "/a"
        assert client.rest() == b""

    @pytest.mark.parametrize("reset", [False, True], ids=["ended", "reset"])
    def test_handler_that_asks_is_told_of_a_client_that_has_gone(self, server: RunningServer, *, reset: bool) -> None:
        told = threading.Event()
        with Client(server.port) as client:
            client.send(post(b"", path="/held"))
            request, _ = server.wait_for_held()
            server.call(lambda: request.on_abandoned(told.set))
            if reset:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert told.wait(10)
        told.clear()
        server.call(lambda: request.on_abandoned(told.set))  # who asks later is told at once
        assert told.is_set()

    def test_truncated_request_is_not_answered(self, client: Client) -> None:
        client.send(post(b"abc", length=10))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == b""

    def test_handler_that_raises_costs_its_own_connection_only(
        self, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        client.send(b"GET /raises HTTP/1.1\r\nHost: h\r\n\r\n" + GET)
        assert client.response().status == 500
        assert client.rest() == b""
        assert "a bug in the handler" in caplog.text
        caplog.clear()

    def test_large_answer_to_a_slow_reader_is_whole(self, client: Client) -> None:
        large = b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n"
        client.send(large + large + GET)
        assert client.response().body == client.response().body == b"x" * 8_000_000
        assert client.response().status == 200


class TestStreamedBodies:
    """Answers that are sent while they are being made."""

    def begin(self, server: RunningServer, length: int | None = None) -> StreamedBody:
        body = StreamedBody(length)
        _, respond = server.wait_for_held()
        server.call(lambda: respond(200, (("X-A", "b"),), body))
        return body

    def held(self, client: Client, method: str = "GET", version: str = "1.1") -> None:
        client.send(f"{method} /held HTTP/{version}\r\nHost: h\r\n\r\n".encode())

    def test_pieces_arrive_as_they_are_sent_in_chunks(self, server: RunningServer, client: Client) -> None:
        self.held(client)
        client.send(GET)
        body = self.begin(server)
        head = client.read_head()
        assert head["transfer-encoding"] == "chunked"
        assert "content-length" not in head
        for piece in (b"first", b"second" * 10_000):
            server.call(partial(body.send, piece))
            assert client.chunk() == piece
        server.call(lambda: body.send(b""))  # would be the end
        server.call(body.close)
        server.call(body.close)
        assert client.chunk() == b""
        assert client.response().status == 200, "what was asked meanwhile has its turn"
        assert not body.wanted

    def test_a_known_length_needs_no_chunks(self, server: RunningServer, client: Client) -> None:
        self.held(client)
        body = self.begin(server, 6)
        server.call(lambda: body.send(b"abc"))
        with pytest.raises(ValueError, match="longer than it said"):
            server.call(lambda: body.send(b"defg"))
        server.call(lambda: body.send(b"def"))
        server.call(body.close)
        assert client.response().body == b"abcdef"

    @pytest.mark.parametrize("length", [None, 6])
    def test_a_body_that_breaks_off_cuts_the_connection(
        self, server: RunningServer, client: Client, length: int | None
    ) -> None:
        self.held(client)
        body = self.begin(server, length)
        server.call(lambda: body.send(b"abc"))
        server.call(lambda: body.close(whole=length is not None))
        client.read_head()
        with contextlib.suppress(ConnectionResetError):
            assert not client.rest().endswith(b"0\r\n\r\n")

    def test_http_1_0_has_the_connections_end(self, server: RunningServer, client: Client) -> None:
        self.held(client, version="1.0")
        body = self.begin(server)
        server.call(lambda: body.send(b"abc"))
        server.call(body.close)
        head = client.read_head()
        assert head["connection"] == "close"
        assert not {"transfer-encoding", "content-length"} & head.keys()
        assert client.rest() == b"abc"

    @pytest.mark.parametrize("length", [None, 6])
    def test_head_has_no_body(self, server: RunningServer, client: Client, length: int | None) -> None:
        self.held(client, "HEAD")
        body = self.begin(server, length)
        assert not body.wanted
        assert client.read_head().get("content-length") == (None if length is None else "6")
        client.send(GET)
        assert client.response().status == 200

    def test_who_writes_waits_for_a_slow_client(self, server: RunningServer, client: Client) -> None:
        self.held(client)
        body = self.begin(server)

        async def write_all() -> None:
            for _ in range(200):
                await body.write(b"x" * 100_000)
            body.close()

        writing = asyncio.run_coroutine_threadsafe(write_all(), server.loop)
        while server.call(lambda: body.writable):
            pass
        assert not writing.done()
        client.read_head()
        size = 0
        while piece := client.chunk():
            size += len(piece)
        assert size == 20_000_000
        writing.result(10)

    def test_who_writes_is_only_a_little_ahead_of_a_slow_client(self, server: RunningServer) -> None:
        """A socket would take 4 MB more, and a thousand of them 4 GB."""
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            client.connect(("127.0.0.1", server.port))
            client.sendall(b"POST /held HTTP/1.1\r\nHost: h\r\n\r\n")
            body = self.begin(server)
            written = 0

            def write() -> bool:
                nonlocal written
                body.send(b"x" * 10_000)
                written += 10_000
                return body.writable

            while server.call(write):
                assert written < 1_000_000
            server.call(body.close)

    def test_who_writes_is_told_that_the_client_has_gone(self, server: RunningServer, client: Client) -> None:
        self.held(client)
        body = self.begin(server)
        told = threading.Event()
        server.call(lambda: setattr(body, "on_writable", told.set))
        client.close()
        assert told.wait(10)
        assert not body.wanted
        server.call(lambda: body.send(b"nobody reads it"))
        with pytest.raises(ConnectionResetError):
            asyncio.run_coroutine_threadsafe(body.write(b"x"), server.loop).result(10)
        server.call(body.close)

    def test_an_answer_that_has_begun_is_the_only_one(self, server: RunningServer, client: Client) -> None:
        self.held(client)
        body = StreamedBody(None)
        _, respond = server.wait_for_held()
        server.call(lambda: respond(200, (), body))
        with pytest.raises(RuntimeError, match="answered twice"):
            server.call(lambda: respond(200, (), b""))
        server.call(body.close)


class TestContinue:
    def test_client_is_told_to_go_on(self, client: Client) -> None:
        client.send(post(b"", "Expect: 100-continue", length=3))
        assert client.response().status == 100
        client.send(b"abc")
        assert client.response().seen["body"] == "abc"

    def test_client_that_did_not_wait_is_not_told(self, client: Client) -> None:
        client.send(post(b"abc", "Expect: 100-continue"))
        assert client.response().status == 200

    def test_it_waits_for_the_answer_before(self, server: RunningServer, client: Client) -> None:
        client.send(post(b"", path="/held") + post(b"", "Expect: 100-continue", length=3))
        _, respond = server.wait_for_held()
        server.call(lambda: respond(200, (), b"first"))
        assert client.response().body == b"first"
        assert client.response().status == 100
        client.send(b"abc")
        assert client.response().seen["body"] == "abc"

    def test_too_long_a_body_is_refused_instead(self, client: Client) -> None:
        client.send(post(b"", "Expect: 100-continue", length=BODY_LIMIT + 1))
        assert client.response().status == 413

    def test_http_1_0_has_no_continue(self, client: Client) -> None:
        client.send(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na")
        assert client.response().status == 200

    def test_other_expectations_fail(self, client: Client) -> None:
        client.send(post(b"a", "Expect: miracles"))
        assert client.response().status == 417


class TestUpgrade:
    UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")

    def test_offer_is_ignored(self, client: Client) -> None:
        client.send(b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + GET)
        assert client.response().seen["path"] == "/ws"
        assert client.response().seen["path"] == "/a"

    @pytest.mark.parametrize("size", [0, 1, 50])
    def test_body_of_an_offer_is_read(self, client: Client, size: int) -> None:
        message = post(b"b" * size, *self.UPGRADE)
        client.send((message + chunked(b"c", headers=self.UPGRADE, trailers=b"T: 1\r\n")) * 20 + GET)
        for _ in range(20):
            first = client.response().seen
            assert (first["path"], first["body"]) == ("/p", "b" * size)
            assert client.response().seen["body"] == "c"
        assert client.response().seen["path"] == "/a"

    def test_body_of_an_offer_may_come_later(self, client: Client) -> None:
        for byte in post(b"abc", *self.UPGRADE) + GET:
            client.send(bytes([byte]))
        assert client.response().seen["body"] == "abc"
        assert client.response().seen["path"] == "/a"

    def test_close_holds_beside_an_offer(self, client: Client) -> None:
        client.send(post(b"abc", "Connection: Upgrade, close", "Upgrade: h2c") + GET)
        assert client.response().headers["connection"] == "close"
        assert client.rest() == b""

    @pytest.mark.parametrize("framing", [b"Content-Length: 1\r\nTransfer-Encoding: chunked", b"Content-Length: x"])
    def test_ambiguous_framing_beside_an_offer_is_refused(self, client: Client, framing: bytes) -> None:
        client.send(
            b"POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + framing + b"\r\n\r\na" + GET
        )
        assert client.response().status == 400
        assert client.rest() == b""

    def test_connect_is_refused(self, client: Client) -> None:
        client.send(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n\x16\x03\x01")
        assert client.response().status == 501
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == b""


class TestRefusals:
    @pytest.mark.parametrize(
        ("message", "status"),
        [
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
            (b"hello\r\n\r\n", 400),
            (b"GET / HTTP/1.1\nHost: h\n\n", 400),
            (b"GET / HTTP/1.2\r\nHost: h\r\n\r\n", 400),
            (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
            (b"GET /\r\n\r\n", 505),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n folded\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\nY: b\r\n\r\n", 400),
            (b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            (b"GET /\xe9 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            (b"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            (b"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            (b"GET http://u:p@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            (b"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\na", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\na", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\na", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
            (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
            (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
            (chunked(trailers=b"Content-Length: 5\r\n"), 400),
        ],
    )  # fmt: skip
    def test_malformed_request_is_refused_and_nothing_after_it_is_read(
        self, client: Client, message: bytes, status: int
    ) -> None:
        client.send(GET + message + GET)
        assert client.response().status == 200
        response = client.response()
        assert (response.status, response.headers["connection"]) == (status, "close")
        assert "message" in json.loads(response.body)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == b""

    def test_long_headers_are_refused(self, client: Client) -> None:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 4096 + b"\r\n\r\n")
        assert client.response().status == 431

    def test_headers_without_an_end_are_refused(self, client: Client) -> None:
        client.send(GET)
        client.response()
        client.send(b"GET / HTTP/1.1\r\n")
        for _ in range(100):
            client.send(b"X: " + b"a" * 100 + b"\r\n")
        assert client.response().status == 431

    def test_headers_within_the_limit_are_accepted_beside_a_long_body(self, client: Client) -> None:
        client.send(post(b"b" * 100_000, "X: " + "a" * 3000, path="/unlimited"))
        assert len(client.response().seen["body"]) == 100_000

    def test_trailers_without_an_end_are_refused(self, client: Client) -> None:
        client.send(chunked(b"abc")[:-2])
        for _ in range(100):
            client.send(b"X: " + b"a" * 100 + b"\r\n")
        assert client.response().status == 400


class TestBodyLimit:
    def test_body_of_exactly_the_limit_is_accepted(self, client: Client) -> None:
        client.send(post(b"b" * BODY_LIMIT) + chunked(b"b" * 500, b"b" * 500))
        assert len(client.response().seen["body"]) == BODY_LIMIT
        assert len(client.response().seen["body"]) == BODY_LIMIT

    @pytest.mark.parametrize("message", [post(b"b" * (BODY_LIMIT + 1)), chunked(b"b" * BODY_LIMIT, b"b")])
    def test_handler_answers_for_a_longer_one(self, client: Client, message: bytes) -> None:
        client.send(message + GET)
        response = client.response()
        assert (response.status, response.headers["connection"]) == (413, "close")
        assert (response.seen["too_large"], response.seen["body"]) == (True, "")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == b""

    def test_client_that_sends_it_all_first_sees_the_answer(self, client: Client) -> None:
        client.send(post(b"b" * 20_000_000))
        assert client.response().status == 413


class TestUnknownSenders:
    def test_body_is_not_waited_for(self, client: Client) -> None:
        client.send(post(b"b", path="/unknown-sender", length=BODY_LIMIT))
        response = client.response()
        assert (response.status, response.headers["connection"]) == (413, "close")
        assert (response.seen["too_large"], response.seen["body"]) == (True, "")

    def test_chunked_body_is_not_waited_for(self, client: Client) -> None:
        client.send(chunked(b"b", path="/unknown-sender")[:-5])
        assert client.response().status == 413

    def test_they_are_not_told_to_go_on(self, client: Client) -> None:
        client.send(post(b"", "Expect: 100-continue", path="/unknown-sender", length=10))
        assert client.response().status == 413

    def test_body_that_came_with_the_head_is_left_to_the_handler(self, client: Client) -> None:
        client.send(post(b"b", path="/unknown-sender") + GET)
        assert client.response().seen["body"] == "b"
        assert client.response().status == 200

    def test_nothing_is_kept_of_what_they_go_on_sending(self, server: RunningServer, client: Client) -> None:
        client.send(post(b"b", path="/unknown-sender", length=BODY_LIMIT))
        assert client.response().status == 413
        client.send(SEVERAL_READS)
        assert server.call(server.held_bytes) == 0


class TestBuffers:
    def test_bodies_beyond_the_budget_of_all_connections_are_refused(self, start: Start) -> None:
        server = start(HttpLimits(buffered_body_bytes=1_000_000))
        with Client(server.port) as first, Client(server.port) as second, Client(server.port) as third:
            first.send(post(SEVERAL_READS, path="/unlimited", length=len(SEVERAL_READS) + 1))
            server.wait_for_held_bytes(len(SEVERAL_READS))
            second.send(post(SEVERAL_READS, path="/unlimited", length=len(SEVERAL_READS) + 1))
            response = second.response()
            assert (response.status, response.headers["connection"]) == (503, "close")
            first.send(b"c")
            assert first.response().status == 200
            third.send(post(SEVERAL_READS, path="/unlimited"))
            assert third.response().status == 200

    def test_strangers_cannot_use_up_the_budget_of_those_who_are_known(self, start: Start) -> None:
        size = len(SEVERAL_READS)
        server = start(HttpLimits(buffered_body_bytes=8 * size))
        with Client(server.port) as first, Client(server.port) as second, Client(server.port) as known:
            first.send(post(SEVERAL_READS, path="/unlimited/stranger", length=size + 1))
            server.wait_for_held_bytes(size)
            second.send(post(SEVERAL_READS, path="/unlimited/stranger", length=size + 1))
            assert second.response().status == 503
            known.send(post(SEVERAL_READS, path="/unlimited", length=size + 1))
            server.wait_for_held_bytes(2 * size)
            for client in (first, known):
                client.send(b"c")
                assert client.response().status == 200
            while server.call(server.held_bytes):
                pass

    def test_heads_beyond_the_budget_of_all_connections_are_refused(self, start: Start) -> None:
        server = start(HttpLimits(buffered_head_bytes=100_000))
        with Client(server.port) as first, Client(server.port) as second:
            first.send(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 60_000)
            server.wait_for_held_bytes(60_000)
            second.send(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 60_000)
            assert second.response().status == 503
            first.send(b"\r\n\r\n")
            assert first.response().status == 200

    def test_what_a_client_that_goes_away_had_sent_is_forgotten(self, server: RunningServer) -> None:
        with Client(server.port) as client:
            client.send(post(SEVERAL_READS, path="/unlimited", length=len(SEVERAL_READS) + 1))
            server.wait_for_held_bytes(len(SEVERAL_READS))
        while server.call(server.held_bytes):
            pass

    def test_part_of_a_budget_counts_in_the_whole(self) -> None:
        whole = ByteBudget(10)
        part, other = ByteBudget(6, within=whole), ByteBudget(6, within=whole)
        assert part.take(6)
        assert not part.take(1)
        assert not other.take(5)
        assert (whole.taken, part.taken, other.taken) == (6, 6, 0)
        part.give_back(6)
        assert other.take(5)
        assert whole.taken == 5


class TestDeadlines:
    @pytest.fixture
    def server(self, start: Start) -> RunningServer:
        return start(QUICK)

    def test_idle_connection_is_closed(self, client: Client) -> None:
        client.send(GET)
        assert client.response().status == 200
        assert client.rest() == b""

    @pytest.mark.parametrize("start_of_request", [b"GET / HTTP/1.1\r\nHost", post(b"abc", length=10)])
    def test_slow_request_is_refused(self, client: Client, start_of_request: bytes) -> None:
        client.send(start_of_request)
        assert client.response().status == 408
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == b""

    def test_body_that_trickles_is_refused(self, client: Client) -> None:
        client.send(post(b"", length=BODY_LIMIT))
        client.socket.settimeout(0.05)
        for _ in range(100):
            client.send(b"b")
            with contextlib.suppress(TimeoutError):
                assert client.socket.recv(12) == b"HTTP/1.1 408"
                break
        else:
            pytest.fail("100 bytes were awaited for five seconds")

    def test_request_in_flight_has_no_deadline(self, server: RunningServer, client: Client) -> None:
        client.send(post(b"", path="/held"))
        _, respond = server.wait_for_held()
        with Client(server.port) as other:
            assert other.rest() == b""  # its idle deadline passes meanwhile
        server.call(lambda: respond(200, (), b"late"))
        assert client.response().body == b"late"

    def test_client_that_takes_nothing_is_cut_off(self, server: RunningServer, client: Client) -> None:
        client.send(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n" * 20)
        client.socket.settimeout(10)
        with pytest.raises(ConnectionError):
            client.send_forever(GET)

    def test_client_that_takes_little_is_not_cut_off(self, start: Start) -> None:
        """The kernel takes megabytes from us at once, and nothing more until it is rid of a third of them."""
        server = start()
        with Client(server.port) as client:
            client.send(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
            client.read_head()
            (connection,) = server.server._connections
            server.call(server.server._sweep_timer.cancel)  # type: ignore[union-attr]  # there is a connection
            now = server.server.now
            for _ in range(8):
                before = server.call(lambda: unacknowledged_bytes(connection._fd))
                client.socket.recv(300_000, socket.MSG_WAITALL)
                while server.call(lambda: unacknowledged_bytes(connection._fd)) == before:
                    pass
                now += server.limits.write_timeout_seconds * 0.9
                server.call(partial(connection.check_deadline, now))
                assert server.call(lambda: connection._transport and not connection._transport.is_closing())
            server.call(partial(connection.check_deadline, now + server.limits.write_timeout_seconds))
            assert server.call(lambda: connection._transport is None or connection._transport.is_closing())

    def test_client_that_never_ends_is_cut_off_after_the_last_answer(self, client: Client) -> None:
        client.send(b"nonsense\r\n\r\n")
        assert client.response().status == 400
        with pytest.raises(ConnectionError):
            client.send_forever(b"x" * 1000)


class TestServer:
    def test_stop_closes_idle_connections_and_finishes_what_is_in_flight(self, start: Start) -> None:
        server = start()
        with Client(server.port) as idle, Client(server.port) as busy, Client(server.port) as sending:
            idle.send(GET)
            assert idle.response().status == 200
            sending.send(post(b"", path="/held")[:-2])
            busy.send(post(b"", path="/held"))
            _, respond = server.wait_for_held()
            server.wait_for_phase(Phase.HEAD)
            stopped = asyncio.run_coroutine_threadsafe(server.server.stop(grace_seconds=10), server.loop)
            assert idle.rest() == b""
            server.call(lambda: respond(200, (), b"done"))
            response = busy.response()
            assert (response.body, response.headers["connection"]) == (b"done", "close")
            sending.send(b"\r\n")
            _, respond = server.wait_for_held()
            server.call(lambda: respond(200, (), b"done too"))
            assert sending.response().body == b"done too"
            stopped.result(10)
            with pytest.raises(ConnectionError):
                Client(server.port)

    def test_stop_cuts_what_outlasts_its_grace(self, start: Start) -> None:
        server = start()
        with Client(server.port) as client:
            client.send(post(b"", path="/held"))
            server.wait_for_held()
            server.stop(grace_seconds=0.05)
            assert client.rest() == b""

    def test_connections_over_the_limit_are_closed(self, start: Start) -> None:
        server = start(HttpLimits(connections=1))
        with Client(server.port) as first:
            first.send(GET)
            assert first.response().status == 200
            with Client(server.port) as second, pytest.raises(ConnectionError):
                second.send_forever(GET)
            first.send(GET)
            assert first.response().status == 200

    def test_accepted_socket_of_any_kind_is_served(self, start: Start) -> None:
        server = start()
        ours, theirs = socket.socketpair()
        connecting = server.loop.connect_accepted_socket(server.server.protocol, theirs)
        asyncio.run_coroutine_threadsafe(connecting, server.loop).result(10)
        with ours:
            ours.sendall(GET)
            ours.settimeout(10)
            assert b'"peer": ""' in ours.recv(65536)

    def test_listening_socket_can_be_added_and_removed(self, start: Start) -> None:
        server = start()
        sock = socket.create_server(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        listener = asyncio.run_coroutine_threadsafe(server.server.listen(sock=sock), server.loop).result(10)
        with Client(port) as client:
            client.send(GET)
            assert client.response().status == 200
            server.call(lambda: server.server.stop_listening(listener))
            client.send(GET)
            assert client.response().status == 200
        assert listener not in server.server._listeners


PIECES = [
    (GET, "/a", ""),
    (post(b""), "/p", ""),
    (post(b"body"), "/p", "body"),
    (chunked(b"ab", b"cd", trailers=b"T: u\r\n"), "/p", "abcd"),
    (post(b"up", *TestUpgrade.UPGRADE), "/p", "up"),
    (chunked(b"up", headers=TestUpgrade.UPGRADE), "/p", "up"),
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    messages=st.lists(st.sampled_from(PIECES), min_size=1, max_size=8), cuts=st.sets(st.integers(1, 900), max_size=10)
)
def test_answers_do_not_depend_on_how_the_stream_is_cut(
    server: RunningServer, messages: list[tuple[bytes, str, str]], cuts: set[int]
) -> None:
    stream = b"".join(message for message, _, _ in messages)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    with Client(server.port) as client:
        for begin, end in pairwise(edges):
            client.send(stream[begin:end])
        for _, path, body in messages:
            seen = client.response().seen
            assert (seen["path"], seen["body"]) == (path, body)


class TestClose:
    def test_answers_given_before_it_are_sent(self, start: Start) -> None:
        server = start()
        with Client(server.port) as answered, Client(server.port) as other:
            answered.send(post(b"", path="/held"))
            _, respond = server.wait_for_held()
            other.send(post(b"", path="/held"))
            server.wait_for_held()
            server.call(server.server.begin_stop)
            drained = asyncio.run_coroutine_threadsafe(server.server.drained(timeout_seconds=0.05), server.loop)
            assert drained.result(10) is False

            async def answer_and_close() -> None:
                respond(500, (), b"x" * 4_000_000)
                await server.server.close(flush_seconds=10)

            closed = asyncio.run_coroutine_threadsafe(answer_and_close(), server.loop)
            assert answered.response().body == b"x" * 4_000_000
            assert other.rest() == b""
            closed.result(10)

    def test_client_that_does_not_take_its_answer_cannot_hold_it_up(self, start: Start) -> None:
        server = start()
        with Client(server.port) as client:
            client.send(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n" * 20)
            while not server.call(lambda: any(not one._writable for one in server.server._connections)):
                pass
            asyncio.run_coroutine_threadsafe(server.server.close(flush_seconds=0.05), server.loop).result(10)
            assert server.server.connection_count == 0


class TestGroups:
    def test_they_are_served_beside_the_connections_from_outside(self, start: Start) -> None:
        server = start(HttpLimits(connections=1))
        group = server.server.group(limit=2)
        with Client(server.port) as outside, server.connect_inside(group) as one, server.connect_inside(group) as two:
            for client in (outside, one, two):
                client.send(GET)
                assert client.response().status == 200
            assert group.connection_count == 2

    def test_connections_over_the_limit_are_closed(self, server: RunningServer) -> None:
        group = server.server.group(limit=1)
        with server.connect_inside(group) as first:
            with server.connect_inside(group) as second, pytest.raises(ConnectionError):
                second.send_forever(GET)
            first.send(GET)
            assert first.response().status == 200
        while server.call(lambda: group.connection_count):
            pass
        with server.connect_inside(group) as third:
            third.send(GET)
            assert third.response().status == 200

    def test_closing_one_ends_its_connections_and_no_others(self, server: RunningServer, client: Client) -> None:
        group, other = server.server.group(limit=1), server.server.group(limit=1)
        with server.connect_inside(group) as inside, server.connect_inside(other) as neighbour:
            inside.send(post(b"", path="/held"))
            _, respond = server.wait_for_held()
            server.call(group.close)
            with contextlib.suppress(ConnectionError):
                assert inside.rest() == b""
            server.call(lambda: respond(200, (), b"nobody gets it"))
            for others in (client, neighbour):
                others.send(GET)
                assert others.response().status == 200
        with server.connect_inside(group) as late, pytest.raises(ConnectionError):
            late.send_forever(GET)

    def test_their_bodies_do_not_use_up_the_budget_of_others(self, start: Start) -> None:
        server = start(HttpLimits(buffered_body_bytes=1_000_000, group_buffered_body_bytes=500_000))
        with server.connect_inside(server.server.group(limit=1)) as inside, Client(server.port) as outside:
            inside.send(post(SEVERAL_READS, path="/unlimited", length=len(SEVERAL_READS) + 1))
            assert inside.response().status == 503
            outside.send(post(SEVERAL_READS, path="/unlimited"))
            assert outside.response().status == 200
