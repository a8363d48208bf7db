"""How many batches of a queue may be with the function at the same time.

A standard queue begins with 5; while there is more to do it may have 300 more each minute, up to 1,250; when nothing is
left it begins anew. MaximumConcurrency is a cap. Provisioned pollers serve 10 batches each: the mapping begins with
MinimumPollers of them and adds 1,000 batches a minute, up to MaximumPollers. A FIFO queue has as many as it has message
groups with something to do, which the queue itself sees to: it isn't made to wait. A function that refuses batches
because it is throttled, or fails on them, gets fewer, until it takes them again.

Source: event-sources.md §2; developer guide, "Configuring scaling behavior for SQS event source mappings". By how much
AWS backs off is unverified: here it is a half, down to one.
"""

from dataclasses import dataclass
from typing import Final

from lambent.core.mappings.settings import MappingSettings
from lambent.core.mappings.sources import SourceKind

_START: Final = 5
_MORE_PER_MINUTE: Final = 300
_MOST: Final = 1_250
_PER_POLLER: Final = 10
_PROVISIONED_MORE_PER_MINUTE: Final = 1_000
_PROVISIONED_MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Scaling:
    """How far and how fast a mapping's concurrency grows."""

    start: int
    most: int
    per_minute: int


def scaling_of(kind: SourceKind, settings: MappingSettings) -> Scaling:
    """As a mapping's settings have it."""
    pollers = settings.provisioned_poller_config
    if pollers is not None:
        most = min((pollers.maximum_pollers or 1) * _PER_POLLER, _PROVISIONED_MOST)
        return Scaling(min((pollers.minimum_pollers or 1) * _PER_POLLER, most), most, _PROVISIONED_MORE_PER_MINUTE)
    cap = settings.scaling_config.maximum_concurrency if settings.scaling_config is not None else None
    most = min(cap or _MOST, _MOST)
    return Scaling(most if kind is SourceKind.SQS_FIFO else min(_START, most), most, _MORE_PER_MINUTE)


class Concurrency:
    """The limit of one mapping as it moves; seconds are monotonic."""

    def __init__(self, scaling: Scaling) -> None:
        self._scaling = scaling
        self._limit = float(scaling.start)
        self._growing_since: float | None = None

    @property
    def limit(self) -> int:
        """Batches that may be with the function at the same time; at least one."""
        return int(self._limit)

    def observe(self, *, backlog: bool, now: float) -> None:
        """Say from time to time whether all that may run does, and there is more."""
        if self._growing_since is not None:
            self._grow((now - self._growing_since) * self._scaling.per_minute / 60)
        self._growing_since = now if backlog else None

    def idle(self) -> None:
        """Nothing is left, neither in the queue nor with the function."""
        self._growing_since = None
        self._limit = float(self._scaling.start)

    def refused(self, *, running: int) -> None:
        """The function was throttled, or has failed, when so many batches were with it."""
        self._limit = max(1.0, min(self._limit, running) // 2)

    def succeeded(self) -> None:
        """A batch went through: what was taken away comes back."""
        if self._limit < self._scaling.start:
            self._grow(1)

    def _grow(self, more: float) -> None:
        self._limit = min(self._limit + more, self._scaling.most)
