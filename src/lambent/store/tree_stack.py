"""Lay unpacked trees over each other: one tree with what each of them has, where the later one wins.

The files of the new tree are hard links to those of the old ones: a stack costs its folders, not its bytes, and what
one function has read into the page cache the others find there. A file covers a folder and a folder a file; folders of
one name become one folder, with the mode of the last.
"""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

_CANT_LINK = {errno.EMLINK, errno.EPERM, errno.EXDEV, errno.EOPNOTSUPP}


def stack_trees(trees: Sequence[Path], target: Path) -> None:
    """Fill an empty folder.

    Args:
        trees: the lowest first; they must not change, then or later.

    Raises:
        OSError: it can't be written.
    """
    names: dict[str, list[os.DirEntry[str]]] = {}
    for tree in trees:
        with os.scandir(tree) as entries:
            for entry in entries:
                names.setdefault(entry.name, []).append(entry)
    for name, candidates in names.items():
        if candidates[-1].is_dir(follow_symlinks=False):
            folder = target / name
            folder.mkdir(mode=0o700)
            stack_trees(_folders_on_top(candidates), folder)
        else:
            _link(candidates[-1], target / name)
    # Last: a folder that may not be written to can't be filled by an ordinary user.
    target.chmod(trees[-1].stat().st_mode & 0o777)


def _folders_on_top(candidates: Sequence[os.DirEntry[str]]) -> list[Path]:
    """The folders that no file or link covers, the lowest first."""
    visible: list[Path] = []
    for entry in reversed(candidates):
        if not entry.is_dir(follow_symlinks=False):
            break
        visible.append(Path(entry.path))
    return visible[::-1]


def _link(entry: os.DirEntry[str], path: Path) -> None:
    if entry.is_symlink():
        path.symlink_to(Path(entry.path).readlink())
        return
    try:
        os.link(entry.path, path)
    except OSError as error:
        if error.errno not in _CANT_LINK:
            raise
        shutil.copy2(entry.path, path)
