"""A server is stopped, or killed, while messages are under way; and time is moved. Each has servers of its own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws_server import aws_server, environment_with_aws
from tests.lambent_server import LambentServer
from tests.sources.callee import Callee
from tests.sources.world import World

pytestmark = [pytest.mark.root, pytest.mark.slow]

ACCOUNT = "123456789012"  # the one that the other AWS has


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with aws_server() as url:
        yield url


@pytest.fixture
def lasting(tmp_path: Path, aws: str, callee: Callee) -> Iterator[World]:
    """A world whose queues outlive the server."""
    server = LambentServer(tmp_path / "data")
    server.environment = environment_with_aws(aws)
    world = World(server.start(), ACCOUNT, callee, queues_at=aws)
    yield world
    if server.running:
        assert server.stop() == 0
    assert server.leftovers() == []
    assert "Traceback" not in server.said()


def test_every_enabled_mapping_is_read_again_after_a_restart(lasting: World) -> None:
    world = lasting
    queue, other = world.queue("restarted"), world.queue("restarted-off")
    world.function()
    world.mapping(queue)
    world.mapping(other, Enabled=False)
    assert world.server.stop() == 0
    queue.send("a")
    other.send("b")
    world.server.start()
    assert world.callee.bodies(1) == ["a"]
    queue.wait_until_empty()
    assert other.counts == (1, 0)
    other.received()


def test_a_server_that_stops_finishes_what_is_under_way(lasting: World) -> None:
    world = lasting
    queue = world.queue("stopped")
    world.function()
    world.mapping(queue, BatchSize=1)
    queue.send("a")
    call = world.callee.next()
    world.server.signal()
    call.answer()
    assert world.server.wait() == 0
    assert queue.counts == (0, 0)


def test_a_server_that_is_killed_loses_nothing(lasting: World) -> None:
    world = lasting
    queue = world.queue("killed", VisibilityTimeout=5)
    world.function(Timeout=5)
    world.mapping(queue, BatchSize=2)
    bodies = [str(number) for number in range(20)]
    queue.send_many(*bodies)
    found: set[str] = set()
    for _ in range(3):
        found.update(world.callee.next().answer().bodies)
        world.callee.next()  # under way when it is killed
        world.server.kill()
        world.server.start()
    while queue.counts != (0, 0):  # some come twice: what had begun when it was killed
        found.update(world.callee.answered(seconds=1))
    assert found == set(bodies)


def test_what_is_finished_at_a_stop_is_deleted_behind_the_same_port(tmp_path: Path, callee: Callee) -> None:
    server = LambentServer(tmp_path / "data").start()
    world = World(server, "000000000000", callee)
    queue = world.queue()
    world.function()
    world.mapping(queue, BatchSize=1)
    queue.send("a")
    call = callee.next()
    server.signal()
    call.answer()
    assert server.wait() == 0
    assert "could not be deleted" not in server.said()
    assert server.leftovers() == []


def test_messages_are_gathered_for_a_window(tmp_path: Path, callee: Callee) -> None:
    """It passes when the clock is moved (DESIGN 3.11)."""
    server = LambentServer(tmp_path / "data").start()
    world = World(server, "000000000000", callee)
    try:
        queue = world.queue(VisibilityTimeout=30)
        world.function()
        world.mapping(queue, BatchSize=15, MaximumBatchingWindowInSeconds=300)
        bodies = [str(number) for number in range(12)]
        queue.send_many(*bodies)
        queue.wait_for_counts(0, 12)
        assert callee.calls.empty()
        advance(server, "5m")
        call = callee.next().answer()
        assert sorted(call.bodies, key=int) == bodies
        queue.wait_until_empty()
        more = [str(number) for number in range(15)]
        queue.send_many(*more)  # BatchSize is reached before the window is over
        assert sorted(callee.next().answer().bodies, key=int) == sorted(more, key=int)
        queue.wait_until_empty()
        queue.send("waits")
        queue.wait_for_counts(0, 1)
        world.clean()
        assert queue.received() == ["waits"]  # what no function has seen is given back
    finally:
        assert server.stop() == 0
    assert server.leftovers() == []
    assert "Traceback" not in server.said()


def advance(server: LambentServer, duration: str) -> None:
    command = [sys.executable, "-m", "lambent", "clock", "advance", duration, "--data-dir", str(server.data_directory)]
    subprocess.run([*command, "--endpoint-url", server.url], check=True, capture_output=True, timeout=60)
