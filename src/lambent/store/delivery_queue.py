"""The durable queue of deliveries, in the same database as that of events, written by the same thread."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from lambent.store.deliveries import (
    Claim,
    ClaimedDelivery,
    Settled,
    claim_deliveries,
    find_targets,
    settle_deliveries,
)
from lambent.store.events import Accepted, Event, insert_events
from lambent.store.group_commit import GroupCommit
from lambent.store.lanes import Found, Share


class _HandedOver(NamedTuple):
    settled: Settled
    event: Event


class DeliveryQueue:
    """The deliveries of one server. Raises StoreUnavailable when the storage fails."""

    def __init__(self, writer: GroupCommit) -> None:
        self._writer = writer

    async def lanes(self) -> list[tuple[str, int]]:
        """Targets that something is to be sent to, and when the first is due or its lease ends."""
        return await self._writer.write(find_targets, None)

    async def claim(
        self, shares: Sequence[Share[str]], *, now_ms: int, lease_until_ms: int
    ) -> list[Found[ClaimedDelivery]]:
        """Lease due deliveries to targets, those that have been due for longest."""
        return await self._writer.write(claim_deliveries, Claim(shares, now_ms, lease_until_ms))

    async def release(self, claimed: ClaimedDelivery) -> None:
        """Give a delivery back as it was, due at once; for a server that stops."""
        await self.settle(Settled(claimed, claimed.progress, "", visible_after_ms=claimed.delivery.created_ms))

    async def settle(self, settled: Settled) -> bool:
        """Write down what came of a delivery; False, and nothing happens, if the lease is no longer ours."""
        return await self._writer.write(settle_deliveries, settled)

    async def hand_over(self, settled: Settled, event: Event) -> bool:
        """Make a delivery to a function: in one transaction it is over, and the function's event is accepted."""
        return await self._writer.write(_hand_over, _HandedOver(settled, event))


def _hand_over(connection: Connection, handed_over: Sequence[_HandedOver]) -> list[bool]:
    ours = settle_deliveries(connection, [one.settled for one in handed_over])
    accepted = [Accepted(one.event) for one, is_ours in zip(handed_over, ours, strict=True) if is_ours]
    if accepted:
        insert_events(connection, accepted)
    return ours
