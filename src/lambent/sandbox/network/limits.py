"""How much one environment, and all together, may take of the server's descriptors."""

import resource
from dataclasses import dataclass
from typing import Final

_FIRST_DESCRIPTORS: Final = 2  # a connection
_FEW_DESCRIPTORS: Final = 16


@dataclass(frozen=True, slots=True)
class BridgeLimits:
    """Limits of the bridge; what is beyond them is refused at once, never kept waiting."""

    connections: int = 1024
    """TCP connections of one environment: as many files as a function may have open (quotas, "File descriptors")."""
    datagram_flows: int = 128
    """UDP flows of one environment; the one used longest ago makes room for a new one."""
    dns_queries: int = 256
    """Unanswered DNS queries of one environment."""
    descriptors: int = 0
    """Descriptors of the server for all environments; 0 is half of what the process may have open."""
    connect_seconds: float = 20.0
    """How long one attempt to connect lasts; a function that still waits asks again by itself."""
    handshake_seconds: float = 5.0
    """How long a function's kernel has, to finish a handshake after the host has been connected."""
    datagram_idle_seconds: float = 30.0
    dns_try_seconds: float = 2.0
    """How long one resolver has, before the next is asked."""


class DescriptorBudget:
    """What is left for all environments; beyond it a flow is refused, so that the server itself can go on.

    While less than half is taken, whoever asks gets. Then nobody gets more than an equal part of that half, and the
    last eighth is for the first few descriptors of each: an environment that opens a connection for the first time, or
    asks for a name, isn't refused because others hold thousands. The less is left, the fewer are "few".
    """

    def __init__(self, descriptors: int) -> None:
        self._all = self.left = descriptors or _half_of_what_may_be_open()
        """Descriptors that may still be taken."""
        self.holders = 0
        """Accounts that hold any."""

    def account(self) -> "DescriptorAccount":
        """Somebody's part of it: one for an environment's flows, and one for its DNS queries."""
        return DescriptorAccount(self)

    def allows(self, count: int, held: int) -> bool:
        """Whether an account that holds so many may have so many more."""
        left = self.left - count
        if left < 0:
            return False
        few = max(_FIRST_DESCRIPTORS, min(_FEW_DESCRIPTORS, self.left // 8))
        if left * 2 >= self._all or held + count <= few:
            return True
        holders = self.holders + (held == 0)
        return left >= self._all // 8 and held + count <= self._all // (2 * holders)


class DescriptorAccount:
    """What one environment holds of the budget for one purpose."""

    __slots__ = ("_budget", "_held")

    def __init__(self, budget: DescriptorBudget) -> None:
        self._budget = budget
        self._held = 0

    def take(self, count: int) -> bool:
        """Reserve descriptors, or answer False."""
        budget = self._budget
        if not budget.allows(count, self._held):
            return False
        budget.holders += self._held == 0
        budget.left -= count
        self._held += count
        return True

    def give_back(self, count: int) -> None:
        """Return what was reserved."""
        budget = self._budget
        self._held -= count
        budget.left += count
        budget.holders -= self._held == 0


def _half_of_what_may_be_open() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (1 << 20) if soft == resource.RLIM_INFINITY else soft // 2
