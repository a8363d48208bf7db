"""Accepting at the environment's expense."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from lambent.core.loop_share import LoopShare
from lambent.environments.acceptor import Acceptor


class ScarceListener:
    """A listener of a server that has no descriptor left, for as long as it is told so."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.address: tuple[str, int] = self._listener.getsockname()
        self.out_of_descriptors = False
        self.accepts = 0

    def fileno(self) -> int:
        return self._listener.fileno()

    def accept(self) -> tuple[socket.socket, object]:
        self.accepts += 1
        if self.out_of_descriptors:
            raise OSError(errno.EMFILE, "Too many open files")
        return self._listener.accept()

    def close(self) -> None:
        self._listener.close()


class Accepting:
    def __init__(self) -> None:
        self.listener = ScarceListener()
        self.accepted: asyncio.Queue[socket.socket] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        # The share is so small that it doesn't grow back while a busy machine runs the test.
        share = LoopShare(share=0.0001)
        self.acceptor = Acceptor(loop, self.listener, self.accepted.put_nowait, share)  # type: ignore[arg-type] # the part of a socket that it uses


@pytest_asyncio.fixture
async def accepting() -> AsyncIterator[Accepting]:
    accepting = Accepting()
    yield accepting
    accepting.acceptor.close()
    accepting.acceptor.close()
    accepting.listener.close()
    while not accepting.accepted.empty():
        accepting.accepted.get_nowait().close()


async def test_without_descriptors_the_loop_is_left_alone_and_the_connection_is_accepted_later(
    accepting: Accepting, caplog: pytest.LogCaptureFixture
) -> None:
    accepting.listener.out_of_descriptors = True
    with socket.create_connection(accepting.listener.address):
        for _ in range(100):
            await asyncio.sleep(0)
        assert accepting.listener.accepts == 1
        assert "Too many open files" in caplog.text
        accepting.listener.out_of_descriptors = False
        async with asyncio.timeout(10):
            (await accepting.accepted.get()).close()


async def test_who_connects_too_often_waits_in_the_backlog(accepting: Accepting) -> None:
    for _ in range(40):
        clients = [socket.create_connection(accepting.listener.address) for _ in range(10)]
        accepting.acceptor.accept()
        for client in clients:
            client.close()
        if accepting.acceptor._pause is not None:
            break
    assert accepting.acceptor._pause is not None


async def test_nothing_is_accepted_after_close_nor_when_the_owner_has_closed_the_listener(accepting: Accepting) -> None:
    accepting.acceptor.close()
    accepting.listener.close()
    accepting.acceptor.accept()
    assert accepting.accepted.empty()
