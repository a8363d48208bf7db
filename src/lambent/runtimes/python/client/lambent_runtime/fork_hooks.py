"""What the standard library wants done around forks, kept from the zygote's forks for those of the functions.

`threading`, `logging`, `random` and `concurrent.futures` register calls that free a forked process of other threads'
locks, and seed it anew. The zygote has one thread only, and whose process it becomes is seeded by `runtime`. There the
calls would only cost: a millisecond, and copies of 200 pages that the process would have shared.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_kept: list[dict[str, Any]] = []
_register = os.register_at_fork


def keep() -> None:
    """Keep from now on what is registered with `os.register_at_fork`; before anything is imported that does."""
    os.register_at_fork = _keep


def _keep(**calls: Any) -> None:  # as the function that it replaces
    _kept.append(calls)


def give() -> None:
    """Register what was kept, in a process that is a function's from now on."""
    os.register_at_fork = _register
    for calls in _kept:
        _register(**calls)
    _kept.clear()
