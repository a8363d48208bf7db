"""Real network namespaces for the tests, and what must hold after each of them."""

import asyncio
import contextlib
import importlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvloop

from lambent.sandbox.network.bridge import Attachment, Bridge
from lambent.sandbox.network.inside import entered
from lambent.sandbox.network.limits import BridgeLimits
from lambent.sandbox.network.packets import Endpoint
from lambent.sandbox.network.plan import NetworkMode, NetworkStep, network_steps

CLIENT = Path(__file__).parents[3] / "src/lambent/runtimes/python/client"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "root" in item.keywords and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The server runs on uvloop; what works on both depends on neither's accidents."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class RuntimeClient:
    """The modules that run inside sandboxes, where nothing of Lambent's can be imported, and as untyped."""

    def __init__(self) -> None:
        sys.path.insert(0, str(CLIENT))
        try:
            self.linux: Any = importlib.import_module("lambent_runtime.linux")
            self.netns: Any = importlib.import_module("lambent_runtime.netns")
        finally:
            sys.path.remove(str(CLIENT))

    def new_namespace(self, steps: Sequence[NetworkStep]) -> int:
        """Make a namespace by steps, in a thread that ends there; answers its descriptor."""

        def make() -> int:
            self.linux.unshare(self.linux.CLONE_NEWNET)
            self.netns.apply(steps)
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

        namespace: int = in_thread(make)
        return namespace


def in_thread(work: Callable[[], Any]) -> Any:
    """What a function answers, or raises, in a thread of its own."""
    results: list[Any] = []
    failures: list[BaseException] = []

    def target() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


@pytest.fixture(scope="session")
def client() -> RuntimeClient:
    return RuntimeClient()


@pytest.fixture
def make_namespace(client: RuntimeClient) -> Iterator[Callable[[NetworkMode], int]]:
    with contextlib.ExitStack() as stack:

        def make(mode: NetworkMode) -> int:
            namespace = client.new_namespace(network_steps(mode))
            stack.callback(os.close, namespace)
            return namespace

        yield make


class Environment:
    """A namespace with its attachment; `run` carries out a blocking function inside."""

    def __init__(self, namespace: int, bridge: Bridge, attachment: Attachment) -> None:
        self.namespace = namespace
        self.bridge = bridge
        self.attachment = attachment

    async def run(self, function: Callable[[], Any]) -> Any:
        def work() -> Any:
            with entered(self.namespace):
                return function()

        return await asyncio.wait_for(asyncio.to_thread(work), 30)


@pytest.fixture
async def make_environment(
    make_namespace: Callable[[NetworkMode], int],
) -> AsyncIterator[Callable[..., Environment]]:
    """Environments that are closed at the end; then neither a descriptor nor a part of the budget may be missing."""
    # What the loop makes once for itself exists from here on: threads, and libuv's spare descriptor for servers.
    await asyncio.to_thread(lambda: None)
    (await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)).close()
    loop = asyncio.get_running_loop()
    made: list[Environment] = []
    budgets: list[int] = []
    open_before = _open_descriptors()

    def make(
        mode: NetworkMode = NetworkMode.EGRESS_AND_HOST_LOOPBACK,
        *,
        resolvers: Sequence[Endpoint] = (),
        limits: BridgeLimits | None = None,
    ) -> Environment:
        bridge = Bridge(loop, mode, lambda: resolvers, limits)
        budgets.append(bridge.descriptors_left)
        namespace = make_namespace(mode)
        made.append(Environment(namespace, bridge, bridge.attach(namespace)))
        return made[-1]

    yield make
    for environment in made:
        environment.attachment.close()
    assert [environment.bridge.descriptors_left for environment in made] == budgets
    kept = open_before | {environment.namespace for environment in made}
    with contextlib.suppress(TimeoutError):  # the test's own servers need a few turns of the loop
        async with asyncio.timeout(5):
            while not _open_descriptors() <= kept:
                await asyncio.sleep(0.01)
    assert _open_descriptors() - kept == set()


def _open_descriptors() -> set[int]:
    # The descriptor that lists the folder is gone again when it is looked for.
    return {int(entry.name) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """Start asyncio servers on the host's loopback; answers the port. Their connections end with the test."""
    writers: list[asyncio.StreamWriter] = []
    servers: list[asyncio.Server] = []

    async def start(
        handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        host: str = "127.0.0.1",
    ) -> int:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            with contextlib.suppress(ConnectionError):
                await handler(reader, writer)
            writer.close()

        servers.append(await asyncio.start_server(handle, host, 0, backlog=1024))
        port: int = servers[-1].sockets[0].getsockname()[1]
        return port

    yield start
    for server in servers:
        server.close()
    for writer in writers:
        writer.close()
