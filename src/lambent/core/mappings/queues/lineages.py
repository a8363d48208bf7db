"""Loops of invocations that go by way of a queue.

A function that sends a message gives it its trace header, and with it the lineage of its chain (`core.recursion`). An
invocation has one lineage, but its batch may be of several messages, each with its own: it carries on the one that is
nearest to its end. Messages whose own chain has come round too often are invoked with by themselves, which is refused,
so that they are left while the others of their batch go through.

Source: invocation.md §4. How AWS does it with batches of several messages is unverified.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lambent.core.mappings.queues.batches import Batch, Received
from lambent.core.recursion import Lineage, parse_lineage, passed


class Parted(NamedTuple):
    """A batch by whether its messages have come round too often."""

    going_on: list[Received]
    at_end: list[Received]


def part(batch: Batch, *, resource: str, allows_loops: bool) -> Parted:
    """Find the messages with which the function would be stopped, and what is behind one in its message group.

    Args:
        resource: the function, as `core.recursion` has it.
    """
    parted, groups = Parted([], []), set()
    for one in batch:
        is_at_end = _is_at_end(one.message.lineage, resource, allows_loops=allows_loops)
        if is_at_end:
            groups.add(one.message.group)
        is_behind = one.message.group != "" and one.message.group in groups
        parted[is_at_end or is_behind].append(one)
    return parted


def carried_on(batch: Batch, *, resource: str) -> Lineage | None:
    """The lineage of a batch: that of the message that came round most often, then of the longest chain."""
    return max(_lineages(batch), key=lambda one: (one.loops, one.resource == resource, one.hops), default=None)


def _lineages(batch: Batch) -> Sequence[Lineage]:
    texts = {one.message.lineage for one in batch}
    return [lineage for text in texts if text and (lineage := parse_lineage(text)) is not None]


def _is_at_end(text: str, resource: str, *, allows_loops: bool) -> bool:
    lineage = parse_lineage(text) if text else None
    return lineage is not None and passed(lineage, resource, allows_loops=allows_loops) is None
