"""How messages become batches.

A batch is over when it has BatchSize messages, when the batching window has passed since its first one, when one more
wouldn't fit into 6 MB, the frame of the event included, or when the next one belongs to another chain of invocations
(`lineages`). Without a window, what one receive returned is over at once. The order in which messages came is kept.

Source: event-sources.md §1; quotas.md (event batch payload); developer guide, "Batching behavior".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lambent.core.mappings.queues.messages import Message
from lambent.core.recursion import Lineage

MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
_HEAD: Final = b'{"Records":['
_TAIL: Final = b"]}"


@dataclass(frozen=True, slots=True)
class Received:
    """A message that passed the filters.

    Attributes:
        record: rendered.
        hidden_until: monotonic seconds until which nobody else gets it.
        chain: what all messages of a batch have in common.
    """

    message: Message
    record: bytes
    hidden_until: float
    chain: Lineage | None = None


Batch = Sequence[Received]


def payload_of(batch: Batch) -> bytes:
    """The event."""
    return _HEAD + b",".join([one.record for one in batch]) + _TAIL


class BatchAssembly:
    """Messages on their way to a batch; batches that are over come out of it.

    Args:
        size: BatchSize.
        window_ms: MaximumBatchingWindowInSeconds.
    """

    def __init__(self, *, size: int, window_ms: int) -> None:
        self.size = size
        self.window_ms = window_ms
        self._messages: list[Received] = []
        self._bytes = 0
        self._since_ms = 0

    @property
    def count(self) -> int:
        """How many messages wait for others."""
        return len(self._messages)

    @property
    def due_ms(self) -> int | None:
        """When the window of those that wait will have passed; None while none wait."""
        return self._since_ms + self.window_ms if self._messages else None

    def add(self, received: Iterable[Received], *, now_ms: int) -> list[Batch]:
        """Take what one receive returned; the batches that are over by it."""
        batches: list[Batch] = []
        for one in received:
            if self._messages and self._messages[0].chain != one.chain:
                batches.append(self.take())
            more = len(one.record) + bool(self._messages)  # with a comma
            if self._messages and len(_HEAD) + self._bytes + more + len(_TAIL) > MAX_PAYLOAD_BYTES:
                batches.append(self.take())
                more = len(one.record)
            if not self._messages:
                self._since_ms = now_ms
            self._messages.append(one)
            self._bytes += more
            if len(self._messages) >= self.size:
                batches.append(self.take())
        if self._messages and not self.window_ms:
            batches.append(self.take())
        return batches

    def due(self, *, now_ms: int) -> list[Batch]:
        """The batch whose window has passed, if one's has."""
        at_ms = self.due_ms
        return [] if at_ms is None or now_ms < at_ms else [self.take()]

    def take(self) -> Batch:
        """All that wait, whatever is missing."""
        batch, self._messages, self._bytes = self._messages, [], 0
        return batch
