"""The platform's own lines in a function's log: INIT_START, START, END, REPORT, INIT_REPORT, time-outs and crashes.

A *platform record* is the fact; `text()` is its line in the text log format, byte for byte as AWS writes it: fields
separated by TABs, a TAB before the final newline of REPORT, milliseconds with two decimals. `log_format` has the JSON.
Durations come in as microseconds and are rounded once, to the hundredth of a millisecond that is printed, so that
Billed Duration is always the printed durations' sum, rounded up.
Source: reference/logs-metrics-traces.md section 2.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from lambent.core.trace_header import TraceHeader, parse_trace_header

_RUNTIME_IDENTIFIER: Final = re.compile(r"([a-z]+)\.?(.+?)(?:\.x)?")
_SAMPLED: Final = ";Sampled=1"
_RUNTIME_BUILD: Final = "v1"  # AWS counts the builds of a runtime; ours has one


class Phase(StrEnum):
    """Where an Init ran: in its own phase, or again inside an invocation ("suppressed init")."""

    INIT = "init"
    INVOKE = "invoke"


class InitializationType(StrEnum):
    """Why an environment was initialised: because an invocation waits, or ahead of every invocation."""

    ON_DEMAND = "on-demand"
    PROVISIONED_CONCURRENCY = "provisioned-concurrency"


class Status(StrEnum):
    """How an Init or an invocation ended; a handler's exception is a success of the platform."""

    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"


_SUCCESS = Status.SUCCESS  # every invocation asks, and a member of an enumeration takes long to look up


def runtime_version(runtime: str) -> str:
    """The version text of a runtime identifier: "python3.13" is `python:3.13.v1`, "nodejs22.x" `nodejs:22.v1`."""
    match = _RUNTIME_IDENTIFIER.fullmatch(runtime)
    family, version = match.groups() if match else (runtime, "1")
    return f"{family}:{version}.{_RUNTIME_BUILD}"


def runtime_version_arn(runtime: str, region: str) -> str:
    """The ARN of a runtime version: 64 hexadecimal digits that stand for this runtime, in this region."""
    digest = hashlib.sha256(f"{region}:{runtime_version(runtime)}".encode()).hexdigest()
    return f"arn:aws:lambda:{region}::runtime:{digest}"


@dataclass(frozen=True, slots=True)
class InitStart:
    """An Init begins."""

    runtime: str
    region: str
    phase: Phase
    initialization: InitializationType = InitializationType.ON_DEMAND

    def text(self) -> str:
        """The line; an Init inside an invocation has none."""
        if self.phase is Phase.INVOKE:
            return ""
        arn = runtime_version_arn(self.runtime, self.region)
        return f"INIT_START Runtime Version: {runtime_version(self.runtime)}\tRuntime Version ARN: {arn}\n"


@dataclass(frozen=True, slots=True)
class InitReport:
    """An Init is over.

    Attributes:
        duration_us: microseconds.
        error_type: for `Status.ERROR`.
    """

    duration_us: float
    phase: Phase
    status: Status
    error_type: str | None = None
    initialization: InitializationType = InitializationType.ON_DEMAND

    def text(self) -> str:
        """The line; a successful on-demand Init has none."""
        if self.status is Status.SUCCESS and self.initialization is InitializationType.ON_DEMAND:
            return ""
        duration = f"Init Duration: {milliseconds(self.duration_us):.2f} ms"
        return f"INIT_REPORT {duration}\tPhase: {self.phase}{_outcome(self.status, self.error_type)}\n"


class Origin(NamedTuple):
    """Where an invocation comes from, as far as its records say so.

    Attributes:
        trace: the trace header that the function has, if it is sampled.
        tenant_id: of a function with tenants, or empty.
    """

    trace: TraceHeader | None = None
    tenant_id: str = ""


NO_ORIGIN: Final = Origin()
"""That of most invocations."""


def origin_of(trace_id: str, tenant_id: str) -> Origin:
    """What an invocation's records say of its trace header and its tenant."""
    if _SAMPLED in trace_id:
        return Origin(parse_trace_header(trace_id), tenant_id)
    return Origin(None, tenant_id) if tenant_id else NO_ORIGIN


@dataclass(slots=True)
class Start:
    """An invocation begins."""

    request_id: str
    version: str
    origin: Origin = NO_ORIGIN

    def text(self) -> str:
        """The line."""
        return f"START RequestId: {self.request_id} Version: {self.version}\n"


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The function's timeout passed; two newlines, as on AWS.

    Attributes:
        now_ms: epoch milliseconds.
    """

    request_id: str
    message: str
    now_ms: int

    def text(self) -> str:
        """The line."""
        return f"{timestamp(self.now_ms)} {self.request_id} {self.message}\n\n"


@dataclass(frozen=True, slots=True)
class Crashed:
    """The runtime process ended during an invocation: one log event of two lines."""

    request_id: str
    message: str
    error_type: str

    def text(self) -> str:
        """The line."""
        return f"RequestId: {self.request_id} Error: {self.message}\n{self.error_type}\n"


@dataclass(frozen=True, slots=True)
class LogsDropped:
    """The environment wrote more than may be stored."""

    dropped_records: int
    dropped_bytes: int

    def fields(self) -> Mapping[str, object]:
        """The record of `platform.logsDropped`."""
        return {
            "reason": "The environment wrote more than its log budget",
            "droppedRecords": self.dropped_records,
            "droppedBytes": self.dropped_bytes,
        }

    def text(self) -> str:
        """The line, JSON in this format too: that loss is never an ordinary line. Source: unverified."""
        return json.dumps({"type": "platform.logsDropped", "record": self.fields()}, separators=(",", ":")) + "\n"


@dataclass(slots=True)
class Report:
    """An invocation is over.

    Attributes:
        duration_us: microseconds from delivery (or from the beginning of a suppressed init) to the end.
        init_duration_us: of the Init phase; only for the first invocation after a successful one.
        memory_size_mb: the function's MemorySize.
        out_of_memory: the kernel ended the process at its limit, so the whole memory was used.
        origin: whose trace and tenant it is.
    """

    request_id: str
    duration_us: float
    init_duration_us: float | None
    memory_size_mb: int
    status: Status = Status.SUCCESS
    error_type: str | None = None
    out_of_memory: bool = False
    origin: Origin = NO_ORIGIN

    def end_text(self) -> str:
        """The END line."""
        return f"END RequestId: {self.request_id}\n"

    def billed_duration_ms(self) -> int:
        """Init Duration and Duration together, rounded up to a millisecond; at least one."""
        hundredths = round(self.duration_us / 10)
        if self.init_duration_us is not None:
            hundredths += _hundredths(self.init_duration_us)
        return -(-hundredths // 100) or 1

    def used_memory_mb(self, max_memory_used_mb: int) -> int:
        """Max Memory Used, where the sandbox knows of this much."""
        return self.memory_size_mb if self.out_of_memory else max_memory_used_mb

    def text(self, max_memory_used_mb: int) -> str:
        """The REPORT line, and that of a sampled trace, which belongs to the same log event.

        That the segment is the function's own is unverified.

        Args:
            max_memory_used_mb: the most memory that the environment has used so far, from its sandbox.
        """
        init = "" if self.init_duration_us is None else f"Init Duration: {milliseconds(self.init_duration_us):.2f} ms\t"
        outcome = "" if self.status is _SUCCESS else _outcome(self.status, self.error_type)[1:]
        used_mb = self.memory_size_mb if self.out_of_memory else max_memory_used_mb
        return (
            f"REPORT RequestId: {self.request_id}\tDuration: {round(self.duration_us / 10) / 100:.2f} ms\t"
            f"Billed Duration: {self.billed_duration_ms()} ms\tMemory Size: {self.memory_size_mb} MB\t"
            f"Max Memory Used: {used_mb} MB\t{init}{outcome}\n"
            f"{'' if self.origin.trace is None else _xray_text(self.origin.trace)}"
        )


# `Start` and `Report` are never changed either, but frozen dataclasses are slow to make, and every invocation has them.
PlatformRecord = InitStart | InitReport | Start | TimedOut | Crashed | LogsDropped


def timestamp(now_ms: int) -> str:
    """Epoch milliseconds as RFC 3339, as everything that the platform writes has them."""
    return f"{datetime.fromtimestamp(now_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}Z"


def milliseconds(microseconds: float) -> float:
    """A duration as it is reported: milliseconds with at most two decimals."""
    return _hundredths(microseconds) / 100


def _xray_text(trace: TraceHeader) -> str:
    return f"XRAY TraceId: {trace.root}\tSegmentId: {trace.parent}\tSampled: true\t\n"


def _hundredths(microseconds: float) -> int:
    """Hundredths of a millisecond, which is what is printed."""
    return round(microseconds / 10)


def _outcome(status: Status, error_type: str | None) -> str:
    suffix = "" if error_type is None else f"\tError Type: {error_type}"
    return f"\tStatus: {status}{suffix}"
