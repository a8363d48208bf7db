"""Real network namespaces for the tests, and what must hold after each of them."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from lambent.sandbox.network.bridge import Attachment, Bridge
from lambent.sandbox.network.inside import entered
from lambent.sandbox.network.limits import BridgeLimits
from lambent.sandbox.network.packets import Endpoint
from lambent.sandbox.network.plan import NetworkMode, network_steps

CLIENT = Path(__file__).parents[3] / "src/lambent/runtimes/python/client"

MakeNamespace = Callable[[NetworkMode], int]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "root" in item.keywords and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def apply_in_new_namespace() -> Callable[[Sequence[Sequence[object]]], int]:
    """Give a function that makes a namespace by steps and answers its descriptor."""
    sys.path.insert(0, str(CLIENT))
    try:
        from lambent_runtime import linux, netns  # noqa: PLC0415 - found only now
    finally:
        sys.path.remove(str(CLIENT))

    def make(steps: Sequence[Sequence[object]]) -> int:
        answer: list[int | BaseException] = []

        def work() -> None:
            try:
                linux.unshare(linux.CLONE_NEWNET)
                netns.apply(steps)
                answer.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
            except BaseException as error:  # noqa: BLE001 - raised again below
                answer.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if isinstance(answer[0], BaseException):
            raise answer[0]
        return answer[0]

    return make


@pytest.fixture
def make_namespace(apply_in_new_namespace: Callable[[Sequence[Sequence[object]]], int]) -> Iterator[MakeNamespace]:
    with contextlib.ExitStack() as stack:

        def make(mode: NetworkMode) -> int:
            namespace = apply_in_new_namespace(network_steps(mode))
            stack.callback(os.close, namespace)
            return namespace

        yield make


class Environment:
    """A namespace with its attachment; `run` carries out a blocking function inside."""

    def __init__(self, namespace: int, bridge: Bridge, attachment: Attachment) -> None:
        self.namespace = namespace
        self.bridge = bridge
        self.attachment = attachment

    async def run(self, function: Callable[[], object]) -> object:
        def work() -> object:
            with entered(self.namespace):
                return function()

        return await asyncio.wait_for(asyncio.to_thread(work), 30)


MakeEnvironment = Callable[..., Environment]


@pytest.fixture
async def make_environment(make_namespace: MakeNamespace) -> AsyncIterator[MakeEnvironment]:
    """Environments that are closed at the end; then neither a descriptor nor a part of the budget may be missing."""
    await asyncio.to_thread(lambda: None)  # the pool's threads and the loop's own descriptors exist from here on
    loop = asyncio.get_running_loop()
    made: list[Environment] = []
    budgets: list[tuple[Bridge, int]] = []
    open_before = _open_descriptors()

    def make(
        mode: NetworkMode = NetworkMode.EGRESS_AND_HOST_LOOPBACK,
        *,
        resolvers: Sequence[Endpoint] = (),
        limits: BridgeLimits | None = None,
    ) -> Environment:
        bridge = Bridge(loop, mode, lambda: resolvers, limits)
        budgets.append((bridge, bridge.descriptors_left))
        namespace = make_namespace(mode)
        made.append(Environment(namespace, bridge, bridge.attach(namespace)))
        return made[-1]

    yield make
    for environment in made:
        environment.attachment.close()
    assert [bridge.descriptors_left for bridge, _ in budgets] == [before for _, before in budgets]
    namespaces = {environment.namespace for environment in made}
    assert _open_descriptors() - open_before - namespaces == set()


def _open_descriptors() -> set[int]:
    return {int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")}  # noqa: PTH110,PTH208


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """Start asyncio servers on the host's loopback; answers the port."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
            host: str = "127.0.0.1",
        ) -> int:
            server = await asyncio.start_server(handler, host, 0)
            stack.callback(server.close)
            port: int = server.sockets[0].getsockname()[1]
            return port

        yield start
