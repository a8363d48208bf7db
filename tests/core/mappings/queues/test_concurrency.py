"""How many batches at a time. Source: event-sources.md §2; developer guide, "Configuring scaling behavior"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.core.mappings.queues.concurrency import Concurrency, Scaling, scaling_of
from lambent.core.mappings.settings import MappingSettings, ProvisionedPollerConfig, ScalingConfig
from lambent.core.mappings.sources import SourceKind


@pytest.mark.parametrize(
    ("kind", "settings", "scaling"),
    [
        (SourceKind.SQS, MappingSettings(), Scaling(5, 1_250, 300)),
        (SourceKind.SQS, MappingSettings(scaling_config=ScalingConfig(2)), Scaling(2, 2, 300)),
        (SourceKind.SQS, MappingSettings(scaling_config=ScalingConfig(1_000)), Scaling(5, 1_000, 300)),
        (SourceKind.SQS_FIFO, MappingSettings(), Scaling(1_250, 1_250, 300)),
        (SourceKind.SQS_FIFO, MappingSettings(scaling_config=ScalingConfig(7)), Scaling(7, 7, 300)),
        (
            SourceKind.SQS,
            MappingSettings(provisioned_poller_config=ProvisionedPollerConfig(2, 200)),
            Scaling(20, 2_000, 1_000),
        ),
        (
            SourceKind.SQS,
            MappingSettings(provisioned_poller_config=ProvisionedPollerConfig(200, 2_000)),
            Scaling(2_000, 20_000, 1_000),
        ),
        (SourceKind.SQS, MappingSettings(provisioned_poller_config=ProvisionedPollerConfig()), Scaling(10, 10, 1_000)),
    ],
)
def test_what_settings_mean(kind: SourceKind, settings: MappingSettings, scaling: Scaling) -> None:
    assert scaling_of(kind, settings) == scaling


def test_it_grows_by_three_hundred_a_minute_while_there_is_a_backlog() -> None:
    concurrency = Concurrency(Scaling(5, 1_250, 300))
    concurrency.observe(backlog=True, now=100.0)
    assert concurrency.limit == 5
    concurrency.observe(backlog=True, now=101.0)
    assert concurrency.limit == 10
    concurrency.observe(backlog=True, now=160.0)
    assert concurrency.limit == 305
    concurrency.observe(backlog=False, now=220.0)  # what was before, was a backlog
    concurrency.observe(backlog=True, now=300.0)
    assert concurrency.limit == 605
    concurrency.observe(backlog=True, now=1_000.0)
    assert concurrency.limit == 1_250


def test_it_begins_anew_when_nothing_is_left() -> None:
    concurrency = Concurrency(Scaling(5, 1_250, 300))
    concurrency.observe(backlog=True, now=0.0)
    concurrency.observe(backlog=True, now=60.0)
    concurrency.idle()
    assert concurrency.limit == 5
    concurrency.observe(backlog=False, now=120.0)
    assert concurrency.limit == 5


def test_a_function_that_refuses_gets_less_until_it_takes_again() -> None:
    concurrency = Concurrency(Scaling(5, 1_250, 300))
    concurrency.refused(running=4)
    assert concurrency.limit == 2
    concurrency.refused(running=1)
    concurrency.refused(running=1)
    assert concurrency.limit == 1
    for limit in (2, 3, 4, 5, 5):
        concurrency.succeeded()
        assert concurrency.limit == limit


@given(st.lists(st.tuples(st.sampled_from(["observe", "calm", "refused", "succeeded", "idle"]), st.floats(0, 100))))
def test_the_limit_is_never_below_one_nor_above_the_cap(events: list[tuple[str, float]]) -> None:
    concurrency, now = Concurrency(Scaling(2, 7, 300)), 0.0
    for event, seconds in events:
        now += seconds
        match event:
            case "refused":
                concurrency.refused(running=concurrency.limit)
            case "succeeded":
                concurrency.succeeded()
            case "idle":
                concurrency.idle()
            case _:
                concurrency.observe(backlog=event == "observe", now=now)
        assert 1 <= concurrency.limit <= 7
