"""How much a queue asks of its function at a time. Source: event-sources.md §2; quotas.md."""

import json

import pytest

from tests.invoke.logs import wait_for
from tests.sources.callee import Call
from tests.sources.world import FUNCTION, World

pytestmark = pytest.mark.root


def test_a_throttled_batch_is_tried_again_while_its_messages_are_hidden(world: World) -> None:
    queue = world.queue()
    world.function()
    world.functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    world.mapping(queue)
    queue.send("a")
    queue.wait_for_counts(0, 1)
    world.functions.delete_function_concurrency(FunctionName=FUNCTION)
    call = world.callee.next().answer()
    assert call.records[0]["attributes"]["ApproximateReceiveCount"] == "1"
    queue.wait_until_empty()


def test_what_is_throttled_for_too_long_is_left(world: World) -> None:
    letters = world.queue("letters")
    redrive = json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 1})
    queue = world.queue(VisibilityTimeout=1, RedrivePolicy=redrive)
    world.function(Timeout=1)
    world.functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    world.mapping(queue)
    queue.send("a")
    assert wait_for(letters.received) == ["a"]
    assert "ReservedFunctionConcurrentInvocationLimitExceeded" in world.server.said()


def test_one_at_a_time_gets_all_of_it_done(world: World) -> None:
    queue = world.queue(VisibilityTimeout=600)
    world.function()
    world.functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=1)
    world.mapping(queue, BatchSize=1)
    bodies = [str(number) for number in range(8)]
    queue.send_many(*bodies)
    assert sorted(world.callee.bodies(8)) == bodies
    assert world.callee.most_at_once == 1
    queue.wait_until_empty()


def test_five_batches_at_a_time_at_first(world: World) -> None:
    queue = world.queue(VisibilityTimeout=300)
    world.function(Timeout=300)
    queue.send_many(*map(str, range(30)))
    world.mapping(queue, BatchSize=1)
    held = [world.callee.next() for _ in range(5)]
    more = world.callee.next()  # the limit grows by five a second
    for call in (*held, more):
        call.answer()
    world.callee.bodies(24)
    queue.wait_until_empty()


def test_maximum_concurrency_is_never_exceeded_and_no_more_is_received(world: World) -> None:
    queue = world.queue()
    world.function()
    queue.send_many(*map(str, range(40)))
    world.mapping(queue, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    held: list[Call] = [world.callee.next(), world.callee.next()]
    assert queue.counts == (38, 2)  # what can't be with the function yet stays for others, and isn't counted
    done = 0
    while done < 40:
        if not held:
            held.append(world.callee.next())
        held.pop().answer()
        done += 1
    assert world.callee.most_at_once == 2
    queue.wait_until_empty()


def test_maximum_concurrency_holds_for_groups_too(world: World) -> None:
    queue = world.queue("q.fifo")
    world.function()
    for group in "abcdef":
        queue.send(f"{group}1", f"{group}2", group=group)
    world.mapping(queue, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    held = [world.callee.next(), world.callee.next()]
    found: list[str] = []
    while len(found) < 12:
        if not held:
            held.append(world.callee.next())
        found += held.pop(0).answer().bodies
    assert world.callee.most_at_once == 2
    assert all(found.index(f"{group}1") < found.index(f"{group}2") for group in "abcdef")
    queue.wait_until_empty()


def test_provisioned_pollers_begin_with_ten_batches_each(world: World) -> None:
    queue = world.queue()
    world.function(MemorySize=128)
    queue.send_many(*map(str, range(20)))
    world.mapping(queue, BatchSize=1, ProvisionedPollerConfig={"MinimumPollers": 2, "MaximumPollers": 2})
    held = [world.callee.next() for _ in range(20)]
    assert world.callee.most_at_once == 20
    for call in held:
        call.answer()
    queue.wait_until_empty()
