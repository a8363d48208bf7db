"""Unpacked deployment packages and layers: each once, by the SHA-256 of the archive, ready to be mounted read-only.

Functions with several layers have a *stack* of them, which is a tree too, with a key made of theirs. Beside a tree of
Python modules lies their byte code (`lambent.store.byte_code`), which ends with the tree.

A tree appears by a rename when it is complete; what a killed server left half-way has a temporary name, and is removed
at the next start. Nothing is synced, because everything can be unpacked again: after SIGKILL the kernel still has all
that was written, and after a power cut, which another boot id tells, all trees are thrown away.

Methods block; the event loop calls them from a thread.
"""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from lambent.store.code_archive import unpack_archive
from lambent.store.durable_files import TEMPORARY_PREFIX, file_errors, temporary_beside
from lambent.store.tree_stack import stack_trees

_BYTE_CODE = ".byte-code"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class CodeTrees:
    """A folder of trees, `<directory>/<sha256>/`, and of their byte code, `<directory>/<sha256>.byte-code/`."""

    def __init__(self, directory: Path, *, boot_id: str | None = None) -> None:
        """Use a folder that exists, and clear it of what can't be trusted.

        Args:
            directory: for these trees alone.
            boot_id: changes when the machine restarts; the kernel's own if None.
        """
        self._directory = directory
        boot_id = boot_id or _kernels_boot_id()
        record = directory / "boot_id"
        trusted = boot_id is not None and record.is_file() and record.read_text() == boot_id
        for entry in directory.iterdir():
            if entry.name.startswith(TEMPORARY_PREFIX) or (entry.is_dir() and not trusted):
                _remove_tree(entry)
        if boot_id is not None:
            record.write_text(boot_id)

    def path(self, sha256: str) -> Path:
        """Where a tree is, or would be."""
        return self._directory / sha256

    def byte_code(self, sha256: str) -> Path:
        """Where folders of a tree's byte code are, or would be."""
        return self._directory / f"{sha256}{_BYTE_CODE}"

    def unpack(self, sha256: str, package: Path) -> Path:
        """Make the tree of a package; does nothing if it is there.

        Raises:
            InvalidParameterValue: the package is not a valid archive.
            FileNotFoundError: there is no package at that path.
            StoreFull: no space left; nothing is left behind.
            StoreUnavailable: the disk failed.
        """
        tree = self.path(sha256)
        if tree.is_dir():
            return tree
        with file_errors():
            self._make(tree, lambda temporary: unpack_archive(package, temporary))
        return tree

    def stack(self, key: str, layers: Sequence[str]) -> None:
        """Make a tree of several trees laid over each other; does nothing if it is there.

        Args:
            key: what it will be known as.
            layers: digests of trees that are there, the lowest first.

        Raises:
            FileNotFoundError: one isn't there.
            StoreFull: no space left; nothing is left behind.
            StoreUnavailable: the disk failed.
        """
        tree = self.path(key)
        with file_errors():
            if tree.is_dir():
                return
            trees = [self.path(sha256) for sha256 in layers]
            self._make(tree, lambda temporary: stack_trees(trees, temporary))

    def touch(self, sha256: str) -> bool:
        """Make a tree as young as a new one; whether there is one."""
        with file_errors(), suppress(FileNotFoundError):
            os.utime(self.path(sha256))
            return True
        return False

    def last_made(self, sha256: str) -> int | None:
        """When a tree was made, in nanoseconds since 1970; None if there is none."""
        try:
            with file_errors():
                return self.path(sha256).stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def digests(self) -> set[str]:
        """SHA-256 of every package that is unpacked."""
        with file_errors():
            names = {entry.name for entry in os.scandir(self._directory) if entry.is_dir()}
        return {name for name in names if not name.startswith(TEMPORARY_PREFIX) and not name.endswith(_BYTE_CODE)}

    def retire(self, sha256: str) -> list[Path]:
        """Make a tree and its byte code not be there, which is quick; what they were, for `discard`."""
        retired = []
        for path in (self.byte_code(sha256), self.path(sha256)):  # no byte code without its tree
            temporary = temporary_beside(path)
            with file_errors(), suppress(FileNotFoundError):
                path.rename(temporary)
                retired.append(temporary)
        return retired

    def discard(self, retired: Path) -> None:
        """Delete the files of what was a tree, which no environment may have mounted; takes as long as that takes."""
        with file_errors():
            _remove_tree(retired)

    def _make(self, tree: Path, fill: Callable[[Path], None]) -> None:
        temporary = temporary_beside(tree)
        temporary.mkdir(mode=0o700)
        try:
            fill(temporary)
            temporary.chmod(0o755)
            _rename(temporary, tree)
        finally:
            if temporary.exists():
                _remove_tree(temporary)


def _rename(temporary: Path, tree: Path) -> None:
    try:
        temporary.rename(tree)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        # Somebody else unpacked the same package meanwhile: theirs is as good.


def _remove_tree(path: Path) -> None:
    try:
        shutil.rmtree(path)
    except NotADirectoryError:
        path.unlink()
    except PermissionError:
        # An archive may have folders that not even their owner may enter; root doesn't notice, an ordinary user does.
        for folder, names, _ in os.walk(path):
            for name in names:
                entry = Path(folder, name)
                if not entry.is_symlink():
                    entry.chmod(0o700)
        shutil.rmtree(path)


def _kernels_boot_id() -> str | None:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:  # not Linux
        return None
