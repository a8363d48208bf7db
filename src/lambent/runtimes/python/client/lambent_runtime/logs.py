"""What the function says: stdout, stderr and the root logger become LOG frames.

``print`` is written through at every line end and flush, so that a line is with the server before the
answer is. Logger records are typed frames, each one event however many lines it has. Where frames can't
go, in a forked child or after the server has gone, both fall back to the descriptors 1 and 2, which
are a pipe to the server; what a subprocess or C code writes takes that way always.

Layouts, frame types and the names of the handler classes (libraries look for them) are AWS's.
Source: reference of the telemetry log descriptor; observed (awslambdaric 4.2.2).
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import time
import traceback

from lambent_runtime.frames import Channel, ChannelClosed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FRAME_BASE = 0xA55A0000
_TEXT, _JSON = 3, 2
_LEVEL_BITS = {
    logging.NOTSET: 0x00,
    logging.DEBUG: 0x08,
    logging.INFO: 0x0C,
    logging.WARNING: 0x10,
    logging.ERROR: 0x14,
    logging.CRITICAL: 0x18,
}
_TEXT_LAYOUT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
_TEXT_DATE = "%Y-%m-%dT%H:%M:%S"
_JSON_DATE = "%Y-%m-%dT%H:%M:%SZ"
_NO_BREAK_SPACE = "\u00a0"

# Of a record's attributes those that a JSON line shows under another name or not at all.
_NOT_EXTRA = frozenset(vars(logging.makeLogRecord({}))) - {"taskName"} | {
    "aws_request_id",
    "tenant_id",
    "_frame_type",
}

# What AWS's client says before every failed initialisation.
UNHANDLED_EXCEPTION_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare "
    "cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, "
    "runtime updates can be triggered by a function change, or can be applied automatically. To determine if the "
    "runtime has been updated, check the runtime version in the INIT_START log entry. If this error correlates with "
    "a change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the "
    "previous runtime version. For more information, see "
    "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)


def frame_type(log_format: int, level: int) -> int:
    """AWS's frame type of a record; levels between the named ones count as the one below."""
    return _FRAME_BASE | _LEVEL_BITS[_named_level(level)] | log_format


def _named_level(level: int) -> int:
    return min(logging.CRITICAL, max(logging.NOTSET, level)) // 10 * 10


class CurrentInvocation:
    """Whose invocation a log record belongs to: the one being served, or the last one."""

    def __init__(self) -> None:
        self.request_id = ""
        self.tenant_id: str | None = None


class _OutputFrames(io.BufferedIOBase):
    """The binary side of stdout or stderr: every write is one LOG frame."""

    mode = "wb"

    def __init__(self, channel: Channel, fd: int, name: str) -> None:
        super().__init__()
        self.name = name
        self._channel = channel
        self._fd = fd

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return False

    def write(self, data: object) -> int:
        if self.closed:
            raise ValueError("write to closed file")
        text = bytes(data)  # type: ignore[call-overload]  # as above
        if text:
            try:
                self._channel.log(0, 0, text)
            except ChannelClosed:
                write_all(self._fd, text)
        return len(text)


def write_all(fd: int, data: bytes) -> None:
    """Write to one of the descriptors 1 and 2, which are a pipe to the server."""
    while data:
        data = data[os.write(fd, data) :]


class Output:
    """The process's stdout and stderr: installs the streams, and knows them even if the function replaces them."""

    def __init__(self, channel: Channel) -> None:
        self._out = _stream(channel, 1, "<stdout>", _stdout_errors())
        self._err = _stream(channel, 2, "<stderr>", "backslashreplace")
        sys.stdout = sys.__stdout__ = self._out  # type: ignore[misc]  # as the interpreter does at its start
        sys.stderr = sys.__stderr__ = self._err  # type: ignore[misc]  # as above

    def flush(self) -> None:
        """Send what was printed without a line end."""
        try:
            self._out.flush()
            self._err.flush()
        except ValueError:
            pass  # the function closed its stdout or stderr; it can't have printed anything since


def _stream(channel: Channel, fd: int, name: str, errors: str) -> io.TextIOWrapper:
    stream = io.TextIOWrapper(
        _OutputFrames(channel, fd, name),
        encoding="utf-8",
        errors=errors,
        newline="\n",
        line_buffering=True,
    )
    stream.mode = "w"  # type: ignore[misc]  # as the interpreter does
    return stream


def _stdout_errors() -> str:
    """What an interpreter chooses in AWS's locale: python3.12 and later run in C.UTF-8, the others in en_US.UTF-8."""
    return "surrogateescape" if os.environ.get("LC_CTYPE") == "C.UTF-8" else "strict"


class FrameSink:
    """Where log handlers and ``context.log`` write: one record, one event."""

    def __init__(self, channel: Channel, log_format: int = _TEXT) -> None:
        self._channel = channel
        self._error_type = frame_type(log_format, logging.ERROR)

    def log(self, msg: str, frame_type: int | None = None) -> None:
        """Send a record's text."""
        text = msg.encode()
        try:
            self._send(text, frame_type or _FRAME_BASE | _TEXT)
        except ChannelClosed:
            write_all(1, text)

    def log_error(self, lines: list[str]) -> None:
        """Send an error of several lines as one record."""
        try:
            self._send("\n".join(lines).encode("utf-8", "backslashreplace"), self._error_type)
        except ChannelClosed:
            # On the pipe a line feed would end the event.
            write_all(1, ("\r".join(lines) + "\n").encode("utf-8", "backslashreplace"))

    def _send(self, text: bytes, kind: int) -> None:
        self._channel.log(kind, time.time_ns() // 1000, text)


class LambdaLoggerHandler(logging.Handler):
    """The root logger's handler in Text format without a level. An error in formatting is raised to the caller."""

    def __init__(self, log_sink: FrameSink) -> None:
        super().__init__()
        self.log_sink = log_sink

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record without a level."""
        self.log_sink.log(self.format(record))


class LambdaLoggerHandlerWithFrameType(LambdaLoggerHandler):
    """The root logger's handler where the server filters by level."""

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record with its level."""
        text = self.format(record)
        kind = getattr(record, "_frame_type", None) or frame_type(_TEXT, record.levelno)
        self.log_sink.log(text, kind)


class LambdaLoggerFilter(logging.Filter):
    """Gives every record the attributes ``aws_request_id`` and ``tenant_id``."""

    def __init__(self, current: CurrentInvocation) -> None:
        super().__init__()
        self._current = current

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, with two more attributes."""
        record.aws_request_id = self._current.request_id
        record.tenant_id = self._current.tenant_id
        return True


class JsonFormatter(logging.Formatter):
    """A record as one JSON object, with what the function gave as ``extra``."""

    def __init__(self) -> None:
        super().__init__(datefmt=_JSON_DATE)
        self._encode = json.JSONEncoder(ensure_ascii=False, default=str).encode

    def format(self, record: logging.LogRecord) -> str:
        """The JSON text and a line feed."""
        record.levelno = _named_level(record.levelno)
        record.levelname = logging.getLevelName(record.levelno)
        record._frame_type = frame_type(_JSON, record.levelno)  # noqa: SLF001  # the handler reads it
        fields = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.msg if isinstance(record.msg, dict) and not record.args else record.getMessage(),
            "logger": record.name,
            **_exception_fields(record),
        }
        if getattr(record, "tenant_id", None) is not None:
            fields["tenantId"] = record.tenant_id  # type: ignore[attr-defined]  # set by the filter
        for name, value in vars(record).items():
            if name not in _NOT_EXTRA and name not in fields:
                fields[name] = value
        return self._encode({name: value for name, value in fields.items() if value is not None}) + "\n"


def _exception_fields(record: logging.LogRecord) -> dict[str, object]:
    error_type, error, trace = record.exc_info or (None, None, None)
    return {
        "stackTrace": traceback.format_tb(trace) if error_type else None,
        "errorType": error_type.__name__ if error_type else None,
        "errorMessage": str(error) if error_type else None,
        "requestId": getattr(record, "aws_request_id", None),
        "location": "%s:%s:%s" % (record.pathname, record.funcName, record.lineno) if error_type else None,
    }


class ErrorLog:
    """Writes error documents into the log, in the function's log format."""

    def __init__(self, sink: FrameSink, *, json_format: bool) -> None:
        self._sink = sink
        self._json_format = json_format

    def write(self, document: dict[str, object], encode: Callable[[object], str]) -> None:
        """Write one error document as one record; encode makes JSON as the function's answers have it."""
        if self._json_format:
            timestamp = time.strftime(_JSON_DATE, time.gmtime())
            self._sink.log_error([encode({"timestamp": timestamp, "level": "ERROR", **document})])
        else:
            self._sink.log_error(_text_lines(document))


def _text_lines(document: dict[str, object]) -> list[str]:
    error_type, message = document["errorType"], document["errorMessage"]
    first = "[ERROR]"
    if error_type:
        first += " %s" % error_type
    if message:
        first += "%s %s" % (":" if error_type else "", message)
    lines = [first, "Traceback (most recent call last):"]
    for element in document["stackTrace"]:  # type: ignore[attr-defined]  # a list of strings
        for line in element.splitlines() or [""]:
            text = line.lstrip(" ")
            lines.append(_NO_BREAK_SPACE * (len(line) - len(text)) + text)
    return lines


def set_up(channel: Channel, current: CurrentInvocation) -> ErrorLog:
    """Give the root logger AWS's handler, format and level; returns the log for error documents."""
    json_format = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")
    level = "DEBUG" if level == "TRACE" else level.upper()
    sink = FrameSink(channel, _JSON if json_format else _TEXT)
    handler = (LambdaLoggerHandlerWithFrameType if json_format or level else LambdaLoggerHandler)(sink)
    handler.setFormatter(JsonFormatter() if json_format else logging.Formatter(_TEXT_LAYOUT, _TEXT_DATE))
    handler.addFilter(LambdaLoggerFilter(current))
    logging.Formatter.converter = time.gmtime
    root = logging.getLogger()
    if isinstance(logging.getLevelName(level), int):
        root.setLevel(level)
    root.addHandler(handler)
    return ErrorLog(sink, json_format=json_format)
