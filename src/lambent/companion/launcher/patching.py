"""Changes to moto's modules, made right after each has been executed, and before anyone can take a name from it.

moto imports its services late, and most of them import each other's names. A change that is made at import time is
there whoever is first, and costs nothing for services that aren't used.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

Change = Callable[[ModuleType], None]
"""Changes a module that has just been executed."""


class PatchTargetMissing(Exception):
    """moto has no such name: this version isn't the one that the launcher was made for."""


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put what `make` makes of the original in its place.

    Args:
        owner: a module or class.

    Raises:
        PatchTargetMissing: there is no original.
    """
    original = getattr(owner, name, None)
    if original is None:
        raise PatchTargetMissing(f"{owner.__name__}.{name}")
    setattr(owner, name, make(original))


def install(changes: Mapping[str, Change]) -> None:
    """Have each module changed when it is imported.

    Args:
        changes: by the module's full name; none of them may have been imported yet.
    """
    there = sorted(set(changes) & set(sys.modules))
    if there:
        raise PatchTargetMissing(f"imported too early: {', '.join(there)}")
    sys.meta_path.insert(0, _Finder(changes))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, changes: Mapping[str, Change]) -> None:
        self._changes = changes

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        change = self._changes.get(fullname)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, change)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, original: importlib.abc.Loader, change: Change) -> None:
        self._original = original
        self._change = change

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._original.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._original.exec_module(module)
        self._change(module)
