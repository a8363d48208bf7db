"""Message groups keep their order. Source: event-sources.md §2 (FIFO)."""

import random

from hypothesis import given
from hypothesis import strategies as st

from lambent.core.mappings.queues.batches import Batch, Received
from lambent.core.mappings.queues.groups import Waiting
from lambent.core.mappings.queues.messages import Message


def batch(*names: str) -> Batch:
    """Messages, named for their group and their place in it."""
    return [
        Received(
            Message(name, name, "", system_attributes={"MessageGroupId": name[0]}),
            b"{}",
            30.0,
        )
        for name in names
    ]


def names(taken: Batch | None) -> list[str] | None:
    return None if taken is None else [one.message.id for one in taken]


def test_a_group_has_one_batch_under_way() -> None:
    waiting = Waiting(keeps_order=True)
    for one in (batch("a1", "b1"), batch("b2"), batch("c1"), batch("a2")):
        waiting.add(one)
    first = waiting.next()
    assert first is not None
    assert names(first) == ["a1", "b1"]
    assert names(waiting.next()) == ["c1"]
    assert waiting.next() is None
    waiting.ended(first)
    assert names(waiting.next()) == ["b2"]
    assert names(waiting.next()) == ["a2"]
    assert len(waiting) == 0


def test_what_comes_after_a_failure_in_its_group_is_left() -> None:
    waiting = Waiting(keeps_order=True)
    for one in (batch("a1", "b1"), batch("a2", "b2"), batch("a3")):
        waiting.add(one)
    first = waiting.next()
    assert first is not None
    dropped = waiting.ended(first, left=[one.message for one in first if one.message.group == "a"])
    assert [one.message.id for one in dropped] == ["a2", "a3"]
    assert names(waiting.next()) == ["b2"]
    assert len(waiting) == 0


def test_groups_of_standard_queues_say_nothing_of_order() -> None:
    waiting = Waiting(keeps_order=False)
    for one in (batch("a1"), batch("a2"), batch("a3")):
        waiting.add(one)
    first = waiting.next()
    assert first is not None
    assert names(waiting.next()) == ["a2"]
    waiting.ended(first, left=[one.message for one in first])
    assert names(waiting.next()) == ["a3"]


def groups_of(one: Batch) -> frozenset[str]:
    return frozenset(received.message.group for received in one)


def test_what_waits_can_be_taken_back() -> None:
    waiting = Waiting(keeps_order=True)
    waiting.add(batch("a1"))
    assert [names(one) for one in waiting.clear()] == [["a1"]]
    assert waiting.next() is None


@given(st.integers(0, 2**32))
def test_no_message_overtakes_another_of_its_group(seed: int) -> None:
    """Whatever is received together, in whatever order batches end, and whichever of them fail."""
    draw = random.Random(seed)
    messages = [f"{draw.choice('abc')}{number:02}" for number in range(24)]
    waiting = Waiting(keeps_order=True)
    running: list[Batch] = []
    done: dict[str, list[str]] = {"a": [], "b": [], "c": []}
    while messages or running or len(waiting):
        action = draw.choice(["receive", "next", "end"])
        if action == "receive" and messages:
            size = draw.randint(1, 5)
            waiting.add(batch(*messages[:size]))
            messages = messages[size:]
        elif action == "next":
            taken = waiting.next()
            if taken is not None:
                assert all(groups_of(taken).isdisjoint(groups_of(other)) for other in running)
                running.append(taken)
        elif action == "end" and running:
            ended = running.pop(draw.randrange(len(running)))
            left = {group for group in groups_of(ended) if draw.random() < 0.3}
            for name in names(ended) or ():
                if name[0] not in left:
                    done[name[0]].append(name)
            waiting.ended(ended, left=[one.message for one in ended if one.message.group in left])
    assert all(order == sorted(order) for order in done.values())
