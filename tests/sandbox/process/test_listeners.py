"""A loopback port that hears the processes of one environment only."""

import os
import select
import socket
import subprocess
import sys

import pytest

from lambent.sandbox.process.listeners import OwnListener

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has connected")


def test_a_process_of_the_environment_is_heard() -> None:
    with OwnListener(lambda: [os.getpid()]) as listener, _connected(listener) as client:
        client.send(b"hello")
        connection, _ = _accept(listener)
        with connection:
            assert connection.recv(10) == b"hello"


def test_another_program_is_let_go() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        with OwnListener(lambda: [other.pid]) as listener, _connected(listener) as client:
            with pytest.raises(ConnectionAbortedError, match="not a process of this environment"):
                _accept(listener)
            assert client.recv(10) == b""
        other.kill()


def test_a_client_that_has_gone_already_is_let_go() -> None:
    with OwnListener(lambda: [os.getpid()]) as listener:
        _connected(listener).close()
        with pytest.raises(ConnectionAbortedError):
            _accept(listener)


def test_nobody_waiting_is_told_as_sockets_do() -> None:
    with OwnListener(lambda: [os.getpid()]) as listener, pytest.raises(BlockingIOError):
        listener.accept()


def _connected(listener: OwnListener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", listener.port), timeout=5)


def _accept(listener: OwnListener) -> tuple[socket.socket, object]:
    select.select([listener], [], [], 5)
    return listener.accept()
