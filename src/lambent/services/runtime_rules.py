"""Which runtime a function may have: one that AWS knows and still accepts, and that this host can run.

The declared runtime runs or the request is refused: never another version.
"""

import logging
from collections.abc import Awaitable, Callable

from lambent.clock import Clock
from lambent.core.errors import InvalidParameterValue
from lambent.core.function_features import RuntimeFeatures
from lambent.runtimes.catalogue import RUNTIMES, Runtime, unknown_runtime_message, unsupported_runtime_message

logger = logging.getLogger(__name__)


class RuntimeRules:
    """Checks runtime identifiers of requests.

    Args:
        unavailable: why this host can't run an identifier, or None if it can.
    """

    def __init__(self, *, clock: Clock, unavailable: Callable[[str], Awaitable[str | None]]) -> None:
        self._clock = clock
        self._unavailable = unavailable

    async def check_create(self, identifier: str) -> None:
        """Refuse a function that can't be created today; warn of a deprecated one in the log.

        Raises:
            InvalidParameterValue: AWS doesn't know the runtime or has blocked it, or this host can't run it.
        """
        runtime = _known(identifier)
        if runtime.blocks_create(self._clock.today()):
            raise InvalidParameterValue(unsupported_runtime_message(identifier))
        await self._check_host(identifier)
        self._warn_if_deprecated(runtime)

    async def check_update(self, identifier: str) -> None:
        """Refuse a runtime that a function can't be given today; an update that names none may always be.

        Raises:
            InvalidParameterValue: as `check_create`.

        Source: observed (published tests of nodejs12.x, December 2025).
        """
        runtime = _known(identifier)
        if runtime.blocks_update(self._clock.today()):
            raise InvalidParameterValue(unsupported_runtime_message(identifier))
        await self._check_host(identifier)
        self._warn_if_deprecated(runtime)

    def check_code_update(self, identifier: str) -> None:
        """Refuse other code for a function whose runtime is blocked for updates.

        Raises:
            InvalidParameterValue: it is.

        Source: as `check_update`; developer guide, "Runtime deprecation policy".
        """
        if _known(identifier).blocks_update(self._clock.today()):
            raise InvalidParameterValue(unsupported_runtime_message(identifier))

    def features(self, identifier: str) -> RuntimeFeatures:
        """What AWS offers for functions of a runtime. Raises InvalidParameterValue when AWS doesn't know it."""
        return _known(identifier).features

    async def _check_host(self, identifier: str) -> None:
        reason = await self._unavailable(identifier)
        if reason is not None:
            raise InvalidParameterValue(f"Runtime {identifier} is not available on this host: {reason}")

    def _warn_if_deprecated(self, runtime: Runtime) -> None:
        if runtime.deprecated is not None and runtime.deprecated <= self._clock.today():
            logger.warning(
                "The runtime %s is deprecated since %s. Functions can't be created with it from %s on, nor updated "
                "from %s on.",
                runtime.identifier,
                runtime.deprecated,
                runtime.block_create,
                runtime.block_update,
            )


def _known(identifier: str) -> Runtime:
    runtime = RUNTIMES.get(identifier)
    if runtime is None:
        raise InvalidParameterValue(unknown_runtime_message(identifier))
    return runtime
