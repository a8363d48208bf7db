"""What a function can't do to the network, tried by a process without rights in an environment's namespace."""

import base64
import functools
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambent.sandbox.network.bridge import _subscription
from lambent.sandbox.network.inside import entered
from lambent.sandbox.network.netlink import NETFILTER_PROTOCOL
from lambent.sandbox.network.plan import NetworkMode, network_steps

pytestmark = pytest.mark.root

NOBODY = 65534
SO_MARK = 36
FLUSH_RULES = network_steps(NetworkMode.EGRESS)[-1]


def as_tenant(client: Any, namespace: int, attempt: Callable[[], object]) -> str:
    """Do something in the namespace as an ordinary user in a user namespace of its own; answers how it ended."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            client.linux.setns(namespace, client.linux.CLONE_NEWNET)
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            client.linux.unshare(client.linux.CLONE_NEWUSER)
            outcome = f"allowed: {attempt()}"
        except BaseException as error:  # noqa: BLE001 - all the parent wants to know
            outcome = f"{type(error).__name__}: {error}"
        os.write(writing, outcome.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        outcome = stream.read()
    os.waitpid(pid, 0)
    return outcome


@pytest.fixture
def namespace(make_namespace: Callable[[NetworkMode], int]) -> int:
    return make_namespace(NetworkMode.EGRESS_AND_HOST_LOOPBACK)


def test_the_rules_cant_be_changed(client: Any, namespace: int) -> None:
    outcome = as_tenant(client, namespace, lambda: client.netns.apply([FLUSH_RULES]))
    assert "Operation not permitted" in outcome


def test_the_routes_cant_be_changed(client: Any, namespace: int) -> None:
    link, addresses, routes, _ = network_steps(NetworkMode.EGRESS)
    for change in ([link], [addresses], [routes]):
        outcome = as_tenant(client, namespace, functools.partial(client.netns.apply, change))
        assert "Operation not permitted" in outcome


@pytest.mark.parametrize("mark", [0x4C01, 0x4C02])
def test_packets_cant_be_given_the_bridges_marks(client: Any, namespace: int, mark: int) -> None:
    def attempt() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)

    assert "Operation not permitted" in as_tenant(client, namespace, attempt)


@pytest.mark.parametrize("kind", ["raw", "packet", "transparent", "low port", "packet log"])
def test_what_the_bridge_may_a_function_may_not(client: Any, namespace: int, kind: str) -> None:
    attempts = {
        "raw": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
        "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0),
        "transparent": lambda: socket.socket().setsockopt(socket.IPPROTO_IP, 19, 1),
        "low port": lambda: socket.socket().bind(("169.254.78.1", 1)),
        "packet log": lambda: _bind_packet_log(client),
    }
    outcome = as_tenant(client, namespace, attempts[kind])
    assert "Operation not permitted" in outcome or "Permission denied" in outcome


def _bind_packet_log(client: Any) -> None:
    client.netns.apply([["packet log", NETFILTER_PROTOCOL, base64.b64encode(_subscription()).decode()]])


def test_the_namespace_cant_be_left_for_the_hosts(client: Any, namespace: int) -> None:
    with Path("/proc/self/ns/net").open("rb") as home:
        outcome = as_tenant(client, namespace, lambda: client.linux.setns(home.fileno(), client.linux.CLONE_NEWNET))
    assert "Operation not permitted" in outcome


def test_the_hosts_abstract_sockets_are_not_there(client: Any, namespace: int) -> None:
    name = f"\0lambent-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as neighbour:
        server.bind(name)
        server.listen()
        neighbour.connect(name)

        def attempt() -> list[str]:
            with socket.socket(socket.AF_UNIX) as other:
                other.connect(name)
            return []

        assert "Connection refused" in as_tenant(client, namespace, attempt)


def test_a_step_that_the_kernel_refuses_is_named(client: Any) -> None:
    steps = network_steps(NetworkMode.EGRESS)
    with pytest.raises(OSError, match="network step 'routes that make every address local'"):
        client.new_namespace([steps[0], steps[2]])  # without the address that the routes prefer


def test_a_mode_without_egress_has_no_route_and_no_rule(make_namespace: Callable[[NetworkMode], int]) -> None:
    namespace = make_namespace(NetworkMode.ISOLATED)
    with entered(namespace):
        assert "169.254" not in Path("/proc/thread-self/net/fib_trie").read_text()
