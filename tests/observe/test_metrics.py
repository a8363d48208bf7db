"""What is counted, and how it is shown. Source: developer guide, "Types of metrics for Lambda functions"."""

from dataclasses import replace

from lambent.core.report import Report, Status
from lambent.core.scope import Scope
from lambent.observe.metrics import InvocationMetrics
from tests.environments.fakes import target

LABELS = 'account="000000000000",region="eu-west-1",function="fn",version="$LATEST"'


def report(duration_us: float, *, init_us: float | None = None, status: Status = Status.SUCCESS) -> Report:
    return Report("id", duration_us, init_us, 128, status)


def lines(metrics: InvocationMetrics, *running: tuple[Scope, str, int]) -> list[str]:
    return metrics.exposition(running).splitlines()


def test_invocations_are_counted_with_what_they_took() -> None:
    metrics = InvocationMetrics()
    version = metrics.of(target())
    version.ended(report(1_500.0, init_us=80_000.0), function_error=False)
    version.ended(report(3_000_000.0, status=Status.TIMEOUT), function_error=True)
    shown = lines(metrics)
    for line in (
        f"lambent_invocations_total{{{LABELS}}} 2",
        f"lambent_errors_total{{{LABELS}}} 1",
        f"lambent_throttles_total{{{LABELS}}} 0",
        f"lambent_billed_duration_seconds_total{{{LABELS}}} 3.082",
        f"lambent_inits_total{{{LABELS}}} 1",
        f"lambent_init_duration_seconds_total{{{LABELS}}} 0.08",
        f'lambent_duration_seconds_bucket{{{LABELS},le="0.001"}} 0',
        f'lambent_duration_seconds_bucket{{{LABELS},le="0.0025"}} 1',
        f'lambent_duration_seconds_bucket{{{LABELS},le="5"}} 2',
        f'lambent_duration_seconds_bucket{{{LABELS},le="+Inf"}} 2',
        f"lambent_duration_seconds_sum{{{LABELS}}} 3.001500",
        f"lambent_duration_seconds_count{{{LABELS}}} 2",
    ):
        assert line in shown


def test_a_bucket_has_its_bound() -> None:
    metrics = InvocationMetrics()
    metrics.of(target()).ended(report(1_000.0), function_error=False)
    assert f'lambent_duration_seconds_bucket{{{LABELS},le="0.001"}} 1' in lines(metrics)


def test_what_runs_now_is_a_functions() -> None:
    labels = 'account="000000000000",region="eu-west-1",function="fn"'
    shown = lines(InvocationMetrics(), (Scope("000000000000", "eu-west-1"), "fn", 3))
    assert shown[-1] == f"lambent_concurrent_executions{{{labels}}} 3"


def test_every_metric_is_described_once() -> None:
    shown = lines(InvocationMetrics())
    described = [line.split()[2] for line in shown if line.startswith("# HELP")]
    typed = [line.split()[2] for line in shown if line.startswith("# TYPE")]
    assert described == typed
    assert len(set(described)) == len(described) == 9


def test_versions_are_apart_and_the_same_object_each_time() -> None:
    metrics = InvocationMetrics()
    assert metrics.of(target()) is metrics.of(target(timeout_seconds=7))
    assert metrics.of(target()) is not metrics.of(replace(target(), version="1"))


def test_the_first_of_very_many_are_forgotten() -> None:
    metrics = InvocationMetrics()
    first = metrics.of(target())
    for number in range(20_000):
        metrics.of(replace(target(), version=str(number)))
    assert metrics.of(target()) is not first
    assert len(lines(metrics)) < 20_000 * 30
