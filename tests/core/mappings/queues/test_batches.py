"""When a batch is over. Source: event-sources.md §1; quotas.md."""

import json

from hypothesis import given
from hypothesis import strategies as st

from lambent.core.mappings.queues.batches import MAX_PAYLOAD_BYTES, Batch, BatchAssembly, Received, payload_of
from lambent.core.mappings.queues.messages import Message


def received(name: str, size: int = 0) -> Received:
    """A message whose record has at least `size` bytes."""
    record = json.dumps({"n": name, "p": "x" * size}, separators=(",", ":")).encode()
    return Received(Message(name, name, ""), record[:-2] + record[-2:], 30.0)


def names(batch: Batch) -> list[str]:
    return [one.message.id for one in batch]


def test_without_a_window_what_one_receive_returned_is_a_batch() -> None:
    assembly = BatchAssembly(size=10, window_ms=0)
    assert [names(batch) for batch in assembly.add([received("a"), received("b")], now_ms=5)] == [["a", "b"]]
    assert (assembly.count, assembly.due_ms) == (0, None)
    assert assembly.add([], now_ms=6) == []


def test_a_window_begins_with_the_first_message() -> None:
    assembly = BatchAssembly(size=10, window_ms=2_000)
    assert assembly.add([received("a")], now_ms=5_000) == []
    assert assembly.add([received("b")], now_ms=6_000) == []
    assert assembly.due_ms == 7_000
    assert assembly.due(now_ms=6_999) == []
    assert [names(batch) for batch in assembly.due(now_ms=7_000)] == [["a", "b"]]
    assert assembly.due(now_ms=8_000) == []


def test_a_full_batch_does_not_wait_for_its_window() -> None:
    assembly = BatchAssembly(size=2, window_ms=2_000)
    batches = assembly.add([received(name) for name in "abcde"], now_ms=5_000)
    assert [names(batch) for batch in batches] == [["a", "b"], ["c", "d"]]
    assert (assembly.count, assembly.due_ms) == (1, 7_000)


def test_a_batch_has_six_megabytes_with_its_frame() -> None:
    frame = len(b'{"Records":[]}')
    half = received("a", (MAX_PAYLOAD_BYTES - frame - 1) // 2 - len(received("a").record))
    other = received("b", MAX_PAYLOAD_BYTES - frame - 1 - len(half.record) - len(received("b").record))
    assembly = BatchAssembly(size=10, window_ms=2_000)
    assert assembly.add([half, other], now_ms=0) == []
    assert len(payload_of(assembly.take())) == MAX_PAYLOAD_BYTES
    one_more = received("b", MAX_PAYLOAD_BYTES - frame - len(half.record) - len(received("b").record))
    batches = assembly.add([half, one_more], now_ms=0)
    assert [names(batch) for batch in batches] == [["a"]]
    assert names(assembly.take()) == ["b"]


def test_a_message_that_is_too_long_goes_alone() -> None:
    assembly = BatchAssembly(size=10, window_ms=0)
    long = received("b", MAX_PAYLOAD_BYTES)
    batches = assembly.add([received("a"), long, received("c")], now_ms=0)
    assert [names(batch) for batch in batches] == [["a"], ["b"], ["c"]]


LENGTHS = {"s": 10, "m": 100, "l": 2_000_000}
RECORDS = {kind: b"x" * length for kind, length in LENGTHS.items()}


@given(st.lists(st.text("sml", max_size=10), max_size=12), st.integers(1, 25), st.sampled_from([0, 1_000]))
def test_nothing_is_lost_and_the_order_is_kept(receives: list[str], size: int, window_ms: int) -> None:
    assembly = BatchAssembly(size=size, window_ms=window_ms)
    sent: list[str] = []
    batches: list[Batch] = []
    for turn, kinds in enumerate(receives):
        messages = [Received(Message(f"{turn}-{i}", "", ""), RECORDS[kind], 30.0) for i, kind in enumerate(kinds)]
        sent += [one.message.id for one in messages]
        batches += [*assembly.due(now_ms=turn * 400), *assembly.add(messages, now_ms=turn * 400)]
        assert assembly.count < size
    if assembly.count:
        batches.append(assembly.take())
    assert [name for batch in batches for name in names(batch)] == sent
    for batch in batches:
        assert 1 <= len(batch) <= size
        payload_bytes = len(payload_of(batch)) if len(batch) < 3 else sum(len(one.record) + 1 for one in batch) + 13
        assert payload_bytes <= MAX_PAYLOAD_BYTES
