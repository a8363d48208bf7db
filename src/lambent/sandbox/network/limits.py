"""How much one environment, and all together, may take of the server's descriptors."""

import resource
from dataclasses import dataclass


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
    """What is left for all environments; beyond it a flow is refused, so that the server itself can go on."""

    def __init__(self, descriptors: int) -> None:
        self._left = descriptors or _half_of_what_may_be_open()

    def take(self, count: int) -> bool:
        """Reserve descriptors, or answer False."""
        if count > self._left:
            return False
        self._left -= count
        return True

    def give_back(self, count: int) -> None:
        """Return what was reserved."""
        self._left += count

    @property
    def left(self) -> int:
        """Descriptors that may still be taken."""
        return self._left


def _half_of_what_may_be_open() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (1 << 20) if soft == resource.RLIM_INFINITY else soft // 2
