"""Notices every change in a folder, by inotify: those made before a question are in its answer.

The kernel queues an event before the system call that caused it returns. Who reads the queue without waiting, as `poll`
does, therefore knows of everything that was saved before. A watcher which collects events in a thread for a while
(watchfiles, watchdog) can't say so, which is why this one stands on inotify itself.

What functions don't run isn't looked at: version control, caches, and the files that editors keep beside a file.
"""

import errno
import os
import re
import stat
import sys
from pathlib import Path

from inotify_simple import INotify, flags

_MASK = (
    flags.MODIFY
    | flags.ATTRIB
    | flags.CREATE
    | flags.DELETE
    | flags.MOVED_FROM
    | flags.MOVED_TO
    | flags.ONLYDIR
    | flags.DONT_FOLLOW
    | flags.EXCL_UNLINK
)
_IGNORED = re.compile(
    r"\.git|\.hg|\.svn|\.idea|\.vscode|__pycache__|\.cache|\.(mypy|pytest|ruff)_cache|\.DS_Store"
    r"|\..*\.sw[a-z]|4913|.*~|\.#.*|#.*#|.*___jb_(tmp|old)___"
)
_LINKS_NAMED = 3


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name is none that functions run."""
    return _IGNORED.fullmatch(name) is not None


class FolderWatch:
    """One folder with everything below it. Methods read the disk, but don't wait.

    Attributes:
        there: whether it was a folder when somebody looked last.
        incomplete: why not all of it is watched, if so: then any question is answered with "it may have changed".
        links_outside: some of the symbolic links, relative to the folder, that lead out of it.
    """

    def __init__(self, folder: Path) -> None:
        """Begin to watch; reads all subfolders, and takes milliseconds for each hundred of them.

        Raises:
            OSError: this process may not have another inotify instance (EMFILE), or the system has none (ENOSYS).
        """
        if sys.platform != "linux":
            raise OSError(errno.ENOSYS, "only Linux tells of changes in time")
        self.folder = folder
        self.there = False
        self.incomplete: OSError | None = None
        self.links_outside: list[str] = []
        self._root = folder
        self._directories: dict[int, Path] = {}
        self._identity: tuple[int, int] | None = None
        self._inotify = INotify(nonblocking=True)
        self._look_at_root()

    def fileno(self) -> int:
        """Readable when something has happened, not all of which is a change."""
        descriptor: int = self._inotify.fileno()
        return descriptor

    def poll(self) -> bool:
        """Whether the folder has, or may have, changed since the last call."""
        changed = False
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.IGNORED:
                self._directories.pop(event.wd, None)
            elif event.mask & flags.Q_OVERFLOW:
                self._identity = None
            elif event.wd in self._directories and not is_ignored(event.name):
                changed = True
                if event.mask & flags.ISDIR and event.mask & (flags.CREATE | flags.MOVED_TO):
                    self._add(self._directories[event.wd] / event.name)
        return self._look_at_root() or changed or self.incomplete is not None

    def close(self) -> None:
        """Watch no longer."""
        self._inotify.close()

    def _look_at_root(self) -> bool:
        """See whether the folder is still the same one; build tools remove and make theirs anew. Whether it isn't."""
        try:
            found = self.folder.stat()
            identity = (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None
        except OSError:
            identity = None
        self.there = identity is not None
        if identity == self._identity:
            return False
        self._identity = identity
        for descriptor in self._directories:
            try:
                self._inotify.rm_watch(descriptor)
            except OSError as error:
                if error.errno != errno.EINVAL:  # the directory has gone, and its watch with it
                    raise
        self._directories.clear()
        self.incomplete = None
        self.links_outside.clear()
        if self.there:
            self._root = self.folder.resolve()
            self._add(self._root)
        return True

    def _add(self, top: Path) -> None:
        """Watch a directory and all below it; each first, then what is in it, so that nothing is missed in between."""
        ahead = [top]
        while ahead and self.incomplete is None:
            directory = ahead.pop()
            try:
                self._directories[self._inotify.add_watch(directory, _MASK)] = directory
                with os.scandir(directory) as entries:
                    for entry in entries:
                        if entry.is_symlink():
                            self._note_link(Path(entry.path))
                        elif entry.is_dir() and not is_ignored(entry.name):
                            ahead.append(Path(entry.path))
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                continue  # gone already, or nobody may look into it
            except OSError as error:
                self.incomplete = error

    def _note_link(self, link: Path) -> None:
        if len(self.links_outside) < _LINKS_NAMED and leads_outside(link, self._root):
            self.links_outside.append(str(link.relative_to(self._root)))


def leads_outside(link: Path, root: Path) -> bool:
    """Whether a symbolic link means something else, or nothing, where only the folder root is: at /var/task."""
    try:
        target = str(link.readlink())
    except OSError:  # gone
        return False
    if target.startswith("/"):
        return not target.startswith("/var/task/")
    return not Path(os.path.normpath(link.parent / target)).is_relative_to(root)
