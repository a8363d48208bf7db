"""The order within the message groups of a FIFO queue.

Standard queues have groups too ("fair queues"), which say who is to wait for whom, and nothing of order.

A group has one batch under way. The queue sees to that by itself: while messages of a group are hidden it gives out no
others. But what one receive returned may be several batches (6 MB), and they wait for each other; and if one of them
leaves a message of a group behind, what came after it in that group is left too, so that all come again in order.

Source: event-sources.md §2 (FIFO).
"""

from collections import deque
from collections.abc import Iterable

from lambent.core.mappings.queues.batches import Batch, Received
from lambent.core.mappings.queues.messages import Message


class Waiting:
    """Batches that are over and wait for their turn.

    Args:
        keeps_order: within message groups, as FIFO queues do.
    """

    def __init__(self, *, keeps_order: bool) -> None:
        self._keeps_order = keeps_order
        self._batches: deque[Batch] = deque()
        self._busy: set[str] = set()

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, batch: Batch) -> None:
        """One more, behind the others."""
        self._batches.append(batch)

    def next(self) -> Batch | None:
        """The first whose groups have nothing under way, nor anything that waits before it; its groups are now busy."""
        taken = set(self._busy)
        for index, batch in enumerate(self._batches):
            groups = self._groups(one.message for one in batch)
            if taken.isdisjoint(groups):
                del self._batches[index]
                self._busy |= groups
                return batch
            taken |= groups
        return None

    def ended(self, batch: Batch, *, left: Iterable[Message] = ()) -> list[Received]:
        """A batch that `next` gave out is over, and these messages have stayed behind; who waits no longer for that."""
        self._busy -= self._groups(one.message for one in batch)
        groups = self._groups(left)
        if not groups:
            return []
        dropped = [one for waiting in self._batches for one in waiting if one.message.group in groups]
        kept = (tuple(one for one in waiting if one.message.group not in groups) for waiting in self._batches)
        self._batches = deque(batch for batch in kept if batch)
        return dropped

    def clear(self) -> list[Batch]:
        """All that wait, which do so no longer."""
        batches = list(self._batches)
        self._batches.clear()
        return batches

    def _groups(self, messages: Iterable[Message]) -> frozenset[str]:
        return frozenset(one.group for one in messages) if self._keeps_order else frozenset()
