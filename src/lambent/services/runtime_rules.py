"""Which runtime a function may have: one that AWS knows and still accepts, and that this host can run.

The declared runtime runs or the request is refused: never another version.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime

from lambent.clock import Clock
from lambent.core.errors import InvalidParameterValue
from lambent.runtimes.catalogue import RUNTIMES, Runtime, unknown_runtime_message, unsupported_runtime_message


class RuntimeRules:
    """Checks runtime identifiers of requests.

    Args:
        unavailable: why this host can't run an identifier, or None if it can.
    """

    def __init__(self, *, clock: Clock, unavailable: Callable[[str], str | None]) -> None:
        self._clock = clock
        self._unavailable = unavailable

    def check_create(self, identifier: str) -> None:
        """Raises InvalidParameterValue unless a function can be created with the runtime today."""
        if self._known(identifier).blocks_create(self._today()):
            raise InvalidParameterValue(unsupported_runtime_message(identifier))
        self._check_host(identifier)

    def check_update(self, identifier: str) -> None:
        """Raises InvalidParameterValue unless a function can be given the runtime today."""
        if self._known(identifier).blocks_update(self._today()):
            raise InvalidParameterValue(unsupported_runtime_message(identifier))
        self._check_host(identifier)

    def _known(self, identifier: str) -> Runtime:
        runtime = RUNTIMES.get(identifier)
        if runtime is None:
            raise InvalidParameterValue(unknown_runtime_message(identifier))
        return runtime

    def _check_host(self, identifier: str) -> None:
        reason = self._unavailable(identifier)
        if reason is not None:
            raise InvalidParameterValue(f"Runtime {identifier} is not available on this host: {reason}")

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock.now_ms() // 1000, UTC).date()
