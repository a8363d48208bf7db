"""Carries requests to where another service is, and the answers back, in pieces.

httpcore speaks HTTP/1.1, over Unix sockets and TLS too, and leaves alone what it carries: target and headers are the
client's bytes. It is imported by the first request for another service; most servers of most days have none.
"""

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lambent.companion.errors import Abandoned, ForwardingFailed
from lambent.companion.unix_sockets import UnixSockets

Headers = Sequence[tuple[str, str]]
OnAbandoned = Callable[[Callable[[], None]], None]

_IN_FLIGHT = 4_096
"""Requests that are being answered at the same time: pollers and functions may have thousands waiting for messages.
Each is a thread of the companion's, of 80 KB."""

_CONNECT_SECONDS = 10.0
_QUEUE_SECONDS = 30.0
_SILENCE_SECONDS = 960.0
"""Without a byte of the answer: a state machine or a stack may wait for functions, and those run up to 900 seconds."""

_PIECE_BYTES = 262_144

# About one connection each, and so not to be carried on (RFC 9110, section 7.6.1).
_OF_THE_CONNECTION = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it goes out.

    Attributes:
        target: path and query, as received.
        headers: names in lower case; those that are about the connection are left out on the way.
        body: in pieces.
    """

    method: str
    target: str
    headers: Headers
    body: Sequence[bytes | bytearray]


@dataclass(frozen=True, slots=True)
class Incoming:
    """The head of an answer, and what is behind it.

    Attributes:
        headers: names in lower case, without those that are about the connection, the length or the date.
        length: of the body, or of what a GET's would be; None if it isn't known before its end.
        pieces: the body; raises ForwardingFailed when it breaks off.
    """

    status: int
    headers: list[tuple[str, str]]
    length: int | None
    pieces: AsyncIterator[bytes]


class Forwarder:
    """A client of the companion and of other endpoints."""

    def __init__(self) -> None:
        self._pool: tuple[str, Any] | None = None  # to the companion
        self._elsewhere: Any = None
        self._httpcore: Any = None

    @contextlib.asynccontextmanager
    async def send(
        self, request: Outgoing, *, socket_path: str = "", url: str = "", on_abandoned: OnAbandoned | None = None
    ) -> AsyncIterator[Incoming]:
        """Send a request to a Unix socket or to the server of a URL; the answer is there inside the block.

        Args:
            on_abandoned: takes what to call when the answer isn't wanted any more.

        Raises:
            Abandoned: the answer wasn't wanted any more before it began. The request has been sent all the same.
            ForwardingFailed: the server can't be reached, speaks something else, or has fallen silent.
        """
        if self._httpcore is None:
            self._httpcore = await asyncio.to_thread(_load)
        httpcore = self._httpcore
        where = url or "the companion"
        with _told(httpcore, where):
            pool = await self._pool_to(httpcore, socket_path)
            wait = _Wait()
            made = _request(httpcore, request, url or "http://companion", wait.sent)
            if on_abandoned is not None:
                on_abandoned(wait.abandon)
            answer = await wait.until(pool.handle_async_request(made))
        try:
            headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers]
            yield Incoming(
                answer.status,
                [(n, v) for n, v in headers if n not in _OF_THE_CONNECTION and n not in {"content-length", "date"}],
                _length(headers),
                _pieces(httpcore, answer, where),
            )
        finally:
            with contextlib.suppress(Exception):  # it was read, or nobody wants it any more
                await answer.aclose()

    async def close(self) -> None:
        """Cut what is open."""
        for pool in (self._elsewhere, self._pool and self._pool[1]):
            if pool is not None:
                await _close(pool)

    async def _pool_to(self, httpcore: Any, socket_path: str) -> Any:
        if not socket_path:
            if self._elsewhere is None:
                self._elsewhere = _new_pool(httpcore, None)
            return self._elsewhere
        if self._pool is None or self._pool[0] != socket_path:
            old, self._pool = self._pool, (socket_path, _new_pool(httpcore, socket_path))
            if old is not None:
                await _close(old[1])
        return self._pool[1]


class _Wait:
    """For the beginning of an answer, which ends when that isn't wanted any more and the request was sent whole.

    What was asked for is done, as it would be by a server that the client speaks to itself; a server that answers late
    sees that nobody is there: SQS gives no messages to somebody who has hung up.
    """

    def __init__(self) -> None:
        self._timeout = asyncio.timeout(None)
        self._waits = self._sent = self._abandoned = False

    async def until(self, answer: Awaitable[Any]) -> Any:
        """The answer.

        Raises:
            Abandoned: before.
        """
        try:
            async with self._timeout:
                self._waits = True
                try:
                    return await answer
                finally:
                    self._waits = False
        except TimeoutError as error:
            if self._timeout.expired():
                raise Abandoned from error
            raise

    def sent(self) -> None:
        self._sent = True
        self._end()

    def abandon(self) -> None:
        self._abandoned = True
        self._end()

    def _end(self) -> None:
        if self._waits and self._sent and self._abandoned:
            self._timeout.reschedule(0.0)  # now, in the next turn of the event loop


def _new_pool(httpcore: Any, socket_path: str | None) -> Any:
    return httpcore.AsyncConnectionPool(
        uds=socket_path,
        max_connections=_IN_FLIGHT,
        max_keepalive_connections=32,
        keepalive_expiry=30.0,
        network_backend=None if socket_path is None else UnixSockets(httpcore),
    )


async def _close(pool: Any) -> None:
    with contextlib.suppress(Exception):  # of a connection that can't be closed nothing is left to be done
        await pool.aclose()


def _load() -> Any:
    logging.getLogger("httpcore").setLevel(logging.WARNING)  # each step of each request, at debug
    return importlib.import_module("httpcore")


def _request(httpcore: Any, request: Outgoing, url: str, sent: Callable[[], None]) -> Any:
    parts = urlsplit(url)
    default_port = 443 if parts.scheme == "https" else 80
    headers = [(n, v) for n, v in request.headers if n not in _OF_THE_CONNECTION and n != "content-length"]
    length = sum(len(piece) for piece in request.body)
    if length or request.method in {"POST", "PUT", "PATCH"}:
        headers.append(("content-length", str(length)))
    prefix = parts.path.rstrip("/")
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=parts.scheme.encode(),
            host=(parts.hostname or "").encode(),
            port=parts.port or default_port,
            target=(prefix + request.target).encode("latin-1"),
        ),
        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        content=_in_pieces(request.body, sent),
        extensions={
            "timeout": {
                "connect": _CONNECT_SECONDS,
                "pool": _QUEUE_SECONDS,
                "read": _SILENCE_SECONDS,
                "write": _QUEUE_SECONDS,
            }
        },
    )


async def _in_pieces(body: Sequence[bytes | bytearray], sent: Callable[[], None]) -> AsyncIterator[bytes]:
    """So that no copy of a large body stops the event loop. Who asks for another piece after the last has sent them."""
    for piece in body:
        view = memoryview(piece)
        for start in range(0, len(piece), _PIECE_BYTES):
            yield bytes(view[start : start + _PIECE_BYTES])
    sent()


async def _pieces(httpcore: Any, answer: Any, where: str) -> AsyncIterator[bytes]:
    with _told(httpcore, where):
        async for piece in answer.aiter_stream():
            yield piece


def _length(headers: Headers) -> int | None:
    for name, value in headers:
        if name == "content-length" and value.isascii() and value.isdigit():
            return int(value)
    return None


@contextlib.contextmanager
def _told(httpcore: Any, where: str) -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise ForwardingFailed(f"{where} did not answer in time", timed_out=True) from error
    except httpcore.ConnectError as error:
        raise ForwardingFailed(f"{where} can't be reached: {error}") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise ForwardingFailed(f"{where} could not be asked: {error or type(error).__name__}") from error
