"""Counters of event source mappings since the server's start, for those whose MetricsConfig asks for EventCount.

Source: developer guide, "Event source mapping metrics". Queues drop nothing (`DroppedEventCount`): what fails is the
queue's, whose redrive policy ends it.
"""

from collections.abc import Iterator
from typing import Final

from lambent.core.scope import Scope
from lambent.observe.metrics import head

# Whoever makes and deletes mappings all day must not fill the memory.
_MOST_MAPPINGS: Final = 20_000


class MappingCounters:
    """The counters of one mapping; whoever has them adds to them."""

    __slots__ = ("deleted", "dropped", "failed", "filtered_out", "invoked", "polled")

    def __init__(self) -> None:
        self.polled = 0
        self.filtered_out = 0
        self.invoked = 0
        self.failed = 0
        self.dropped = 0
        self.deleted = 0


_COUNTERS: Final = (
    ("polled", "polled", "Events that were read."),
    ("filtered_out", "filtered_out", "Events that no filter wanted."),
    ("invoked", "invoked", "Events that the function was invoked with, again if they were refused or failed."),
    ("failed_invoke", "failed", "Events whose invocation was refused or failed, or that were reported as failed."),
    ("dropped", "dropped", "Events that were given up; none of a queue."),
    ("deleted", "deleted", "Events that were deleted after the function had taken them."),
)


class MappingMetrics:
    """The counters of all mappings; belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._mappings: dict[tuple[Scope, str], MappingCounters] = {}

    def of(self, scope: Scope, uuid: str) -> MappingCounters:
        """A mapping's counters; when there are very many, those that were first asked for are forgotten."""
        key = (scope, uuid)
        counters = self._mappings.get(key)
        if counters is None:
            if len(self._mappings) >= _MOST_MAPPINGS:
                del self._mappings[next(iter(self._mappings))]
            counters = self._mappings[key] = MappingCounters()
        return counters

    def exposition(self) -> str:
        """All of it as Prometheus text."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        mappings = [
            (f'account="{scope.account}",region="{scope.region}",event_source_mapping="{uuid}"', counters)
            for (scope, uuid), counters in self._mappings.items()
        ]
        for name, counter, what in _COUNTERS:
            metric = f"lambent_event_source_{name}_events_total"
            yield from head(metric, "counter", what)
            for labels, counters in mappings:
                yield f"{metric}{{{labels}}} {getattr(counters, counter)}"
