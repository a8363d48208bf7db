"""Byte code of an unpacked package: a folder with the package's folders and, for its modules, .pyc files.

The package's own tree is never written to, and no link of it followed: neither can lead out of this folder. Files
appear one by one, each by a rename; environments have the folder mounted meanwhile. `finish` says that there will be no
more. What says so lies beside the folder.

Everything blocks.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lambent.store.durable_files import file_errors, temporary_beside

_SUFFIX = ".py"
_MAX_NAME_BYTES = 254  # a file of byte code has one letter more


class Module(NamedTuple):
    """A source file of a package."""

    path: str
    """Relative to the package's tree."""
    size: int
    """In bytes."""


def python_modules(tree: Path) -> list[Module]:
    """The modules of a tree, ordered by path; links are left out, and what is behind them."""
    with file_errors():
        return sorted(_modules_below(tree, ""))


def _modules_below(folder: Path, prefix: str) -> Iterator[Module]:
    try:
        entries = list(os.scandir(folder))
    except PermissionError:  # an ordinary user's server can't look everywhere in what it has unpacked
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _modules_below(Path(entry.path), f"{prefix}{entry.name}/")
        elif _is_module(entry):
            yield Module(prefix + entry.name, entry.stat(follow_symlinks=False).st_size)


def _is_module(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    return name.endswith(_SUFFIX) and len(os.fsencode(name)) <= _MAX_NAME_BYTES and entry.is_file(follow_symlinks=False)


class ByteCodeFolder:
    """The byte code of one tree for one interpreter and one place that the tree is mounted at."""

    def __init__(self, path: Path) -> None:
        """Args: path: the folder; it and its parent needn't exist."""
        self.path = path
        self._finished = path.with_name(f"{path.name}.finished")

    @property
    def is_there(self) -> bool:
        """Whether it can be mounted."""
        return self.path.is_dir()

    @property
    def is_finished(self) -> bool:
        """Whether nothing will be added."""
        return self._finished.exists()

    def begin(self, modules: Sequence[Module]) -> list[Module]:
        """Make the folder, if it isn't there; the modules that have no byte code yet.

        Raises:
            StoreFull: no space left.
            StoreUnavailable: the disk failed.
        """
        with file_errors():
            if not self.is_there:
                self._make({Path(module.path).parent for module in modules})
            return [module for module in modules if not self._file(module).exists()]

    def add(self, module: Module, content: bytes) -> None:
        """Give a module its byte code.

        Raises:
            FileNotFoundError: the folder has been deleted with its tree.
            StoreFull: no space left.
            StoreUnavailable: the disk failed.
        """
        temporary = temporary_beside(self.path)
        with file_errors():
            try:
                temporary.write_bytes(content)
                temporary.chmod(0o644)  # read by sandboxes under other users
                temporary.rename(self._file(module))
            finally:
                temporary.unlink(missing_ok=True)

    def finish(self) -> None:
        """Nothing more will come.

        Raises:
            StoreFull: no space left.
            StoreUnavailable: the disk failed.
        """
        with file_errors():
            self._finished.touch()

    def _file(self, module: Module) -> Path:
        return self.path / f"{module.path}c"

    def _make(self, folders: set[Path]) -> None:
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        temporary = temporary_beside(self.path)
        try:
            for folder in [Path(), *sorted(folders)]:
                (temporary / folder).mkdir(parents=True, exist_ok=True)
            for name, _, _ in os.walk(temporary):
                Path(name).chmod(0o755)
            temporary.rename(self.path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
