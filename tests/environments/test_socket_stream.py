"""Back-pressure and ends of a raw socket on the loop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from lambent.core.loop_share import LoopShare
from lambent.environments.socket_stream import SocketStream


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    yield ours, theirs
    ours.close()
    theirs.close()


class Listener:
    def __init__(self, sock: socket.socket) -> None:
        self.data: list[bytes] = []
        self.ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.stream = SocketStream(loop, sock, on_data=self.data.append, on_end=self.ended.set, share=LoopShare())


async def receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await asyncio.get_running_loop().sock_recv(sock, 1 << 20)
    return data


async def test_what_the_peer_does_not_take_yet_is_sent_later_in_order(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    listener = Listener(pair[0])
    big = bytes(range(256)) * 20_000
    listener.stream.send(b"head", big)
    assert listener.stream.writing
    listener.stream.send(b"more", b"!")
    assert await receive(pair[1], len(big) + 9) == b"head" + big + b"more!"
    listener.stream.close()
    listener.stream.close()


async def test_nothing_is_read_while_something_waits_to_be_written(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    listener = Listener(pair[0])
    big = b"x" * 5_000_000
    listener.stream.send(big)
    pair[1].send(b"request")
    for _ in range(10):
        await asyncio.sleep(0)
    assert listener.data == []
    await receive(pair[1], len(big))
    while not listener.data:
        await asyncio.sleep(0)
    assert listener.data == [b"request"]
    listener.stream.close()


async def test_a_small_message_waits_behind_a_full_buffer(pair: tuple[socket.socket, socket.socket]) -> None:
    listener = Listener(pair[0])
    filled = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += pair[0].send(b"x" * 65_536)
    listener.stream.send(b"small")
    assert listener.stream.writing
    assert (await receive(pair[1], filled + 5)).endswith(b"xsmall")
    listener.stream.close()


async def test_close_when_written_sends_everything_first(pair: tuple[socket.socket, socket.socket]) -> None:
    listener = Listener(pair[0])
    big = b"x" * 3_000_000
    listener.stream.send(big)
    listener.stream.close_when_written()
    assert not listener.stream.closed
    assert await receive(pair[1], len(big)) == big
    assert await asyncio.get_running_loop().sock_recv(pair[1], 1) == b""
    assert listener.stream.closed


async def test_close_when_written_with_nothing_to_write_is_close(pair: tuple[socket.socket, socket.socket]) -> None:
    listener = Listener(pair[0])
    listener.stream.close_when_written()
    assert listener.stream.closed
    listener.stream.send(b"too late")
    listener.stream.drain()


async def test_close_drops_what_was_not_taken(pair: tuple[socket.socket, socket.socket]) -> None:
    listener = Listener(pair[0])
    listener.stream.send(b"x" * 3_000_000)
    listener.stream.close()
    assert not listener.stream.writing


async def test_a_peer_that_goes_away_while_it_is_written_to_ends_the_stream(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    listener = Listener(pair[0])
    listener.stream.send(b"x" * 3_000_000)
    pair[1].close()
    await listener.ended.wait()
    assert not listener.stream.writing
    listener.stream.send(b"to nobody")
    listener.stream.close()


async def test_drain_takes_what_a_dead_peer_left(pair: tuple[socket.socket, socket.socket]) -> None:
    listener = Listener(pair[0])
    listener.stream.drain()
    pair[1].send(b"last words")
    pair[1].close()
    listener.stream.drain()
    assert listener.data == [b"last words"]
    await listener.ended.wait()
    listener.stream.close()


async def test_who_has_used_up_its_share_is_not_read_from_for_a_while(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    listener = Listener(pair[0])
    listener.stream.charge(0.01)
    pair[1].send(b"request")
    for _ in range(10):
        await asyncio.sleep(0)
    assert listener.data == []
    listener.stream.send(b"x" * 5_000_000)  # writing ends or not, the pause is kept
    await receive(pair[1], 5_000_000)
    async with asyncio.timeout(10):
        while not listener.data:
            await asyncio.sleep(0.001)
    assert listener.data == [b"request"]
    listener.stream.close()


async def test_a_stream_may_be_closed_while_it_pauses(pair: tuple[socket.socket, socket.socket]) -> None:
    listener = Listener(pair[0])
    listener.stream.charge(1)
    listener.stream.charge(1)
    listener.stream.close()
    listener.stream.charge(1)
    assert listener.stream._pause is None
