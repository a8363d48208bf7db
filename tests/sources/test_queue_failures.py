"""What becomes of messages whose function fails. Source: event-sources.md §2."""

import json
from typing import Any

import pytest

from tests.invoke.logs import wait_for
from tests.sources.world import QueueOfTest, World

pytestmark = pytest.mark.root

REPORTS: dict[str, Any] = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


def counts(records: list[dict[str, Any]]) -> list[str]:
    return [record["attributes"]["ApproximateReceiveCount"] for record in records]


def test_a_batch_whose_function_raises_stays_in_the_queue(world: World) -> None:
    queue = world.queue()
    world.function()
    queue.send_many("a", "b")
    world.mapping(queue)
    first = world.callee.next().fail()
    assert sorted(first.bodies) == ["a", "b"]
    wait_for(lambda: "will come again: the function failed: RuntimeError: on purpose" in world.server.said())
    assert queue.counts == (0, 2)  # hidden for as long as the queue says, and not for less
    queue.show_again(*first.records)
    records: list[dict[str, Any]] = []
    while len(records) < 2:
        records += world.callee.next().answer().records
    assert set(counts(records)) == {"2"}
    queue.wait_until_empty()


def test_the_queues_redrive_policy_ends_it(world: World) -> None:
    letters = world.queue("letters")
    queue = world.queue(RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 2}))
    world.function()
    world.mapping(queue)
    queue.send("poison")
    for count in ("1", "2"):
        call = world.callee.next()
        assert counts(call.records) == [count]
        call.fail()
        queue.show_again(*call.records)
    assert letters.received() == ["poison"]
    queue.wait_until_empty()


def test_only_the_messages_that_were_reported_come_again(world: World) -> None:
    queue = world.queue()
    world.function()
    queue.send_many("a", "b", "c")
    world.mapping(queue, **REPORTS)
    call = world.callee.next()
    assert sorted(call.bodies) == ["a", "b", "c"]
    call.report("b")
    queue.wait_for_counts(0, 1)
    queue.show_again(*[record for record in call.records if record["body"] == "b"])
    again = world.callee.next()
    assert again.bodies == ["b"]
    assert counts(again.records) == ["2"]
    again.report()
    queue.wait_until_empty()


@pytest.mark.parametrize("answer", [{"foo": 1}, {"batchItemFailures": [{"itemIdentifier": "unknown"}]}, "ok"])
def test_an_answer_of_another_form_fails_the_whole_batch(world: World, answer: object) -> None:
    queue = world.queue()
    world.function()
    queue.send_many("a", "b")
    mapping = world.mapping(queue, **REPORTS)
    said = world.server.said().count("will come again: ")
    world.callee.next().answer(answer)
    wait_for(lambda: world.server.said().count("will come again: ") > said)
    assert queue.counts == (0, 2)
    world.delete(mapping)


def test_without_the_response_type_an_answer_means_nothing(world: World) -> None:
    queue = world.queue()
    world.function()
    queue.send("a")
    world.mapping(queue)
    world.callee.next().report("a")
    queue.wait_until_empty()


# --- FIFO ---


def fifo(world: World, **settings: Any) -> QueueOfTest:
    queue = world.queue("q.fifo")
    world.function()
    return queue


def test_a_group_has_one_batch_under_way_and_keeps_its_order(world: World) -> None:
    queue = fifo(world)
    world.mapping(queue, BatchSize=2)
    queue.send("a1", group="a")
    first = world.callee.next()
    queue.send("a2", "a3", "a4", group="a")
    queue.send("b1", group="b")
    other = world.callee.next().answer()  # another group isn't kept waiting
    assert (first.bodies, other.bodies) == (["a1"], ["b1"])
    found: list[str] = []
    call = first
    while True:
        call.answer()
        found += call.bodies
        if len(found) == 4:
            break
        call = world.callee.next()
    assert found == ["a1", "a2", "a3", "a4"]
    queue.wait_until_empty()


def test_a_failed_batch_is_tried_again_before_what_is_behind_it(world: World) -> None:
    queue = fifo(world)
    world.mapping(queue, BatchSize=1)
    queue.send("a1", "a2", group="a")
    first = world.callee.next().fail()
    assert first.bodies == ["a1"]
    queue.send("b1", group="b")
    assert world.callee.next().answer().bodies == ["b1"]  # and nothing of group a before it
    queue.show_again(*first.records)
    assert world.callee.bodies(2) == ["a1", "a2"]
    queue.wait_until_empty()


def test_a_group_goes_on_at_the_message_that_failed(world: World) -> None:
    """A function stops at the first failure, and reports it and what is behind it."""
    queue = fifo(world)
    queue.send("a1", "a2", "a3", group="a")
    world.mapping(queue, **REPORTS)
    call = world.callee.next()
    assert call.bodies == ["a1", "a2", "a3"]
    call.report("a2", "a3")
    queue.wait_for_counts(0, 2)
    queue.show_again(*call.records[1:])
    assert world.callee.bodies(2) == ["a2", "a3"]
    queue.wait_until_empty()
