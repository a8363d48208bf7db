"""UDP and DNS from inside an environment."""

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from lambent.sandbox.network.dns import HostResolvers
from lambent.sandbox.network.limits import BridgeLimits
from lambent.sandbox.network.plan import DNS_ADDRESS, NetworkMode

pytestmark = pytest.mark.root

MakeEnvironment = Callable[..., Any]
StartUpper = Callable[..., Awaitable["Upper"]]
Serve = Callable[..., Awaitable[int]]
QUERY = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x04test\x00\x00\x01\x00\x01"
SERVER = (str(DNS_ADDRESS), 53)


class Upper(asyncio.DatagramProtocol):
    """Answers every datagram in capitals; a DNS query with its own header, marked as a response."""

    def __init__(self) -> None:
        self.clients: list[tuple[str, int]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No isinstance: asyncio's own class isn't a subclass of asyncio.DatagramTransport.
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.clients.append(addr[:2])
        self.transport.sendto(data[:2] + data[2:].upper(), addr)


@pytest.fixture
async def upper() -> AsyncIterator[StartUpper]:
    made: list[asyncio.DatagramTransport] = []

    async def start(host: str = "127.0.0.1") -> Upper:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Upper, local_addr=(host, 0))
        made.append(transport)
        return protocol

    yield start
    for transport in made:
        transport.close()


def exchange(address: tuple[str, int], messages: list[bytes], timeout: float = 10) -> list[bytes]:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect(address)  # so that only answers from there are taken
        answers = []
        for message in messages:
            client.send(message)
            answers.append(client.recv(65535))
        return answers


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_datagrams_reach_the_hosts_loopback_and_their_answers_come_back(
    make_environment: MakeEnvironment, upper: StartUpper, host: str
) -> None:
    server = await upper(host)
    environment = make_environment()
    answers = await environment.run(lambda: exchange((host, server.port), [b"one", b"two", b"x" * 20000]))
    assert answers == [b"onE", b"twO", b"xx" + b"X" * 19998]
    assert len(set(server.clients)) == 1, "one flow, one source on the host"


async def test_an_unconnected_client_sees_the_destinations_address(
    make_environment: MakeEnvironment, upper: StartUpper
) -> None:
    server = await upper()
    environment = make_environment()

    def talk() -> tuple[bytes, tuple[str, int]]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.sendto(b"one", ("127.0.0.1", server.port))
            return client.recvfrom(100)

    assert await environment.run(talk) == (b"onE", ("127.0.0.1", server.port))


async def test_what_the_function_has_bound_itself_wins(make_environment: MakeEnvironment, upper: StartUpper) -> None:
    server = await upper()
    environment = make_environment()

    def talk() -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.bind(("0.0.0.0", server.port))
            own.settimeout(10)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"mine", ("127.0.0.1", server.port))
            return own.recv(100)

    assert await environment.run(talk) == b"mine"
    assert server.clients == []


async def test_the_flow_used_longest_ago_makes_room(make_environment: MakeEnvironment, upper: StartUpper) -> None:
    server = await upper()
    environment = make_environment(limits=BridgeLimits(datagram_flows=2))
    before = environment.bridge.descriptors_left
    for _ in range(5):
        assert await environment.run(lambda: exchange(("127.0.0.1", server.port), [b"one"])) == [b"onE"]
    assert before - environment.bridge.descriptors_left == 4


async def test_an_idle_flow_ends(make_environment: MakeEnvironment, upper: StartUpper) -> None:
    server = await upper()
    environment = make_environment(limits=BridgeLimits(datagram_idle_seconds=0.05))
    before = environment.bridge.descriptors_left
    await environment.run(lambda: exchange(("127.0.0.1", server.port), [b"one"]))
    async with asyncio.timeout(10):
        while environment.bridge.descriptors_left != before:
            await asyncio.sleep(0.01)


async def test_a_query_is_answered_by_the_hosts_resolver(make_environment: MakeEnvironment, upper: StartUpper) -> None:
    resolver = await upper()
    environment = make_environment(NetworkMode.EGRESS, resolvers=[("127.0.0.1", resolver.port)])
    first = b"\x12\x34" + QUERY[2:].upper()
    assert await environment.run(lambda: exchange(SERVER, [QUERY] * 3)) == [first] * 3
    assert await environment.run(lambda: exchange(SERVER, [b"\x56\x78" + QUERY[2:]])) == [b"\x56\x78" + first[2:]]


async def test_the_next_resolver_is_asked_when_the_first_is_not_there(
    make_environment: MakeEnvironment, upper: StartUpper
) -> None:
    resolver = await upper()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    environment = make_environment(resolvers=[("127.0.0.1", port), ("127.0.0.1", resolver.port)])
    assert await environment.run(lambda: exchange(SERVER, [QUERY])) == [QUERY[:2] + QUERY[2:].upper()]


async def test_the_next_resolver_is_asked_when_the_first_is_silent(
    make_environment: MakeEnvironment, upper: StartUpper
) -> None:
    resolver = await upper()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        environment = make_environment(
            resolvers=[silent.getsockname(), ("127.0.0.1", resolver.port)],
            limits=BridgeLimits(dns_try_seconds=0.05),
        )
        assert await environment.run(lambda: exchange(SERVER, [QUERY])) == [QUERY[:2] + QUERY[2:].upper()]


async def test_without_a_resolver_the_answer_is_server_failure_at_once(make_environment: MakeEnvironment) -> None:
    environment = make_environment()
    (answer,) = await environment.run(lambda: exchange(SERVER, [QUERY]))
    flags = struct.unpack_from(">H", answer, 2)[0]
    assert answer[:2] == QUERY[:2]
    assert flags & 0x8000, "a response"
    assert flags & 0xF == 2, "SERVFAIL"


async def test_large_answers_are_had_by_tcp(make_environment: MakeEnvironment, serve: Serve) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack(">H", await reader.readexactly(2))
        query = await reader.readexactly(length)
        writer.write(struct.pack(">H", 60000) + query + bytes(60000 - length))
        writer.close()

    port = await serve(answer)
    environment = make_environment(NetworkMode.EGRESS, resolvers=[("127.0.0.1", port)])

    def talk() -> bytes:
        with socket.create_connection(SERVER, timeout=10) as connection:
            connection.sendall(struct.pack(">H", len(QUERY)) + QUERY)
            return connection.makefile("rb").read()

    reply = await environment.run(talk)
    assert reply == struct.pack(">H", 60000) + QUERY + bytes(60000 - len(QUERY))


async def test_concurrent_queries_get_their_own_answers(make_environment: MakeEnvironment, upper: StartUpper) -> None:
    resolver = await upper()
    environment = make_environment(resolvers=[("127.0.0.1", resolver.port)])
    answers: dict[int, list[bytes]] = {}

    def one(number: int) -> None:
        answers[number] = exchange(SERVER, [struct.pack(">H", number) + QUERY[2:]] * 5)

    def talk() -> None:
        threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    await environment.run(talk)
    assert answers == {number: [struct.pack(">H", number) + QUERY[2:].upper()] * 5 for number in range(20)}


def test_the_hosts_resolvers_are_read_again_when_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    resolvers = HostResolvers(file)
    assert list(resolvers()) == [("127.0.0.1", 53)], "no file: this host, says resolv.conf(5)"
    file.write_text("# a comment\nsearch example.test\nnameserver 192.0.2.1\nnameserver fe80::1%lo\n")
    assert list(resolvers()) == [("192.0.2.1", 53), ("fe80::1%lo", 53)]
    file.write_text("nameserver 192.0.2.9\noptions edns0\n")
    assert list(resolvers()) == [("192.0.2.9", 53)]
