"""The platform's lines, byte for byte. Source of the expected lines: reference/logs-metrics-traces.md section 2."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.core.report import (
    Crashed,
    InitializationType,
    InitReport,
    InitStart,
    LogsDropped,
    Phase,
    Report,
    Start,
    Status,
    TimedOut,
    origin_of,
    runtime_version,
    runtime_version_arn,
)


def test_report_of_a_warm_invocation_ends_in_a_tab() -> None:
    report = Report("u", 3010, None, 128)
    assert report.text(36) == (
        "REPORT RequestId: u\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t\n"
    )
    assert report.end_text() == "END RequestId: u\n"


def test_a_sampled_trace_is_a_second_line_of_report() -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:bd4cecd5:0"
    report = Report("u", 3010, None, 128, origin=origin_of(header, ""))
    assert report.text(36).endswith(
        "Max Memory Used: 36 MB\t\n"
        "XRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\tSegmentId: 53995c3f42cd8ad8\tSampled: true\t\n"
    )


@pytest.mark.parametrize("header", ["", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"])
def test_a_trace_that_isnt_sampled_isnt_told(header: str) -> None:
    assert "XRAY" not in Report("u", 3010, None, 128, origin=origin_of(header, "blue")).text(36)


def test_report_with_init_bills_both_durations_together() -> None:
    """The reference's example: 3.01 ms and 110.10 ms are billed as 114 ms."""
    assert Report("u", 3010, 110_100, 128).text(36) == (
        "REPORT RequestId: u\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n"
    )


def test_billing_example() -> None:
    assert Report("u", 1_248_310, 293_050, 128).billed_duration_ms() == 1542


@pytest.mark.parametrize(
    ("status", "error_type", "suffix"),
    [
        (Status.TIMEOUT, None, "\tStatus: timeout\n"),
        (Status.ERROR, "Runtime.ExitError", "\tStatus: error\tError Type: Runtime.ExitError\n"),
    ],
)
def test_a_failure_follows_the_memory_field(status: Status, error_type: str | None, suffix: str) -> None:
    assert Report("u", 3e6, None, 128, status, error_type).text(36).endswith("Max Memory Used: 36 MB" + suffix)
    with_init = Report("u", 3e6, 1000, 128, status, error_type).text(36)
    assert with_init.endswith("Max Memory Used: 36 MB\tInit Duration: 1.00 ms" + suffix)


def test_out_of_memory_has_used_everything() -> None:
    assert "Max Memory Used: 128 MB" in Report("u", 1, None, 128, out_of_memory=True).text(90)


@given(st.floats(0, 9e8), st.none() | st.floats(0, 1e7))
def test_billed_is_the_printed_durations_rounded_up(duration_us: float, init_us: float | None) -> None:
    report = Report("u", duration_us, init_us, 128)
    printed = re.findall(r"(?:^|\t)(?:Init )?Duration: (\d+)\.(\d\d) ms", report.text(1))
    hundredths = sum(int(whole) * 100 + int(part) for whole, part in printed)
    assert report.billed_duration_ms() == max(1, -(-hundredths // 100))


def test_start_and_init_start() -> None:
    assert Start("u", "$LATEST").text() == "START RequestId: u Version: $LATEST\n"
    assert re.fullmatch(
        r"INIT_START Runtime Version: python:3\.13\.v1\t"
        r"Runtime Version ARN: arn:aws:lambda:eu-west-1::runtime:[0-9a-f]{64}\n",
        InitStart("python3.13", "eu-west-1", Phase.INIT).text(),
    )


@pytest.mark.parametrize(
    "record", [InitStart("python3.13", "eu-west-1", Phase.INVOKE), InitReport(1, Phase.INIT, Status.SUCCESS)]
)
def test_what_has_no_line(record: InitStart | InitReport) -> None:
    assert record.text() == ""


@pytest.mark.parametrize(
    ("runtime", "version"),
    [
        ("python3.9", "python:3.9.v1"),
        ("nodejs22.x", "nodejs:22.v1"),
        ("java21", "java:21.v1"),
        ("java8.al2", "java:8.al2.v1"),
        ("dotnet8", "dotnet:8.v1"),
        ("ruby3.4", "ruby:3.4.v1"),
        ("provided.al2023", "provided:al2023.v1"),
        ("?", "?:1.v1"),
    ],
)
def test_runtime_versions(runtime: str, version: str) -> None:
    assert runtime_version(runtime) == version


def test_a_runtime_versions_arn_depends_on_runtime_and_region() -> None:
    arns = {runtime_version_arn(r, g) for r in ("python3.12", "python3.13") for g in ("eu-west-1", "us-east-1")}
    assert len(arns) == 4
    assert runtime_version_arn("python3.13", "eu-west-1") == runtime_version_arn("python3.13", "eu-west-1")


def test_init_reports() -> None:
    ahead = InitReport(
        13_316_040, Phase.INIT, Status.SUCCESS, initialization=InitializationType.PROVISIONED_CONCURRENCY
    )
    assert ahead.text() == "INIT_REPORT Init Duration: 13316.04 ms\tPhase: init\tStatus: success\n"
    assert InitReport(9_999_470, Phase.INIT, Status.TIMEOUT).text() == (
        "INIT_REPORT Init Duration: 9999.47 ms\tPhase: init\tStatus: timeout\n"
    )
    assert InitReport(498_460, Phase.INVOKE, Status.ERROR, "Runtime.ExitError").text() == (
        "INIT_REPORT Init Duration: 498.46 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n"
    )


def test_a_timeout_has_two_newlines() -> None:
    line = TimedOut("u", "Task timed out after 3.00 seconds", 1_714_557_603_007)
    assert line.text() == "2024-05-01T10:00:03.007Z u Task timed out after 3.00 seconds\n\n"


def test_a_crash_is_one_event_of_two_lines() -> None:
    assert Crashed("u", "Runtime exited with error: exit status 1", "Runtime.ExitError").text() == (
        "RequestId: u Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n"
    )


def test_dropped_events_are_told_in_json_in_text_too() -> None:
    assert LogsDropped(92, 91_016).text() == (
        '{"type":"platform.logsDropped","record":{"reason":"The environment wrote more than its log budget",'
        '"droppedRecords":92,"droppedBytes":91016}}\n'
    )
