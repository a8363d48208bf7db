"""Loops by way of a queue. Source: invocation.md §4; of batches of several messages unverified."""

from lambent.core.mappings.queues.batches import Batch, Received
from lambent.core.mappings.queues.lineages import carried_on, part
from lambent.core.mappings.queues.messages import Message
from lambent.core.recursion import Lineage

ME, OTHER = "aaaaaaaa", "bbbbbbbb"
ROOT = "1-5c14b5b9-0123456789abcdef01234567"


def message(name: str, lineage: str = "", group: str = "") -> Received:
    attributes = {"AWSTraceHeader": f"Root={ROOT};Lineage={lineage}"} if lineage else {}
    if group:
        attributes["MessageGroupId"] = group
    return Received(Message(name, name, "", system_attributes=attributes), b"{}", 30.0)


def names(batch: Batch) -> list[str]:
    return [one.message.id for one in batch]


def test_messages_that_came_round_too_often_are_apart() -> None:
    batch = [
        message("new"),
        message("last", f"16:{ME}:15"),
        message("early", f"3:{ME}:2"),
        message("other", f"16:{OTHER}:15"),
    ]
    going_on, at_end = part(batch, resource=ME, allows_loops=False)
    assert names(going_on) == ["new", "early", "other"]
    assert names(at_end) == ["last"]


def test_a_function_that_allows_loops_is_never_stopped() -> None:
    batch = [message("last", f"16:{ME}:15")]
    assert names(part(batch, resource=ME, allows_loops=True).going_on) == ["last"]


def test_what_is_behind_a_stopped_message_in_its_group_stays_behind() -> None:
    batch = [message("a1", "", "a"), message("a2", f"16:{ME}:15", "a"), message("a3", "", "a"), message("b1", "", "b")]
    going_on, at_end = part(batch, resource=ME, allows_loops=False)
    assert names(going_on) == ["a1", "b1"]
    assert names(at_end) == ["a2", "a3"]


def test_the_lineage_that_is_nearest_to_its_end_goes_on() -> None:
    batch = [message("1", f"3:{ME}:2"), message("2", f"9:{ME}:8"), message("3", f"40:{OTHER}:1"), message("4")]
    assert carried_on(batch, resource=ME) == Lineage(9, ME, 8)
    tie = [message("1", f"30:{OTHER}:2"), message("2", f"3:{ME}:2")]
    assert carried_on(tie, resource=ME) == Lineage(3, ME, 2)


def test_messages_without_one_begin_a_chain() -> None:
    assert carried_on([message("1"), message("2", "bd4cecd5:3|68fd508a:5")], resource=ME) is None
