"""Mappings, functions and queues come and go while messages flow. Source: api-event-source-mappings.md §1, §5."""

import pytest

from tests.invoke.logs import wait_for
from tests.sources.world import FUNCTION, World

pytestmark = pytest.mark.root


def test_a_disabled_mapping_receives_nothing_until_it_is_enabled(world: World) -> None:
    queue = world.queue()
    world.function()
    mapping = world.mapping(queue, Enabled=False)
    queue.send("a")
    assert queue.counts == (1, 0)
    world.update(mapping, Enabled=True)
    assert world.callee.bodies(1) == ["a"]
    queue.wait_until_empty()
    world.update(mapping, Enabled=False)
    queue.send("b")
    world.update(mapping, Enabled=True)
    assert world.callee.bodies(1) == ["b"]
    queue.wait_until_empty()


def test_what_is_under_way_is_finished_when_a_mapping_is_disabled(world: World) -> None:
    queue = world.queue()
    world.function()
    mapping = world.mapping(queue, BatchSize=1)
    queue.send("a")
    call = world.callee.next()
    world.update(mapping, Enabled=False)
    call.answer()
    queue.wait_until_empty()


def test_what_is_under_way_is_finished_when_a_mapping_is_deleted(world: World) -> None:
    queue = world.queue()
    world.function()
    mapping = world.mapping(queue, BatchSize=1, FunctionResponseTypes=["ReportBatchItemFailures"])
    queue.send("a", "b")
    calls = {call.bodies[0]: call for call in (world.callee.next(), world.callee.next())}
    world.delete(mapping)
    calls["a"].answer()
    calls["b"].report("b")
    queue.wait_for_counts(0, 1)


def test_what_comes_after_the_end_of_a_mapping_is_for_others(world: World) -> None:
    """A long poll may be under way still: what it gets, it gives back."""
    queue = world.queue()
    world.function()
    world.delete(world.mapping(queue))
    queue.send("a")
    assert queue.received() == ["a"]
    assert world.callee.calls.empty()


def test_a_mapping_that_is_made_anew_gets_messages_at_their_first_receive(world: World) -> None:
    queue = world.queue()
    world.function()
    world.delete(world.mapping(queue))
    world.mapping(queue)
    queue.send("a")
    [record] = world.callee.next().answer().records
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    queue.wait_until_empty()


def test_settings_are_in_force_from_the_update_on(world: World) -> None:
    queue = world.queue()
    world.function()
    world.function("other")
    mapping = world.mapping(queue, BatchSize=1)
    queue.send("a")
    first = world.callee.next()
    world.update(mapping, FilterCriteria={"Filters": [{"Pattern": '{"body": ["b"]}'}]}, FunctionName="other")
    queue.send_many("c", "b")
    second = world.callee.next()
    assert (first.bodies, second.bodies) == (["a"], ["b"])
    assert second.told["arn"].endswith(":function:other")
    first.answer()
    second.answer()
    queue.wait_until_empty()


def test_nothing_is_lost_while_a_mapping_is_switched_off_and_on(world: World) -> None:
    queue = world.queue()
    world.function()
    mapping = world.mapping(queue, BatchSize=3)
    bodies = [str(number) for number in range(40)]
    found: list[str] = []
    for at in range(0, 40, 10):
        queue.send_many(*bodies[at : at + 10])
        found += world.callee.next().answer().bodies
        world.update(mapping, Enabled=False)
        world.update(mapping, Enabled=True)
    while len(set(found)) < 40:
        found += world.callee.next().answer().bodies
    assert sorted(found, key=int) == bodies
    queue.wait_until_empty()


def test_nothing_is_received_for_a_function_that_has_gone(world: World) -> None:
    """So that messages don't end in a dead-letter queue for it."""
    queue = world.queue()
    world.function()
    world.mapping(queue)
    queue.send("a")
    world.callee.next().answer()
    queue.wait_until_empty()
    world.functions.delete_function(FunctionName=FUNCTION)
    said = "An event source mapping gets no messages: the function can't be invoked"
    before = world.server.said().count(said)
    wait_for(lambda: world.server.said().count(said) > before, seconds=60)
    queue.send("b")
    assert queue.counts == (1, 0)
    world.function()
    [record] = world.callee.next().answer().records
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    queue.wait_until_empty()


def test_a_function_of_tenants_gets_no_messages(world: World) -> None:
    """No message says which tenant it is of."""
    queue = world.queue()
    said = "An event source mapping gets no messages: the function can't be invoked"
    before = world.server.said().count(said)
    world.function(TenancyConfig={"TenantIsolationMode": "PER_TENANT"})
    world.mapping(queue)
    wait_for(lambda: world.server.said().count(said) > before, seconds=60)
    queue.send("a")
    assert queue.counts == (1, 0)


def test_a_queue_that_is_made_anew_is_read_again(world: World) -> None:
    queue = world.queue()
    world.function()
    world.mapping(queue)
    queue.send("a")
    world.callee.next().answer()
    queue.wait_until_empty()
    queue.sqs.delete_queue(QueueUrl=queue.url)
    said = "An event source mapping gets no messages: the queue isn't there"
    before = world.server.said().count(said)
    wait_for(lambda: world.server.said().count(said) > before, seconds=60)
    again = world.queue()
    again.send("b")
    assert world.callee.bodies(1) == ["b"]
    again.wait_until_empty()
    assert world.server.said().count(said) == before + 1


def test_counters_of_a_mapping_that_asks_for_them(world: World) -> None:
    import urllib.request  # noqa: PLC0415

    queue = world.queue()
    world.function()
    mapping = world.mapping(
        queue,
        BatchSize=1,
        MetricsConfig={"Metrics": ["EventCount"]},
        FilterCriteria={"Filters": [{"Pattern": '{"body": [{"anything-but": "unwanted"}]}'}]},
    )
    queue.send_many("a", "b", "unwanted")
    calls = {call.bodies[0]: call for call in (world.callee.next(), world.callee.next())}
    calls["a"].answer()
    calls["b"].fail()

    def counters() -> dict[str, int]:
        with urllib.request.urlopen(f"{world.server.url}/_lambent/metrics") as answer:
            lines = [
                line for line in answer.read().decode().splitlines() if f'event_source_mapping="{mapping}"' in line
            ]
        return {line.partition("{")[0]: int(line.rpartition(" ")[2]) for line in lines}

    prefix = "lambent_event_source_"
    expected = {"polled": 3, "filtered_out": 1, "invoked": 2, "failed_invoke": 1, "dropped": 0, "deleted": 1}
    wait_for(lambda: counters() == {f"{prefix}{name}_events_total": value for name, value in expected.items()})
