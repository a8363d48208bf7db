"""Requests over Unix sockets, and their end at any moment."""

import asyncio
from pathlib import Path
from typing import cast

import httpcore
import uvloop

from lambent.companion.unix_sockets import UnixSockets

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


async def play(path: str) -> list[object]:
    """Give up requests sooner and later after their answers were sent; what the event loop had to complain of."""
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    asked: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                asked.put_nowait(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    sockets = cast("httpcore.AsyncNetworkBackend", UnixSockets(httpcore))
    pool = httpcore.AsyncConnectionPool(uds=path, max_connections=100, network_backend=sockets)
    async with server, pool, asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for turns in range(60):
            request = tasks.create_task(pool.request("GET", "http://companion/"), name="given up")
            (await asked.get()).write(ANSWER)
            for _ in range(turns % 6):
                await asyncio.sleep(0)
            request.cancel()
            await asyncio.wait([request])
        for _ in range(2):
            request = tasks.create_task(pool.request("GET", "http://companion/"), name="waited for")
            (await asked.get()).write(ANSWER)
            assert (await request).content == b"hi"
    return complaints


def test_a_request_that_is_given_up_at_the_moment_of_its_answer_leaves_no_complaint(tmp_path: Path) -> None:
    assert uvloop.run(play(str(tmp_path / "socket"))) == []
