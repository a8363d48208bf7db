"""Counters of what functions did since the server's start, by function version, read as Prometheus text.

An invocation costs a few additions to an object that its environment holds: no lock, no look-up, no allocation. The
names are AWS's (CloudWatch metrics of Lambda) in Prometheus's manner: base units, `_total` for counters.
Source: developer guide, "Types of metrics for Lambda functions"; Prometheus text exposition format 0.0.4.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from lambent.core.function import FunctionTarget
from lambent.core.report import Report
from lambent.core.scope import Scope

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS_MS: Final = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 900_000)
_BOUNDS_US: Final = tuple(bound * 1000.0 for bound in _BOUNDS_MS)
# Whoever makes and deletes functions all day must not fill the memory: a version's counters take a kilobyte.
_MOST_VERSIONS: Final = 20_000

_Key = tuple[Scope, str, str]


class VersionMetrics:
    """The counters of one function version; whoever has them adds to them."""

    __slots__ = (
        "billed_ms",
        "buckets",
        "duration_us",
        "errors",
        "init_us",
        "inits",
        "invocations",
        "recursive_drops",
        "throttles",
    )

    def __init__(self) -> None:
        self.invocations = 0
        self.errors = 0
        self.throttles = 0
        self.recursive_drops = 0
        self.billed_ms = 0
        self.duration_us = 0.0
        self.inits = 0
        self.init_us = 0.0
        self.buckets = [0] * (len(_BOUNDS_US) + 1)

    def ended(self, report: Report, *, function_error: bool) -> None:
        """An invocation is over."""
        self.invocations += 1
        duration_us = report.duration_us
        self.duration_us += duration_us
        self.buckets[bisect_left(_BOUNDS_US, duration_us)] += 1
        self.billed_ms += report.billed_duration_ms()
        if function_error:
            self.errors += 1
        if report.init_duration_us is not None:
            self.inits += 1
            self.init_us += report.init_duration_us


_COUNTERS: Final[tuple[tuple[str, str, Callable[[VersionMetrics], float]], ...]] = (
    ("lambent_invocations_total", "Invocations that ran, failed ones included.", lambda one: one.invocations),
    ("lambent_errors_total", "Invocations that ended in a function error.", lambda one: one.errors),
    ("lambent_throttles_total", "Invocations that were refused with 429.", lambda one: one.throttles),
    ("lambent_recursive_invocations_dropped_total", "Invocations stopped in a loop.", lambda one: one.recursive_drops),
    ("lambent_billed_duration_seconds_total", "Billed Duration, summed.", lambda one: one.billed_ms / 1e3),
    ("lambent_inits_total", "Init phases that succeeded: cold starts.", lambda one: one.inits),
    ("lambent_init_duration_seconds_total", "Init Duration, summed.", lambda one: one.init_us / 1e6),
)


class InvocationMetrics:
    """The counters of all function versions; belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._versions: dict[_Key, VersionMetrics] = {}

    def of(self, target: FunctionTarget) -> VersionMetrics:
        """A version's counters, always the same object; when there are very many, the one seen first is forgotten."""
        key = (target.scope, target.function_name, target.version)
        metrics = self._versions.get(key)
        if metrics is None:
            if len(self._versions) >= _MOST_VERSIONS:
                del self._versions[next(iter(self._versions))]
            metrics = self._versions[key] = VersionMetrics()
        return metrics

    def exposition(self, running: Iterable[tuple[Scope, str, int]]) -> str:
        """All of it as Prometheus text.

        Args:
            running: concurrent executions (scope, function, count).
        """
        return "".join(f"{line}\n" for line in self._lines(running))

    def _lines(self, running: Iterable[tuple[Scope, str, int]]) -> Iterator[str]:
        versions = [(_labels(key), metrics) for key, metrics in self._versions.items()]
        for name, what, value in _COUNTERS:
            yield from head(name, "counter", what)
            for labels, metrics in versions:
                yield f"{name}{{{labels}}} {value(metrics)}"
        name = "lambent_duration_seconds"
        yield from head(name, "histogram", "Duration of invocations as in REPORT.")
        for labels, metrics in versions:
            yield from _histogram(name, labels, metrics)
        name = "lambent_concurrent_executions"
        yield from head(name, "gauge", "Invocations that run now, all versions of a function together.")
        for scope, function, count in running:
            yield f"{name}{{{function_labels(scope, function)}}} {count}"


def head(name: str, kind: str, what: str) -> Iterator[str]:
    """The lines before a metric's values."""
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} {kind}"


def _histogram(name: str, labels: str, metrics: VersionMetrics) -> Iterator[str]:
    count = 0
    for bound_ms, more in zip(_BOUNDS_MS, metrics.buckets, strict=False):  # the last bucket has no bound
        count += more
        yield f'{name}_bucket{{{labels},le="{bound_ms / 1000:g}"}} {count}'
    yield f'{name}_bucket{{{labels},le="+Inf"}} {metrics.invocations}'
    yield f"{name}_sum{{{labels}}} {metrics.duration_us / 1e6:.6f}"
    yield f"{name}_count{{{labels}}} {metrics.invocations}"


def _labels(key: _Key) -> str:
    scope, function, version = key
    return f'{function_labels(scope, function)},version="{version}"'


def function_labels(scope: Scope, function: str) -> str:
    """Names have no character that would have to be escaped (api model, FunctionName)."""
    return f'account="{scope.account}",region="{scope.region}",function="{function}"'
