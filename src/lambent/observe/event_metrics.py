"""Counters of asynchronous invocations since the server's start, by function, read as Prometheus text.

Source: developer guide, "Types of metrics for Lambda functions", "Asynchronous invocation metrics".
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from lambent.core.scope import Scope
from lambent.observe.metrics import function_labels, head

_BOUNDS_MS: Final = (1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 60_000, 180_000, 600_000, 3_600_000, 21_600_000)
# Whoever makes and deletes functions all day must not fill the memory.
_MOST_FUNCTIONS: Final = 20_000


class FunctionEvents:
    """The counters of one function; whoever has them adds to them."""

    __slots__ = ("age_buckets", "age_ms", "dead_letter_errors", "delivery_failures", "dropped", "received", "started")

    def __init__(self) -> None:
        self.received = 0
        self.dropped = 0
        self.dead_letter_errors = 0
        self.delivery_failures = 0
        self.started = 0
        self.age_ms = 0
        self.age_buckets = [0] * (len(_BOUNDS_MS) + 1)

    def ran(self, age_ms: int) -> None:
        """An attempt reached the function, this long after the event had been accepted."""
        self.started += 1
        self.age_ms += age_ms
        self.age_buckets[bisect_left(_BOUNDS_MS, age_ms)] += 1


_COUNTERS: Final[tuple[tuple[str, str, Callable[[FunctionEvents], int]], ...]] = (
    ("lambent_async_events_received_total", "Events that were accepted.", lambda one: one.received),
    ("lambent_async_events_dropped_total", "Events given up without a success.", lambda one: one.dropped),
    ("lambent_dead_letter_errors_total", "Dead letters that couldn't be sent.", lambda one: one.dead_letter_errors),
    (
        "lambent_destination_delivery_failures_total",
        "Records that couldn't be sent to their destination.",
        lambda one: one.delivery_failures,
    ),
)


class EventMetrics:
    """The counters of all functions; belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._functions: dict[tuple[Scope, str], FunctionEvents] = {}

    def of(self, scope: Scope, function_name: str) -> FunctionEvents:
        """A function's counters; when there are very many, those that were first asked for are forgotten."""
        key = (scope, function_name)
        counters = self._functions.get(key)
        if counters is None:
            if len(self._functions) >= _MOST_FUNCTIONS:
                del self._functions[next(iter(self._functions))]
            counters = self._functions[key] = FunctionEvents()
        return counters

    def exposition(self) -> str:
        """All of it as Prometheus text."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        functions = [(function_labels(*key), counters) for key, counters in self._functions.items()]
        for name, what, value in _COUNTERS:
            yield from head(name, "counter", what)
            for labels, counters in functions:
                yield f"{name}{{{labels}}} {value(counters)}"
        name = "lambent_async_event_age_seconds"
        yield from head(name, "histogram", "From the acceptance of an event to an attempt that reached the function.")
        for labels, counters in functions:
            yield from _ages(name, labels, counters)


def _ages(name: str, labels: str, counters: FunctionEvents) -> Iterator[str]:
    count = 0
    for bound_ms, more in zip(_BOUNDS_MS, counters.age_buckets, strict=False):  # the last bucket has no bound
        count += more
        yield f'{name}_bucket{{{labels},le="{bound_ms / 1000:g}"}} {count}'
    yield f'{name}_bucket{{{labels},le="+Inf"}} {counters.started}'
    yield f"{name}_sum{{{labels}}} {counters.age_ms / 1000:.3f}"
    yield f"{name}_count{{{labels}}} {counters.started}"
