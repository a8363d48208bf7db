"""Loops of invocations that go by way of a queue.

A function that sends a message gives it its trace header, and with it the lineage of its chain (`core.recursion`). An
invocation has one lineage, but its batch may be of several messages, each with its own. So messages of chains that have
come round are in batches apart: what was sent for the first time isn't counted with what has come round ten times, and
a function that sends each message on once is never stopped, however its messages are mixed. All others, nearly all that
there are, share batches whoever has sent them.

Source: invocation.md §4. How AWS does it with batches of several messages is unverified.
"""

from collections.abc import Iterable, Sequence

from lambent.core.mappings.queues.batches import Batch, Received
from lambent.core.mappings.queues.messages import Message
from lambent.core.recursion import Lineage, parse_lineage


def chain_of(message: Message, *, resource: str) -> Lineage | None:
    """What a message has in common with those of its batch, as a lineage without its hops; None if it isn't in a loop.

    Args:
        resource: the function that gets it, as `core.recursion` has it.
    """
    lineage = parse_lineage(message.lineage) if message.lineage else None
    if lineage is None or (lineage.resource != resource and not lineage.loops):
        return None
    return lineage._replace(hops=0)


def together(received: Iterable[Received]) -> list[Received]:
    """Messages whose order doesn't matter, those of a chain one after the other."""
    chains: dict[Lineage | None, list[Received]] = {}
    for one in received:
        chains.setdefault(one.chain, []).append(one)
    return [one for chain in chains.values() for one in chain]


def carried_on(batch: Batch) -> Lineage | None:
    """The lineage of a batch: that of the longest chain."""
    return max(_lineages(batch), key=lambda one: one.hops, default=None)


def _lineages(batch: Batch) -> Sequence[Lineage]:
    texts = {one.message.lineage for one in batch}
    return [lineage for text in texts if text and (lineage := parse_lineage(text)) is not None]
