"""The two log formats of a function: how the platform's records are written, and which events are kept.

*Text* writes the lines of `report` and keeps everything. *JSON* writes each platform record as the Telemetry API's
events, one JSON object a line, and has two levels. The *system level* decides which of those are written. The
*application level* decides which of the function's own events are: a framed record has its level in its frame; a plain
line that is a JSON object with a `timestamp` and a `level` has that one; every other line counts as INFO. What is kept
is stored as the function wrote it.

A time-out or crash is told by `platform.report` in JSON, and beside it by the same words as in Text: no platform event
has them, and a developer wants them. Source for this: unverified. For the rest: reference/logs-metrics-traces.md
section 4, reference/extensions-telemetry.md section 4.2.
"""

import json
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Final, Protocol

from lambent.core.function import FunctionTarget
from lambent.core.report import (
    InitializationType,
    InitReport,
    InitStart,
    LogsDropped,
    Origin,
    PlatformRecord,
    Report,
    Start,
    Status,
    milliseconds,
    runtime_version,
    runtime_version_arn,
    timestamp,
)

_LEVEL_SHIFT: Final = 2
_LEVEL_MASK: Final = 0x7
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")


class Level(IntEnum):
    """How much an event matters; the values are those in AWS's log frames."""

    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARN = 4
    ERROR = 5
    FATAL = 6


class LogFormat(Protocol):
    """What a function's LoggingConfig makes of what is to be logged."""

    def record(self, record: PlatformRecord, now_ms: int) -> Sequence[str]:
        """The log events of a platform record; none where the format has none for it."""

    def start(self, request_id: str, version: str, origin: Origin, now_ms: int) -> Sequence[str]:
        """The log events of an invocation's begin: what `record` makes of `Start`."""

    def end(self, report: Report, max_memory_used_mb: int, now_ms: int) -> Sequence[str]:
        """The log events of an invocation's end; the most memory used so far comes from the environment's sandbox."""

    def keeps(self, frame_type: int, event: bytes) -> bool:
        """Whether an event of the function is stored.

        Args:
            frame_type: AWS's type of a framed record, or 0 for a line of plain output.
        """


class TextFormat:
    """LogFormat=Text."""

    def record(self, record: PlatformRecord, now_ms: int) -> Sequence[str]:  # noqa: ARG002 # the other format's
        """The record's line."""
        text = record.text()
        return (text,) if text else ()

    def start(self, request_id: str, version: str, origin: Origin, now_ms: int) -> Sequence[str]:  # noqa: ARG002 # as above
        """START."""
        return (f"START RequestId: {request_id} Version: {version}\n",)

    def end(self, report: Report, max_memory_used_mb: int, now_ms: int) -> Sequence[str]:  # noqa: ARG002 # as above
        """END and REPORT."""
        return f"END RequestId: {report.request_id}\n", report.text(max_memory_used_mb)

    def keeps(self, frame_type: int, event: bytes) -> bool:  # noqa: ARG002 # as above
        """There are no levels with Text."""
        return True


class JsonFormat:
    """LogFormat=JSON of one function version."""

    def __init__(
        self, *, function_name: str, function_version: str, application_level: Level, system_level: Level
    ) -> None:
        self._function_name = function_name
        self._function_version = function_version
        self._application_level = application_level
        self._system_level = system_level

    def record(self, record: PlatformRecord, now_ms: int) -> Sequence[str]:
        """The record's events that the system level lets through."""
        match record:
            case Start(request_id, version, origin):
                started = {"requestId": request_id, "version": version, **_tracing(origin), **_tenant(origin)}
                return self._events(now_ms, (Level.INFO, "platform.start", started))
            case InitStart():
                return self._events(now_ms, (Level.INFO, "platform.initStart", self._init_start(record)))
            case InitReport():
                return self._init_report(record, now_ms)
            case LogsDropped():
                return self._events(now_ms, (Level.WARN, "platform.logsDropped", record.fields()))
            case _:  # a time-out or a crash
                return (record.text(),)

    def start(self, request_id: str, version: str, origin: Origin, now_ms: int) -> Sequence[str]:
        """`platform.start`, if the system level lets it through."""
        return self.record(Start(request_id, version, origin), now_ms)

    def end(self, report: Report, max_memory_used_mb: int, now_ms: int) -> Sequence[str]:
        """`platform.runtimeDone` and `platform.report`, as far as the system level lets them through."""
        succeeded = report.status is Status.SUCCESS
        status = _status(report.status, report.error_type)
        duration = {"durationMs": milliseconds(report.duration_us)}
        metrics = {
            **duration,
            "billedDurationMs": report.billed_duration_ms(),
            "memorySizeMB": report.memory_size_mb,
            "maxMemoryUsedMB": report.used_memory_mb(max_memory_used_mb),
        }
        if report.init_duration_us is not None:
            metrics["initDurationMs"] = milliseconds(report.init_duration_us)
        tracing = _tracing(report.origin)
        done = {"requestId": report.request_id, **status, "metrics": duration, **tracing, **_tenant(report.origin)}
        reported = {"requestId": report.request_id, "metrics": metrics, **tracing, **status}
        return self._events(
            now_ms,
            (Level.DEBUG if succeeded else Level.WARN, "platform.runtimeDone", done),
            (Level.INFO if succeeded else Level.WARN, "platform.report", reported),
        )

    def keeps(self, frame_type: int, event: bytes) -> bool:
        """Whether the event's level is at least the application level."""
        wanted = self._application_level
        return wanted is Level.TRACE or _event_level(frame_type, event) >= wanted

    def _init_start(self, record: InitStart) -> Mapping[str, object]:
        return {
            "initializationType": record.initialization,
            "phase": record.phase,
            "functionName": self._function_name,
            "functionVersion": self._function_version,
            "runtimeVersion": runtime_version(record.runtime),
            "runtimeVersionArn": runtime_version_arn(record.runtime, record.region),
        }

    def _init_report(self, record: InitReport, now_ms: int) -> Sequence[str]:
        succeeded = record.status is Status.SUCCESS
        on_demand = record.initialization is InitializationType.ON_DEMAND
        done_level = Level.DEBUG if succeeded else Level.WARN
        report_level = Level.INFO if succeeded and not on_demand else done_level
        outcome = {
            "initializationType": record.initialization,
            "phase": record.phase,
            **_status(record.status, record.error_type),
        }
        metrics = {"durationMs": milliseconds(record.duration_us)}
        return self._events(
            now_ms,
            (done_level, "platform.initRuntimeDone", outcome),
            (report_level, "platform.initReport", {**outcome, "metrics": metrics}),
        )

    def _events(self, now_ms: int, *events: tuple[Level, str, Mapping[str, object]]) -> Sequence[str]:
        return [
            json.dumps({"time": timestamp(now_ms), "type": kind, "record": record}, separators=(",", ":")) + "\n"
            for level, kind, record in events
            if level >= self._system_level
        ]


def log_format_of(target: FunctionTarget) -> LogFormat:
    """The format that a function version's LoggingConfig asks for."""
    if target.log_format != "JSON":
        return TextFormat()
    return JsonFormat(
        function_name=target.function_name,
        function_version=target.version,
        application_level=_named_level(target.application_log_level),
        system_level=_named_level(target.system_log_level),
    )


def _status(status: Status, error_type: str | None) -> Mapping[str, object]:
    return {"status": status} if error_type is None else {"status": status, "errorType": error_type}


def _tracing(origin: Origin) -> Mapping[str, object]:
    """Of a sampled trace; that records of others have none, and which segments are named, is unverified."""
    if origin.trace is None:
        return {}
    value = str(origin.trace._replace(lineage=""))
    return {"tracing": {"spanId": origin.trace.parent, "type": "X-Amzn-Trace-Id", "value": value}}


def _tenant(origin: Origin) -> Mapping[str, object]:
    return {"tenantId": origin.tenant_id} if origin.tenant_id else {}


def _named_level(name: object) -> Level:
    """A level by its name, in any case; INFO where there is none of that name."""
    return Level.__members__.get(name.upper(), Level.INFO) if isinstance(name, str) else Level.INFO


def _event_level(frame_type: int, event: bytes) -> int:
    framed = frame_type >> _LEVEL_SHIFT & _LEVEL_MASK
    return framed or _line_level(event)


def _line_level(line: bytes) -> Level:
    """The level that a line of plain output says it has."""
    if not line.lstrip().startswith(b"{"):
        return Level.INFO
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):  # whatever a function prints
        return Level.INFO
    if not _RFC_3339.fullmatch(str(fields.get("timestamp"))):
        return Level.INFO
    return _named_level(fields.get("level"))
