"""The JSON log format: records and levels. Source: reference/logs-metrics-traces.md section 4, unless said."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.core.function import FunctionTarget
from lambent.core.log_format import JsonFormat, Level, TextFormat, log_format_of
from lambent.core.report import (
    NO_ORIGIN,
    Crashed,
    InitializationType,
    InitReport,
    InitStart,
    LogsDropped,
    Phase,
    PlatformRecord,
    Report,
    Start,
    Status,
    TimedOut,
    origin_of,
    runtime_version_arn,
)
from lambent.core.scope import Scope

NOW_MS = 1_714_557_600_046
TIME = "2024-05-01T10:00:00.046Z"
TIMED_OUT = TimedOut("u", "Task timed out after 3.00 seconds", NOW_MS)
CRASHED = Crashed("u", "Runtime exited with error: exit status 1", "Runtime.ExitError")


def json_format(*, application: Level = Level.INFO, system: Level = Level.INFO) -> JsonFormat:
    return JsonFormat(
        function_name="fn", function_version="$LATEST", application_level=application, system_level=system
    )


def types(lines: list[str]) -> list[str]:
    return [json.loads(line)["type"].removeprefix("platform.") for line in lines]


def written(record: PlatformRecord | Report, system: Level) -> list[str]:
    log_format = json_format(system=system)
    if isinstance(record, Report):
        return list(log_format.end(record, 36, NOW_MS))
    return list(log_format.record(record, NOW_MS))


# --- records, as AWS's documentation shows them ---


def test_start() -> None:
    expected = [f'{{"time":"{TIME}","type":"platform.start","record":{{"requestId":"5d2b","version":"$LATEST"}}}}\n']
    assert json_format().record(Start("5d2b", "$LATEST"), NOW_MS) == expected
    assert json_format().start("5d2b", "$LATEST", NO_ORIGIN, NOW_MS) == expected


def test_records_of_a_sampled_trace_and_of_a_tenant_name_them() -> None:
    """Source: extensions-telemetry.md section 4.2."""
    value = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    origin = origin_of(f"{value};Lineage=1:bd4cecd5:0", "blue")
    (started,) = json_format().start("5d2b", "$LATEST", origin, NOW_MS)
    ended = json_format(system=Level.DEBUG).end(Report("5d2b", 1, None, 128, origin=origin), 36, NOW_MS)
    start, done, report = (json.loads(line)["record"] for line in (started, *ended))
    tracing = {"spanId": "53995c3f42cd8ad8", "type": "X-Amzn-Trace-Id", "value": value}
    assert [record["tracing"] for record in (start, done, report)] == [tracing] * 3
    assert (start["tenantId"], done["tenantId"]) == ("blue", "blue")
    assert "tenantId" not in report


def test_start_in_text() -> None:
    assert list(TextFormat().start("5d2b", "7", NO_ORIGIN, NOW_MS)) == list(
        TextFormat().record(Start("5d2b", "7"), NOW_MS)
    )


def test_report() -> None:
    """The reference's example."""
    assert json_format().end(Report("5d2b", 121_400, None, 128), 41, NOW_MS) == [
        (
            '{"time":"2024-05-01T10:00:00.046Z","type":"platform.report","record":{"requestId":"5d2b","metrics":{'
            '"durationMs":121.4,"billedDurationMs":122,"memorySizeMB":128,"maxMemoryUsedMB":41},"status":"success"}}\n'
        )
    ]


def test_report_of_the_first_invocation_has_its_init() -> None:
    (line,) = json_format().end(Report("u", 3010, 110_100, 128), 36, NOW_MS)
    metrics = json.loads(line)["record"]["metrics"]
    assert (metrics["initDurationMs"], metrics["billedDurationMs"]) == (110.1, 114)


def test_report_of_a_failure_says_which() -> None:
    report = Report("u", 3e6, None, 128, Status.ERROR, "Runtime.ExitError", out_of_memory=True)
    done, reported = (json.loads(line)["record"] for line in json_format().end(report, 36, NOW_MS))
    assert done == {
        "requestId": "u",
        "status": "error",
        "errorType": "Runtime.ExitError",
        "metrics": {"durationMs": 3000.0},
    }
    assert (reported["status"], reported["errorType"]) == ("error", "Runtime.ExitError")
    assert reported["metrics"]["maxMemoryUsedMB"] == 128


@pytest.mark.parametrize("phase", list(Phase))
def test_init_start(phase: Phase) -> None:
    """Fields: reference/extensions-telemetry.md section 4.2."""
    (line,) = json_format().record(InitStart("python3.13", "eu-west-1", phase), NOW_MS)
    assert json.loads(line)["record"] == {
        "initializationType": "on-demand",
        "phase": phase,
        "functionName": "fn",
        "functionVersion": "$LATEST",
        "runtimeVersion": "python:3.13.v1",
        "runtimeVersionArn": runtime_version_arn("python3.13", "eu-west-1"),
    }


def test_init_report_comes_after_the_runtimes_own() -> None:
    record = InitReport(498_460, Phase.INVOKE, Status.ERROR, "Runtime.ExitError")
    done, reported = (json.loads(line) for line in json_format().record(record, NOW_MS))
    outcome = {
        "initializationType": "on-demand",
        "phase": "invoke",
        "status": "error",
        "errorType": "Runtime.ExitError",
    }
    assert (done["type"], done["record"]) == ("platform.initRuntimeDone", outcome)
    assert (reported["type"], reported["record"]) == (
        "platform.initReport",
        {**outcome, "metrics": {"durationMs": 498.46}},
    )


@pytest.mark.parametrize("record", [TIMED_OUT, CRASHED])
def test_time_outs_and_crashes_keep_their_words(record: TimedOut | Crashed) -> None:
    assert json_format(system=Level.WARN).record(record, NOW_MS) == (record.text(),)


# --- the system level ---

INIT_START = InitStart("python3.13", "eu-west-1", Phase.INIT)


@pytest.mark.parametrize(
    ("record", "debug", "info", "warn"),
    [
        (INIT_START, ["initStart"], ["initStart"], []),
        (InitReport(1, Phase.INIT, Status.SUCCESS), ["initRuntimeDone", "initReport"], [], []),
        (
            InitReport(1, Phase.INIT, Status.SUCCESS, None, InitializationType.PROVISIONED_CONCURRENCY),
            ["initRuntimeDone", "initReport"],
            ["initReport"],
            [],
        ),
        (InitReport(1, Phase.INIT, Status.TIMEOUT), *[["initRuntimeDone", "initReport"]] * 3),
        (Start("u", "1"), ["start"], ["start"], []),
        (Report("u", 1, None, 128), ["runtimeDone", "report"], ["report"], []),
        (Report("u", 1, None, 128, Status.TIMEOUT), *[["runtimeDone", "report"]] * 3),
        (LogsDropped(1, 2), *[["logsDropped"]] * 3),
    ],
)
def test_the_system_level_decides_which_events_are_written(
    record: PlatformRecord | Report, debug: list[str], info: list[str], warn: list[str]
) -> None:
    for level, expected in ((Level.DEBUG, debug), (Level.INFO, info), (Level.WARN, warn)):
        assert types(written(record, level)) == expected


# --- the application level ---

DEBUG_LINE = b'{"timestamp":"2024-05-01T10:00:00Z","level":"debug","message":"m"}\n'


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (b"plain\n", Level.INFO),
        (b"", Level.INFO),
        (b"\xff\n", Level.INFO),
        (DEBUG_LINE, Level.DEBUG),
        (b" \t" + DEBUG_LINE, Level.DEBUG),
        (b'{"timestamp":"2024-05-01T10:00:00.123456+02:00","level":"Trace"}\n', Level.TRACE),
        (b'{"timestamp":"2024-05-01T10:00:00.1Z","level":"ERROR"}\n', Level.ERROR),
        (b'{"timestamp":"2024-05-01T10:00:00Z","level":"FATAL"}\n', Level.FATAL),
        (b'{"timestamp":"2024-05-01T10:00:00Z","level":"WARNING"}\n', Level.INFO),
        (b'{"timestamp":"2024-05-01T10:00:00Z","level":50}\n', Level.INFO),
        (b'{"timestamp":"2024-05-01T10:00:00Z"}\n', Level.INFO),
        (b'{"timestamp":"yesterday","level":"ERROR"}\n', Level.INFO),
        (b'{"timestamp":"2024-05-01T10:00:00","level":"ERROR"}\n', Level.INFO),
        (b'{"timestamp":1714557600,"level":"DEBUG"}\n', Level.INFO),
        (b'{"level":"ERROR"}\n', Level.INFO),
        (b'{"level":"DEBUG"', Level.INFO),
        (b'["DEBUG"]\n', Level.INFO),
        (b'{"a":' * 100_000, Level.INFO),
    ],
)
def test_a_plain_line_has_the_level_that_it_says_and_else_info(line: bytes, level: Level) -> None:
    assert [wanted for wanted in Level if json_format(application=wanted).keeps(0, line)] == [
        wanted for wanted in Level if wanted <= level
    ]


@pytest.mark.parametrize(
    ("frame_type", "level"),
    [
        (0xA55A0007, Level.TRACE),
        (0xA55A000A, Level.DEBUG),
        (0xA55A000E, Level.INFO),
        (0xA55A0013, Level.WARN),
        (0xA55A0016, Level.ERROR),
        (0xA55A001B, Level.FATAL),
        (0xA55A0003, Level.INFO),
        (0xA55A0002, Level.INFO),
    ],
)
def test_a_framed_record_has_its_frames_level(frame_type: int, level: Level) -> None:
    """Section 3; a frame without a level is judged as a plain line."""
    for wanted in Level:
        assert json_format(application=wanted).keeps(frame_type, b"text") == (wanted <= level)


@given(st.integers(0, 2**32 - 1), st.binary(max_size=200) | st.text(max_size=50).map(lambda t: f"{{{t}".encode()))
def test_whatever_a_function_writes_has_a_level(frame_type: int, event: bytes) -> None:
    assert json_format(application=Level.TRACE).keeps(frame_type, event)
    json_format(application=Level.FATAL).keeps(frame_type, event)


# --- Text, and which of both ---


def test_text_has_lines_and_no_levels() -> None:
    text = TextFormat()
    assert text.record(CRASHED, NOW_MS) == (CRASHED.text(),)
    assert text.record(InitReport(1, Phase.INIT, Status.SUCCESS), NOW_MS) == ()
    report = Report("u", 1, None, 128)
    assert text.end(report, 36, NOW_MS) == (report.end_text(), report.text(36))
    assert text.keeps(0xA55A0007, b"trace")


TARGET = FunctionTarget(
    scope=Scope("000000000000", "eu-west-1"),
    function_name="fn",
    version="$LATEST",
    runtime="python3.13",
    handler="app.handler",
    memory_mb=128,
    timeout_seconds=3,
    ephemeral_storage_mb=512,
    environment={},
    role="",
    code_sha256="",
    log_group="",
    log_stream_prefix="",
    revision="",
)


def test_the_format_is_the_functions() -> None:
    assert isinstance(log_format_of(TARGET), TextFormat)
    target = replace(TARGET, log_format="JSON", application_log_level="WARN", system_log_level="DEBUG")
    log_format = log_format_of(target)
    assert not log_format.keeps(0, b"plain")
    assert log_format.keeps(0xA55A0013, b"warning")
    assert len(log_format.end(Report("u", 1, None, 128), 36, NOW_MS)) == 2
