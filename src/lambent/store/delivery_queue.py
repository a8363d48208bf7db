"""The durable queue of deliveries, in the same database as that of events, written by the same thread."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from lambent.store.deliveries import (
    Busy,
    Claim,
    ClaimedDelivery,
    Settled,
    claim_deliveries,
    find_next_due,
    settle_deliveries,
)
from lambent.store.events import Accepted, Event, insert_events
from lambent.store.group_commit import GroupCommit


class _HandedOver(NamedTuple):
    settled: Settled
    event: Event


class DeliveryQueue:
    """The deliveries of one server. Raises StoreUnavailable when the storage fails."""

    def __init__(self, writer: GroupCommit) -> None:
        self._writer = writer

    async def claim(self, *, limit: int, now_ms: int, lease_until_ms: int, but: Busy) -> list[ClaimedDelivery]:
        """Lease at most `limit` due deliveries, those that have been due for longest.

        Args:
            but: who has enough to do.
        """
        return await self._writer.write(claim_deliveries, Claim(limit, now_ms, lease_until_ms, but))

    async def settle(self, settled: Settled) -> bool:
        """Write down what came of a delivery; False, and nothing happens, if the lease is no longer ours."""
        return await self._writer.write(settle_deliveries, settled)

    async def hand_over(self, settled: Settled, event: Event) -> bool:
        """Make a delivery to a function: in one transaction it is over, and the function's event is accepted."""
        return await self._writer.write(_hand_over, _HandedOver(settled, event))

    async def next_due_ms(self, *, but: Busy) -> int | None:
        """When the next delivery becomes due, or a lease ends; None: there is none but for who is busy."""
        return await self._writer.write(find_next_due, but)


def _hand_over(connection: Connection, handed_over: Sequence[_HandedOver]) -> list[bool]:
    ours = settle_deliveries(connection, [one.settled for one in handed_over])
    accepted = [Accepted(one.event) for one, is_ours in zip(handed_over, ours, strict=True) if is_ours]
    if accepted:
        insert_events(connection, accepted)
    return ours
