"""How many receives ask a queue at the same time, and for how long the one waits that waits.

An idle queue is asked by one receive, which waits the longer the longer nothing has come. Full answers tell of a
backlog: twice as many ask then. SQS answers with less than there is, now and then, so that other answers that aren't
empty take none away; an empty one leaves one.

And no more is asked for than there is memory for, which messages take until their batch is over.

Source: ours; AWS's pollers are only described as several per queue.
"""

from collections.abc import Sequence
from typing import Final

_MOST_RECEIVES: Final = 32
_FIRST_WAIT_SECONDS: Final = 1
_LONGEST_WAIT_SECONDS: Final = 20


class Pace:
    """Of one mapping.

    Attributes:
        receives: how many may be under way at the same time.
        wait_seconds: for how long a receive waits for the first message.
    """

    def __init__(self) -> None:
        self.begin_anew()
        self._message_bytes = 0

    def begin_anew(self) -> None:
        """Nothing is known of the queue."""
        self.receives = 1
        self.wait_seconds = _FIRST_WAIT_SECONDS

    def answered(self, sizes: Sequence[int], *, asked: int, waited: bool) -> None:
        """What a receive has returned.

        Args:
            sizes: the bytes of each message.
            asked: how many there could have been.
            waited: whether it would have waited for the first.
        """
        if sizes:
            self._message_bytes = max(sizes)
            self.wait_seconds = _FIRST_WAIT_SECONDS
            if len(sizes) >= asked:
                self.receives = min(self.receives * 2, _MOST_RECEIVES)
            elif len(sizes) * 2 >= asked:
                self.receives = min(self.receives + 1, _MOST_RECEIVES)
            return
        self.receives = 1
        if waited:
            self.wait_seconds = min(self.wait_seconds * 2, _LONGEST_WAIT_SECONDS)

    def bytes_of(self, requested: int) -> int:
        """How large so many messages are likely to be: as the largest of the last answer."""
        return requested * self._message_bytes
