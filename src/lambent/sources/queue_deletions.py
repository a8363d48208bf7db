"""Messages on their way out of a queue, or back into it, ten in a request."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import TypeVar

from lambent.core.mappings.queues.messages import Message
from lambent.store.queue_client import MOST_AT_ONCE, Queue, QueueGone, QueueUnavailable

_AT_ONCE = 8  # requests
_DELAYS_SECONDS = (0.2, 1.0, 3.0)

_Item = TypeVar("_Item")

logger = logging.getLogger(__name__)


async def delete(queue: Queue, messages: Sequence[Message]) -> int:
    """Delete messages; how many were. What can't be deleted is logged, and comes again."""
    failed = 0
    chunks = list(_chunks(messages, MOST_AT_ONCE))
    for some in _chunks(chunks, _AT_ONCE):
        failed += sum(await asyncio.gather(*(_delete(queue, chunk) for chunk in some)))
    return len(messages) - failed


async def give_back(queue: Queue, messages: Sequence[Message]) -> None:
    """Let everybody have messages at once that no function has seen."""
    try:
        for chunk in _chunks(messages, MOST_AT_ONCE):
            await queue.give_back(chunk)
    except (QueueGone, QueueUnavailable) as error:
        logger.debug("Messages could not be given back; they come again later: %s", error)


async def _delete(queue: Queue, messages: Sequence[Message]) -> int:
    """How many could not be, however often it was tried."""
    left, why = messages, ""
    for delay in (*_DELAYS_SECONDS, None):
        try:
            left = await queue.delete(left)
            why = "the queue has refused it"
        except QueueGone:
            return 0  # with all that was in it
        except QueueUnavailable as error:
            why = str(error)
        if not left:
            return 0
        if delay is not None:
            await asyncio.sleep(delay)
    logger.error("%d messages of a queue could not be deleted, and will come again: %s", len(left), why)
    return len(left)


def _chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    return (items[at : at + size] for at in range(0, len(items), size))
