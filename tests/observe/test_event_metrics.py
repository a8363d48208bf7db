"""What is counted of asynchronous invocations. Source: developer guide, "Asynchronous invocation metrics"."""

import pytest

from lambent.core.scope import Scope
from lambent.observe.event_metrics import EventMetrics

SCOPE = Scope("000000000000", "eu-west-1")
LABELS = 'account="000000000000",region="eu-west-1",function="fn"'


def test_counters_are_shown_by_function() -> None:
    metrics = EventMetrics()
    counters = metrics.of(SCOPE, "fn")
    counters.received, counters.dropped, counters.dead_letter_errors, counters.delivery_failures = 4, 3, 2, 1
    counters.ran(7)
    counters.ran(60_001)
    shown = metrics.exposition().splitlines()
    for line in (
        f"lambent_async_events_received_total{{{LABELS}}} 4",
        f"lambent_async_events_dropped_total{{{LABELS}}} 3",
        f"lambent_dead_letter_errors_total{{{LABELS}}} 2",
        f"lambent_destination_delivery_failures_total{{{LABELS}}} 1",
        f'lambent_async_event_age_seconds_bucket{{{LABELS},le="0.005"}} 0',
        f'lambent_async_event_age_seconds_bucket{{{LABELS},le="0.01"}} 1',
        f'lambent_async_event_age_seconds_bucket{{{LABELS},le="+Inf"}} 2',
        f"lambent_async_event_age_seconds_sum{{{LABELS}}} 60.008",
        f"lambent_async_event_age_seconds_count{{{LABELS}}} 2",
    ):
        assert line in shown


def test_who_makes_functions_all_day_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambent.observe.event_metrics._MOST_FUNCTIONS", 2)
    metrics = EventMetrics()
    first = metrics.of(SCOPE, "first")
    assert metrics.of(SCOPE, "first") is first
    for name in ("second", "third"):
        metrics.of(SCOPE, name)
    assert metrics.of(SCOPE, "first") is not first
