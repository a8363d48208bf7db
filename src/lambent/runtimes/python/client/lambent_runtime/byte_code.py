"""Byte code of the function's modules that was made when the function was deployed.

It is mounted beside /var/task and /opt instead of in them, so that a function finds there what its package brought and
nothing else. A module that has some is loaded by a loader of ours. All others have Python's own, which uses the
package's ``__pycache__`` or compiles; so the traceback of a module that doesn't compile is as without us.

A module's byte code has its path below the mount and one letter more: ``pkg/module.pyc``. Nothing is compared with the
source's time, because neither can change; folders behind symbolic links have no byte code.
"""

from __future__ import annotations

import importlib.util
import marshal
import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from importlib.abc import PathEntryFinder

HEADER_BYTES = 16  # as PEP 552 has it: magic number, flags, hash of the source
UNCHECKED_HASH = (1).to_bytes(4, "little")

# Where code is, and where its byte code is.
_roots: dict[str, str] = {}


class Loader(SourceFileLoader):
    """Python's loader of source files, for a module that has byte code."""

    def get_code(self, fullname: str) -> types.CodeType | None:
        """The module's code; raises as Python's own."""
        code = _read(self.path)
        return super().get_code(fullname) if code is None else code


def install(roots: dict[str, str]) -> None:
    """Look for byte code from now on, where there is some.

    Args:
        roots: directory of code → directory of its byte code, which needn't have any.
    """
    _roots.clear()
    if sys.flags.optimize:  # another code than ours
        return
    _roots.update({code: made for code, made in roots.items() if _has_entries(made)})
    if not _roots:
        return
    sys.path_hooks.insert(0, _finder)
    for path in [path for path in sys.path_importer_cache if _root_of(path) is not None]:
        del sys.path_importer_cache[path]


def _loader(fullname: str, path: str) -> SourceFileLoader:
    made = _byte_code_of(path)
    return SourceFileLoader(fullname, path) if made is None or not os.path.exists(made) else Loader(fullname, path)


_find_files = FileFinder.path_hook(
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (_loader, SOURCE_SUFFIXES),  # type: ignore[arg-type]  # what it is called for is the same
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
)


def _finder(path: str) -> PathEntryFinder:
    if _root_of(path) is None:
        raise ImportError("not the function's", path=path)
    return _find_files(path)


def _root_of(path: str) -> str | None:
    for root in _roots:
        if path.startswith(root) and path[len(root) : len(root) + 1] in {"", "/"}:
            return root
    return None


def _byte_code_of(path: str) -> str | None:
    root = _root_of(path)
    return None if root is None else _roots[root] + path[len(root) :] + "c"


def _read(path: str) -> types.CodeType | None:
    made = _byte_code_of(path)
    if made is None:
        return None
    try:
        with open(made, "rb", buffering=0) as file:
            data = file.readall()
        if data[:4] != importlib.util.MAGIC_NUMBER:
            return None
        code: types.CodeType = marshal.loads(memoryview(data)[HEADER_BYTES:])  # noqa: S302  # of the function's own
    except (OSError, EOFError, ValueError, TypeError):
        return None
    return code


def _has_entries(directory: str) -> bool:
    try:
        return bool(os.listdir(directory))
    except OSError:
        return False
