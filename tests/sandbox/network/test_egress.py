"""Egress to other machines: a thread plays the host, in a namespace of its own with a cable to another one.

So that no test depends on, or touches, what is outside this machine.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from lambent.sandbox.network.bridge import Bridge
from lambent.sandbox.network.inside import entered, listen_inside
from lambent.sandbox.network.limits import BridgeLimits
from lambent.sandbox.network.plan import NetworkMode

pytestmark = [pytest.mark.root, pytest.mark.skipif(shutil.which("ip") is None, reason="needs iproute2")]

Namespaces = tuple[int, int]
Ask = Callable[..., Any]
HOST, OUTSIDE, NOBODY = "198.51.100.1", "198.51.100.2", "198.51.100.3"
HOST_6, OUTSIDE_6 = "2001:db8::1", "2001:db8::2"


@pytest.fixture
def outside(make_namespace: Callable[[NetworkMode], int]) -> Namespaces:
    """Descriptors of the host's namespace and of the other machine's, joined by a cable."""
    host, other = make_namespace(NetworkMode.ISOLATED), make_namespace(NetworkMode.ISOLATED)
    with entered(host):
        _ip("link", "add", "cable", "type", "veth", "peer", "name", "far", "netns", f"/proc/{os.getpid()}/fd/{other}")
        _ip("address", "add", f"{HOST}/24", "dev", "cable")
        _ip("address", "add", f"{HOST_6}/64", "dev", "cable", "nodad")
        _ip("link", "set", "cable", "up")
    with entered(other):
        _ip("address", "add", f"{OUTSIDE}/24", "dev", "far")
        _ip("address", "add", f"{OUTSIDE_6}/64", "dev", "far", "nodad")
        _ip("link", "set", "far", "up")
    return host, other


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def on_host(host: int, main: Callable[[], Coroutine[None, None, object]]) -> object:
    """Run a coroutine in a thread that has the host's namespace for its own."""
    answer: list[object] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            with entered(host), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                answer.append(runner.run(main()))
        except BaseException as error:  # noqa: BLE001 - raised again below
            failure.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return answer[0]


@pytest.fixture
def ask(outside: Namespaces, make_namespace: Callable[[NetworkMode], int]) -> Ask:
    """Give a function that asks from within an environment on the host, and answers what came back."""
    host, _ = outside

    def ask(mode: NetworkMode, attempt: Callable[[], object], limits: BridgeLimits | None = None) -> object:
        namespace = make_namespace(mode)

        async def main() -> object:
            bridge = Bridge(asyncio.get_running_loop(), mode, list, limits)
            attachment = bridge.attach(namespace)

            def work() -> object:
                with entered(namespace):
                    return attempt()

            try:
                return await asyncio.wait_for(asyncio.to_thread(work), 20)
            finally:
                attachment.close()

        return on_host(host, main)

    return ask


def answer_once(listener: socket.socket) -> threading.Thread:
    def work() -> None:
        listener.settimeout(20)
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"outside saw " + connection.getpeername()[0].encode())

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def hear(address: tuple[str, int], timeout: float = 10) -> bytes:
    with socket.create_connection(address, timeout=timeout) as connection:
        return connection.makefile("rb").read()


@pytest.mark.parametrize("mode", [NetworkMode.EGRESS, NetworkMode.EGRESS_AND_HOST_LOOPBACK])
@pytest.mark.parametrize(("host", "seen"), [(OUTSIDE, HOST), (OUTSIDE_6, HOST_6)])
def test_another_machine_is_reached_and_sees_the_host(
    outside: Namespaces, ask: Ask, mode: NetworkMode, host: str, seen: str
) -> None:
    with listen_inside(outside[1], host, 0) as listener:
        thread = answer_once(listener)
        port = listener.getsockname()[1]
        assert ask(mode, lambda: hear((host, port))) == f"outside saw {seen}".encode()
        thread.join()


def test_another_machines_refusal_is_the_functions(ask: Ask) -> None:
    with pytest.raises(ConnectionRefusedError):
        ask(NetworkMode.EGRESS, lambda: hear((OUTSIDE, 4242)))


def test_a_network_that_the_host_has_no_route_to_refuses_at_once(ask: Ask) -> None:
    with pytest.raises(ConnectionRefusedError):
        ask(NetworkMode.EGRESS, lambda: hear(("203.0.113.1", 80)))


def test_silence_is_silence_and_can_end_in_a_connection(outside: Namespaces, ask: Ask) -> None:
    """The machine comes up while the function waits: attempts are given up and begun anew unseen."""
    limits = BridgeLimits(connect_seconds=0.1)
    host, other = outside
    with entered(host):  # as if it were there, but nobody takes the frames
        _ip("neighbour", "add", NOBODY, "lladdr", "02:00:00:00:00:01", "dev", "cable")
    with pytest.raises(TimeoutError):
        ask(NetworkMode.EGRESS, lambda: hear((NOBODY, 80), timeout=0.5), limits)

    def appear() -> None:
        with entered(other):
            _ip("link", "set", "far", "address", "02:00:00:00:00:01")
            _ip("address", "add", f"{NOBODY}/24", "dev", "far")

    def wait_for_it() -> bytes:
        timer.start()
        return hear((NOBODY, port), timeout=15)

    timer = threading.Timer(0.3, appear)
    with listen_inside(other, "0.0.0.0", 0) as listener:
        thread = answer_once(listener)
        port = listener.getsockname()[1]
        assert ask(NetworkMode.EGRESS, wait_for_it, limits) == f"outside saw {HOST}".encode()
        thread.join()


@pytest.mark.parametrize("host", [HOST, HOST_6])
def test_the_hosts_own_addresses_are_reached_with_its_loopback_only(outside: Namespaces, ask: Ask, host: str) -> None:
    """A connection from the host to itself would pass no firewall."""
    with listen_inside(outside[0], host, 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            ask(NetworkMode.EGRESS, lambda: hear((host, port)))
        thread = answer_once(listener)
        assert ask(NetworkMode.EGRESS_AND_HOST_LOOPBACK, lambda: hear((host, port))) == f"outside saw {host}".encode()
        thread.join()


def test_datagrams_go_to_another_machine_too(outside: Namespaces, ask: Ask) -> None:
    with entered(outside[1]):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((OUTSIDE, 0))
    server.settimeout(10)

    def answer() -> None:
        data, client = server.recvfrom(100)
        server.sendto(data + b" from " + client[0].encode(), client)

    def talk() -> tuple[bytes, tuple[str, int]]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.sendto(b"hello", server.getsockname())
            return client.recvfrom(100)

    thread = threading.Thread(target=answer)
    thread.start()
    assert ask(NetworkMode.EGRESS, talk) == (f"hello from {HOST}".encode(), server.getsockname())
    thread.join()
    server.close()
