"""Unpacked deployment packages: each once, by the SHA-256 of the package, ready to be mounted read-only.

A tree appears by a rename when it is complete; what a killed server left half-way has a temporary name, and is removed
at the next start. Nothing is synced, because everything can be unpacked again: after SIGKILL the kernel still has all
that was written, and after a power cut, which another boot id tells, all trees are thrown away.

Methods block; the event loop calls them from a thread.
"""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from lambent.store.code_archive import unpack_archive
from lambent.store.durable_files import TEMPORARY_PREFIX, file_errors, temporary_beside

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class CodeTrees:
    """A folder of trees: `<directory>/<sha256>/`."""

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
        temporary = temporary_beside(tree)
        with file_errors():
            temporary.mkdir(mode=0o700)
            try:
                unpack_archive(package, temporary)
                temporary.chmod(0o755)
                _rename(temporary, tree)
            finally:
                if temporary.exists():
                    _remove_tree(temporary)
        return tree

    def digests(self) -> set[str]:
        """SHA-256 of every package that is unpacked."""
        with file_errors():
            names = {entry.name for entry in os.scandir(self._directory) if entry.is_dir()}
        return {name for name in names if not name.startswith(TEMPORARY_PREFIX)}

    def retire(self, sha256: str) -> Path | None:
        """Make a tree not be there, which is quick; what was the tree, for `discard`. None if there is none."""
        temporary = temporary_beside(self.path(sha256))
        with file_errors(), suppress(FileNotFoundError):
            self.path(sha256).rename(temporary)
            return temporary
        return None

    def discard(self, retired: Path) -> None:
        """Delete the files of what was a tree, which no environment may have mounted; takes as long as that takes."""
        with file_errors():
            _remove_tree(retired)


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
