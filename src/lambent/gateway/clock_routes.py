"""The control endpoint of the clock: look at it, and move it ahead, so that nobody has to wait for a retry.

`lambent clock` is its client. What goes by this clock: the queue of asynchronous invocations with what is sent
afterwards, and how long environments may be idle.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from lambent.clock import MovableClock
from lambent.core.errors import InvalidParameterValue
from lambent.gateway.control import Parameters, Route

MOST_SECONDS = 12 * 3_600
"""How far the clock may be moved at once: further than any delay there is, and not past all history."""

_WRONG = f"The clock is moved ahead by more than 0 and at most 12 hours ({MOST_SECONDS} seconds) at once."


def clock_routes(clock: MovableClock) -> Sequence[Route]:
    """The routes, for the table of `Control`."""

    async def show(_parameters: Parameters) -> Any:
        return _shown(clock)

    async def advance(parameters: Parameters) -> Any:
        clock.advance(_milliseconds(parameters.get("seconds", "")))
        return _shown(clock)

    return (Route("GET", "clock", (), show), Route("POST", "clock", ("seconds",), advance))


def _milliseconds(seconds: str) -> int:
    try:
        given = Decimal(seconds)
    except InvalidOperation:
        given = Decimal(0)
    milliseconds = int(given * 1_000) if given.is_finite() and given <= MOST_SECONDS else 0
    if milliseconds < 1:
        raise InvalidParameterValue(_WRONG)
    return milliseconds


def _shown(clock: MovableClock) -> dict[str, Any]:
    now_ms = clock.now_ms()
    moment = datetime.fromtimestamp(now_ms // 1_000, UTC)
    return {"now": f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1_000:03}Z", "aheadSeconds": clock.ahead_ms / 1_000}
