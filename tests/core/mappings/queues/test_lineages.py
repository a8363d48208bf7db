"""Loops by way of a queue. Source: invocation.md §4; of batches of several messages unverified."""

from lambent.core.mappings.queues.batches import Batch, BatchAssembly, Received
from lambent.core.mappings.queues.lineages import carried_on, chain_of, together
from lambent.core.mappings.queues.messages import Message
from lambent.core.recursion import Lineage

ME, OTHER = "aaaaaaaa", "bbbbbbbb"
ROOT = "1-5c14b5b9-0123456789abcdef01234567"


def message(name: str, lineage: str = "") -> Received:
    attributes = {"AWSTraceHeader": f"Root={ROOT};Lineage={lineage}"} if lineage else {}
    made = Message(name, name, "", system_attributes=attributes)
    return Received(made, b"{}", 30.0, chain_of(made, resource=ME))


def names(batch: Batch) -> list[str]:
    return [one.message.id for one in batch]


def test_messages_that_have_come_round_are_in_batches_apart() -> None:
    """By how often; those of other functions that are in no loop are in one."""
    received = [
        message("new"),
        message("15", f"16:{ME}:15"),
        message("0", f"1:{ME}:0"),
        message("sent", f"1:{OTHER}:0"),
        message("0 again", f"1:{ME}:0"),
        message("other 15", f"16:{OTHER}:15"),
        message("15 again", f"31:{ME}:15"),
        message("odd", "bd4cecd5:3|68fd508a:5"),
    ]
    batches = BatchAssembly(size=10, window_ms=0).add(together(received), now_ms=0)
    assert [names(batch) for batch in batches] == [
        ["new", "sent", "odd"],
        ["15", "15 again"],
        ["0", "0 again"],
        ["other 15"],
    ]


def test_where_the_order_matters_a_batch_ends_with_the_next_chain() -> None:
    received = [message("1"), message("2", f"3:{ME}:2"), message("3", f"3:{ME}:2"), message("4")]
    assembly = BatchAssembly(size=10, window_ms=1_000)
    assert [names(batch) for batch in assembly.add(received, now_ms=0)] == [["1"], ["2", "3"]]
    assert names(assembly.take()) == ["4"]


def test_the_longest_lineage_goes_on() -> None:
    batch = [message("1", f"3:{ME}:2"), message("2", f"9:{ME}:2")]
    assert carried_on(batch) == Lineage(9, ME, 2)
    assert carried_on([message("1"), message("2", f"1:{OTHER}:0")]) == Lineage(1, OTHER, 0)


def test_messages_without_one_begin_a_chain() -> None:
    assert carried_on([message("1"), message("2", "bd4cecd5:3|68fd508a:5")]) is None
