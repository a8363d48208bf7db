"""The trace header of the invocation in hand, in the environment variable where AWS's clients have it.

The variable changes with every invocation, and both Python's ``os.environ`` and the C library's environment, which
child processes inherit, must have it. glibc's ``setenv`` never frees what it was given once: a busy environment would
fill its memory with old headers, and take longer to set each further one. ``putenv`` keeps the caller's own memory
instead, which is written anew in place.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes

VARIABLE = "_X_AMZN_TRACE_ID"
_NAME = VARIABLE.encode()
_LONGEST = 512


class TraceVariable:
    """Sets the variable: in memory of its own where it can, as any variable is set where it can't."""

    def __init__(self) -> None:
        # Python's own copy of the environment, by encoded names. Not there in every interpreter there may be.
        self._variables: dict[bytes, bytes] = getattr(os.environ, "_data", {})
        self._buffer = _buffer()
        self._last: bytes | None = None  # what the buffer has, if the buffer is in the C library's environment

    def set(self, trace_id: str) -> None:
        """Set the variable, or remove it where the invocation has no trace header."""
        if self._last is not None and self._variables.get(_NAME) is self._last and 0 < len(trace_id) < _LONGEST:
            self._write(trace_id)
        elif trace_id:
            self._set_anew(trace_id)
        else:
            self._last = None
            os.environ.pop(VARIABLE, None)

    def _set_anew(self, trace_id: str) -> None:
        """Set it for the first time, or after the function's own code did."""
        self._last = None
        os.environ[VARIABLE] = trace_id
        if self._buffer is not None and _NAME in self._variables and len(trace_id) < _LONGEST:
            self._write(trace_id)
            library = sys.modules["ctypes"]
            # The C library has it from now on, until after the interpreter's end.
            library.pythonapi.Py_IncRef(library.py_object(self._buffer))
            library.CDLL(None).putenv(self._buffer)

    def _write(self, trace_id: str) -> None:
        value = trace_id.encode("utf-8", "surrogateescape")
        self._buffer.value = _NAME + b"=" + value  # type: ignore[union-attr]  # whoever calls this has looked
        self._variables[_NAME] = self._last = value


def _buffer() -> ctypes.Array[ctypes.c_char] | None:
    """Memory for the variable, where ctypes is loaded already: elsewhere that takes longer than all it would save."""
    module = sys.modules.get("ctypes")
    if module is None or not hasattr(module, "CDLL") or not hasattr(module, "create_string_buffer"):
        return None
    buffer: ctypes.Array[ctypes.c_char] = module.create_string_buffer(len(_NAME) + 4 * _LONGEST)
    return buffer
