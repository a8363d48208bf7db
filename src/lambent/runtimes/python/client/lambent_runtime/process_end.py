"""How an interpreter ends, for a process that was forked from another one.

Such a process must never return into what it was forked from, so it carries out what the interpreter
does at its end itself: report what wasn't caught, wait for threads, run exit functions, flush.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading

from lambent_runtime import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn


def end(error: BaseException) -> NoReturn:
    """End the process as an interpreter does that this exception was not caught in."""
    status = _report(error)
    _shut_down()
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status)


def _report(error: BaseException) -> int:
    """Print what an interpreter prints; the exit status."""
    if isinstance(error, SystemExit):
        if error.code is None:
            return 0
        if isinstance(error.code, int):
            return error.code & 0xFF
        _attempt(lambda: print(error.code, file=sys.stderr))
        return 1
    trace = errors.function_traceback(error)
    _attempt(lambda: sys.excepthook(type(error), error.with_traceback(trace), trace))
    return 1


def _shut_down() -> None:
    # Private, but what every supported interpreter calls, by these names and in this order.
    _attempt(threading._shutdown)  # type: ignore[attr-defined]  # noqa: SLF001
    _attempt(atexit._run_exitfuncs)  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        _attempt(stream.flush)


def _attempt(step: Callable[[], object]) -> None:
    """The end goes on whatever the function did to its streams, hooks and threads."""
    with contextlib.suppress(BaseException):
        step()
