"""TCP from inside an environment to what is on the host."""

import asyncio
import concurrent.futures
import contextlib
import hashlib
import os
import select
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from lambent.sandbox.network.inside import entered, listen_inside
from lambent.sandbox.network.limits import BridgeLimits
from lambent.sandbox.network.plan import NetworkMode

pytestmark = pytest.mark.root

MakeEnvironment = Callable[..., Any]
Serve = Callable[..., Awaitable[int]]
MEGABYTE = 1 << 20


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def ask(address: tuple[str, int], message: bytes = b"hello") -> bytes:
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(message)
        return connection.recv(65536)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_server_on_the_hosts_loopback_is_reached_at_the_same_port(
    make_environment: MakeEnvironment, serve: Serve, host: str
) -> None:
    port = await serve(echo, host)
    environment = make_environment()

    def talk() -> tuple[bytes, str]:
        with socket.create_connection((host, port), timeout=10) as connection:
            connection.sendall(b"hello")
            return connection.recv(100), connection.getpeername()[0]

    assert await environment.run(talk) == (b"hello", host)


async def test_localhost_by_name_is_reached_although_only_ipv4_listens(
    make_environment: MakeEnvironment, serve: Serve
) -> None:
    """Clients try ::1 first; a refusal lets them go on to 127.0.0.1."""
    port = await serve(echo)
    environment = make_environment()
    assert await environment.run(lambda: ask(("localhost", port))) == b"hello"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_port_that_nobody_on_the_host_listens_to_refuses_the_connection(
    make_environment: MakeEnvironment, host: str
) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as taken:
        taken.bind((host, 0))
        port = taken.getsockname()[1]
        environment = make_environment()
        with pytest.raises(ConnectionRefusedError):
            await environment.run(lambda: ask((host, port)))


async def test_a_connection_succeeds_as_soon_as_the_host_listens(
    make_environment: MakeEnvironment, serve: Serve
) -> None:
    environment = make_environment()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = server.getsockname()
        with pytest.raises(ConnectionRefusedError):
            await environment.run(lambda: ask(address))
        server.listen()

        def connect() -> None:
            socket.create_connection(address, timeout=10).close()

        await environment.run(connect)


@pytest.mark.parametrize("bound_to", ["127.0.0.1", "0.0.0.0"])
async def test_what_the_function_listens_to_itself_wins(
    make_environment: MakeEnvironment, serve: Serve, bound_to: str
) -> None:
    port = await serve(echo)
    environment = make_environment()

    def talk() -> bytes:
        with socket.socket() as own:
            own.bind((bound_to, port))
            own.listen()
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                accepted, _ = own.accept()
                with accepted:
                    accepted.sendall(b"from within")
                return connection.recv(100)

    assert await environment.run(talk) == b"from within"


async def test_what_the_server_listens_to_inside_wins(make_environment: MakeEnvironment, serve: Serve) -> None:
    """As the Runtime API does, on 127.0.0.1:9001."""
    port = await serve(echo)
    environment = make_environment()
    with listen_inside(environment.namespace, "127.0.0.1", port) as listener:

        def connect() -> socket.socket:
            return socket.create_connection(("127.0.0.1", port), timeout=10)

        client = await environment.run(connect)
        assert select.select([listener], [], [], 5)[0] == [listener]
        listener.accept()[0].close()
        client.close()


async def test_a_function_that_listens_everywhere_still_reaches_that_port_elsewhere(
    make_environment: MakeEnvironment,
) -> None:
    """Every address is local inside; only loopback and own address are the function's."""
    environment = make_environment()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def talk() -> str:
        with socket.socket() as own:
            own.bind(("0.0.0.0", port))
            own.listen()
            try:
                # This host's broadcast-like address: never forwarded, so that the bridge, not `own`, answers.
                socket.create_connection(("240.0.0.1", port), timeout=10).close()
            except ConnectionRefusedError:
                return "the bridge"
            return "itself"

    assert await environment.run(talk) == "the bridge"


async def test_many_megabytes_go_both_ways_at_once_unharmed(make_environment: MakeEnvironment, serve: Serve) -> None:
    port = await serve(echo)
    environment = make_environment()
    block = os.urandom(MEGABYTE)

    def talk() -> tuple[str, str]:
        sent, received = hashlib.sha256(), hashlib.sha256()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:

            def send() -> None:
                for _ in range(32):
                    connection.sendall(block)
                    sent.update(block)
                connection.shutdown(socket.SHUT_WR)

            with concurrent.futures.ThreadPoolExecutor() as threads:
                sending = threads.submit(send)
                while data := connection.recv(MEGABYTE):
                    received.update(data)
                sending.result()
        return sent.hexdigest(), received.hexdigest()

    sent, received = await environment.run(talk)
    assert sent == received


async def test_the_end_of_one_direction_leaves_the_other_open(make_environment: MakeEnvironment, serve: Serve) -> None:
    async def answer_after_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read()
        writer.write(b"you said " + request)
        writer.close()

    port = await serve(answer_after_the_end)
    environment = make_environment()

    def talk() -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"all")
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read()

    assert await environment.run(talk) == b"you said all"


async def test_a_server_that_speaks_first_is_heard(make_environment: MakeEnvironment, serve: Serve) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 welcome\r\n")
        await reader.read()
        writer.close()

    port = await serve(greet)
    environment = make_environment()

    def talk() -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            return connection.recv(100)

    assert await environment.run(talk) == b"220 welcome\r\n"


async def test_a_reset_by_the_host_reaches_the_function(make_environment: MakeEnvironment, serve: Serve) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        linger_zero = struct.pack("ii", 1, 0)  # close() then resets
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
        writer.transport.abort()

    port = await serve(reset)
    environment = make_environment()

    def talk() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"x")
            connection.recv(1)

    with pytest.raises(ConnectionResetError):
        await environment.run(talk)


async def test_a_reader_that_waits_stops_the_writer(make_environment: MakeEnvironment, serve: Serve) -> None:
    """At most one chunk waits in the server; the rest is the kernel's."""
    reading = asyncio.Event()
    total = asyncio.get_running_loop().create_future()

    async def read_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reading.wait()
        count = 0
        while data := await reader.read(MEGABYTE):
            count += len(data)
        total.set_result(count)
        writer.close()

    port = await serve(read_late)
    environment = make_environment()

    def fill() -> tuple[socket.socket, int]:
        connection = socket.create_connection(("127.0.0.1", port), timeout=0.5)
        count = 0
        with contextlib.suppress(TimeoutError):
            while count < 1024 * MEGABYTE:
                count += connection.send(bytes(MEGABYTE))
        return connection, count

    connection, count = await environment.run(fill)
    assert count < 256 * MEGABYTE
    reading.set()
    connection.close()
    assert await asyncio.wait_for(total, 20) == count


async def test_a_burst_of_connections_is_served(make_environment: MakeEnvironment, serve: Serve) -> None:
    port = await serve(echo)
    environment = make_environment()

    def talk() -> int:
        connections = []
        for _ in range(400):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
            connections.append(connection)
        for connection in connections:
            select.select([], [connection], [], 10)
            connection.settimeout(10)
            connection.sendall(b"x")
        answered = sum(connection.recv(1) == b"x" for connection in connections)
        for connection in connections:
            connection.close()
        return answered

    assert await environment.run(talk) == 400


async def test_connections_beyond_the_limit_are_refused_and_room_is_made_by_closing(
    make_environment: MakeEnvironment, serve: Serve
) -> None:
    port = await serve(echo)
    environment = make_environment(limits=BridgeLimits(connections=3))
    address = ("127.0.0.1", port)

    def fill() -> list[socket.socket]:
        return [socket.create_connection(address, timeout=10) for _ in range(3)]

    connections = await environment.run(fill)
    with pytest.raises(ConnectionRefusedError):
        await environment.run(lambda: ask(address))
    connections.pop().close()

    def until_there_is_room() -> bytes:
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                return ask(address)

    assert await environment.run(until_there_is_room) == b"hello"
    for connection in connections:
        connection.close()


async def test_the_budget_of_all_environments_is_one(make_environment: MakeEnvironment, serve: Serve) -> None:
    port = await serve(echo)
    environment = make_environment(limits=BridgeLimits(descriptors=2))
    address = ("127.0.0.1", port)
    first = await environment.run(lambda: socket.create_connection(address, timeout=10))
    assert environment.bridge.descriptors_left == 0
    with pytest.raises(ConnectionRefusedError):
        await environment.run(lambda: ask(address))
    first.close()


async def test_closing_the_attachment_resets_open_connections(make_environment: MakeEnvironment, serve: Serve) -> None:
    port = await serve(echo)
    environment = make_environment()
    connection: socket.socket = await environment.run(lambda: socket.create_connection(("127.0.0.1", port), timeout=10))

    def talk() -> bytes:
        connection.sendall(b"x")
        return connection.recv(1)

    assert await environment.run(talk) == b"x"
    environment.attachment.close()
    environment.attachment.close()
    with pytest.raises(ConnectionResetError):
        await environment.run(lambda: connection.recv(1))
    connection.close()


async def test_a_function_may_listen_on_a_port_to_which_it_has_a_connection(
    make_environment: MakeEnvironment, serve: Serve
) -> None:
    """Servers set SO_REUSEADDR, the bridge's sockets have it too."""
    port = await serve(echo)
    environment = make_environment()

    def talk() -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, socket.socket() as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            own.bind(("127.0.0.1", port))
            own.listen()
            connection.sendall(b"still there")
            return connection.recv(100)

    assert await environment.run(talk) == b"still there"


async def test_without_the_hosts_loopback_its_servers_are_refused(
    make_environment: MakeEnvironment, serve: Serve
) -> None:
    port = await serve(echo)
    environment = make_environment(NetworkMode.EGRESS)
    with pytest.raises(ConnectionRefusedError):
        await environment.run(lambda: ask(("127.0.0.1", port)))


async def test_an_isolated_environment_has_nothing_but_its_own_loopback(
    make_environment: MakeEnvironment, serve: Serve
) -> None:
    port = await serve(echo)
    environment = make_environment(NetworkMode.ISOLATED)
    with pytest.raises(ConnectionRefusedError):
        await environment.run(lambda: ask(("127.0.0.1", port)))
    with pytest.raises(OSError, match="unreachable"):
        await environment.run(lambda: ask(("192.0.2.1", 80)))


async def test_two_environments_dont_reach_each_other(make_environment: MakeEnvironment) -> None:
    """Both see the same host; what one listens to is the other's nothing."""
    one, other = make_environment(), make_environment()
    with listen_inside(one.namespace, "0.0.0.0", 0) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "169.254.76.1"):
            with pytest.raises(ConnectionRefusedError):
                await other.run(lambda host=host: ask((host, port)))


async def test_the_hosts_interfaces_and_routes_are_as_before(make_environment: MakeEnvironment, serve: Serve) -> None:
    """Nothing is made on the host, so that nothing can be left on it, however the server ends."""

    def of_the_host() -> list[object]:
        interfaces = [line.split(":")[0] for line in Path("/proc/net/dev").read_text().splitlines()]
        routes = [line.split() for line in Path("/proc/net/ipv6_route").read_text().splitlines()]
        without_use_counts = [(*route[:5], route[-1]) for route in routes]
        return [interfaces, Path("/proc/net/fib_trie").read_text(), without_use_counts]

    before = of_the_host()
    port = await serve(echo)
    environment = make_environment()
    assert await environment.run(lambda: ask(("127.0.0.1", port))) == b"hello"
    assert of_the_host() == before


async def test_the_thread_comes_back_when_the_work_inside_fails(make_namespace: Callable[[NetworkMode], int]) -> None:
    current = Path("/proc/thread-self/ns/net")
    home = current.stat().st_ino
    namespace = make_namespace(NetworkMode.ISOLATED)
    inside = []

    def fail() -> None:
        with entered(namespace):
            inside.append(current.stat().st_ino)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert inside != [home]
    assert current.stat().st_ino == home
