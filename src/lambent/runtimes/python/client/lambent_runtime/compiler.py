"""The function that compiles other functions' modules, in an environment of its own.

Nothing of what it compiles is on ``sys.path`` or run. Its environment has the limits and the isolation of every other:
source that brings the compiler down, or worse, has reached nobody else.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import marshal
import os
import resource
import warnings

from lambent_runtime.byte_code import HEADER_BYTES, UNCHECKED_HASH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CPU_SECONDS = 20
_CHECK_SOURCE = 0b10


def handler(event: dict[str, Any], context: object) -> list[str | None]:  # noqa: ARG001  # as every handler has it
    """Compile some modules.

    Args:
        event: "directory" where the modules are now, "place" where they will be, "modules" as paths below both.

    Returns:
        for each module its .pyc file in Base64; None if it has none: it doesn't compile, can't be read, or the package
        brings byte code of its own that Python would use.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))  # of all calls together
    warnings.simplefilter("ignore")  # are given to the function, by what it compiles itself
    made = [_compiled(os.path.join(event["directory"], name), event["place"] + "/" + name) for name in event["modules"]]
    return [None if file is None else base64.b64encode(file).decode() for file in made]


def _compiled(path: str, place: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            source = file.read()
            status = os.fstat(file.fileno())
        if _has_own(path, source, int(status.st_mtime)):
            return None
        # What importlib.machinery.SourceLoader.source_to_code does.
        code = compile(source, place, "exec", dont_inherit=True)
        return _header(source) + marshal.dumps(code)
    except Exception:  # nobody imports it yet; who does is told
        return None


def _header(source: bytes) -> bytes:
    return importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source)


def _has_own(path: str, source: bytes, mtime: int) -> bool:
    """Whether the package has a .pyc file that Python would use, by the rules of PEP 552."""
    with contextlib.suppress(OSError), open(importlib.util.cache_from_source(path), "rb") as file:
        header = file.read(HEADER_BYTES)
        flags = int.from_bytes(header[4:8], "little")
        if len(header) < HEADER_BYTES or header[:4] != importlib.util.MAGIC_NUMBER or flags > 0b11:
            return False
        if flags & 1:
            return not flags & _CHECK_SOURCE or header[8:] == importlib.util.source_hash(source)
        return header[8:] == _in_32_bits(mtime) + _in_32_bits(len(source))
    return False


def _in_32_bits(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4, "little")
