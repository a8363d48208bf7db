"""`lambent logs FUNCTION`: read a function's log from the data directory, with or without a server running."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from lambent.commands.terminal import Terminal
from lambent.core.scope import Scope
from lambent.observe.log_names import default_log_group
from lambent.observe.log_reader import LogReader
from lambent.observe.log_segment import LogEvent

LOG_DIRECTORY = "logs"
"""Where a data directory has its logs."""

_POLL_SECONDS = 0.1  # as often as a server writes
_UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PLATFORM_LINE = re.compile(r"(INIT_START|START|END|REPORT|INIT_REPORT|EXTENSION|TELEMETRY) ")


def run(data_directory: Path, scope: Scope, function: str, *, since_ms: int | None, follow: bool) -> int:
    """Show the events of a function's log group, oldest first.

    Args:
        function: its name, or a log group, which begins with a slash.
        since_ms: leave out what is older (epoch milliseconds).
        follow: go on with what is written from now on, until interrupted.

    Returns:
        0, or 1 when there is no such log.
    """
    reader = LogReader(data_directory / LOG_DIRECTORY)
    group = function if function.startswith("/") else default_log_group(function)
    if follow:
        _show(reader.follow(scope, group, wait=lambda: time.sleep(_POLL_SECONDS), since_ms=since_ms))
    elif not reader.exists(scope, group):
        Terminal.error().line(
            f"lambent: no log of {function} in account {scope.account}, region {scope.region}, {data_directory}"
        )
        return 1
    _show(reader.read(scope, group, since_ms=since_ms))
    return 0


def parse_since(text: str, *, now_ms: int) -> int:
    """The time in epoch milliseconds that `--since` means: an age such as 90s, 10m, 2h, 7d, or an ISO 8601 time.

    Raises:
        ValueError: it is neither.
    """
    age = re.fullmatch(r"(\d+)([smhd])", text)
    if age is not None:
        return now_ms - int(age[1]) * _UNITS[age[2]]
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _show(events: Iterator[LogEvent]) -> None:
    terminal = Terminal.output()
    for event in events:
        moment = datetime.fromtimestamp(event.timestamp_ms / 1000, UTC)
        stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{event.timestamp_ms % 1000:03d}Z"
        message = event.message.rstrip("\n")
        if _PLATFORM_LINE.match(message):
            message = terminal.dim(message)
        terminal.line(f"{terminal.dim(stamp)}  {message}")
