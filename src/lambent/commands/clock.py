"""`lambent clock`: show the clock of retries, destinations and idle environments, or move it ahead."""

import re
from typing import Any

from lambent.commands.client import RequestFailed
from lambent.commands.control import ControlClient
from lambent.commands.terminal import Terminal

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600}


def parse_duration(text: str) -> float:
    """The seconds in a duration such as 90s, 2m or 1.5h.

    Raises:
        ValueError: it is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if match is None:
        raise ValueError(text)
    return float(match[1]) * _UNITS[match[2]]


def run(client: ControlClient, *, advance_seconds: float | None) -> int:
    """Show the clock, after it was moved if it is to be.

    Returns:
        0, or 1 when the server can't be reached or refuses.
    """
    try:
        if advance_seconds is None:
            clock = client.request("GET", "clock")
        else:
            clock = client.request("POST", "clock", {"seconds": f"{advance_seconds:.3f}"})
    except RequestFailed as failure:
        unknown = failure.code == "UnknownOperationException"
        reason = "the server's clock can't be moved: it is no `lambent dev`" if unknown else failure
        Terminal.error().line(f"lambent: {reason}")
        return 1
    _show(clock)
    return 0


def _show(clock: Any) -> None:
    ahead = clock["aheadSeconds"]
    Terminal.output().line(f"{clock['now']}{f', {ahead:g} seconds ahead' if ahead else ''}")
