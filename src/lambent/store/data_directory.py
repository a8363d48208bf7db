"""The folder that holds everything one server remembers, and the lock that lets only one server use it.

    lock          locked by the server that uses the folder, and its process id
    layout        number of this layout; a newer Lambent may have another
    control.db    functions and whatever else the API manages
    queue.db      events that wait for an asynchronous invocation, what is to be sent afterwards, and their history
    control-token lets its owner's programs use the control endpoints
    packages/     deployment packages by SHA-256
    code/         the same, unpacked, and byte code of it; can be made again
    logs/         log events
    companion-N.sock  where the other AWS services are, while they run (lambent.companion)

Only its owner may look inside: environment variables of functions are secrets.
"""

import errno
import fcntl
import os
from pathlib import Path
from typing import Self

from lambent.store.durable_files import write_durably
from lambent.store.errors import StoreUnavailable

LAYOUT = 1
_FOLDERS = ("packages", "code", "logs")
_DATABASES = ("control.db", "queue.db")


class DataDirectoryError(Exception):
    """The data directory can't be used; the message is a sentence for whoever started the server."""


class DataDirectory:
    """A data directory that is locked for this process until `close`.

    The lock ends with the process, however that ends. It belongs to the open file: a child that was forked without an
    exec and outlives the server would keep it.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> Self:
        """Make the folder if it isn't there, and lock it.

        Raises:
            DataDirectoryError: it is not a folder, can't be written to, is in use, or was made by a newer Lambent.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            _take(lock, path)
            _check_layout(path)
            for folder in _FOLDERS:
                (path / folder).mkdir(mode=0o700, exist_ok=True)
            _keep_private(path)
        except OSError as error:
            os.close(lock)
            raise _unusable(path, error) from error
        except BaseException:
            os.close(lock)
            raise
        return cls(path, lock)

    @property
    def control_database(self) -> Path:
        """The SQLite file of the control state."""
        return self.path / _DATABASES[0]

    @property
    def queue_database(self) -> Path:
        """The SQLite file of the event queue."""
        return self.path / _DATABASES[1]

    @property
    def packages(self) -> Path:
        """The folder of deployment packages."""
        return self.path / "packages"

    @property
    def code(self) -> Path:
        """The folder of unpacked packages."""
        return self.path / "code"

    @property
    def logs(self) -> Path:
        """The folder of log events."""
        return self.path / "logs"

    def close(self) -> None:
        """Let another server use it. A second call does nothing."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _keep_private(path: Path) -> None:
    """Functions' variables are in the databases: they are their owner's only, whoever may look into the folder.

    SQLite gives the files beside a database the mode that this has.
    """
    for name in _DATABASES:
        os.close(os.open(path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        for file in path.glob(f"{name}*"):
            file.chmod(0o600)


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        by = f" (process {owner})" if owner else ""
        raise DataDirectoryError(f"The data directory {path} is in use by another Lambent{by}.") from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _check_layout(path: Path) -> None:
    file = path / "layout"
    try:
        found = file.read_text("ascii").strip()
    except FileNotFoundError:
        try:
            write_durably(file, f"{LAYOUT}\n".encode())
        except StoreUnavailable as error:
            raise DataDirectoryError(f"The data directory {path} can't be written to: {error}") from error
        return
    except UnicodeDecodeError:
        found = ""
    if not found.isdecimal():
        raise DataDirectoryError(f"The data directory {path} is damaged: its file `layout` has no number.")
    if int(found) > LAYOUT:
        raise DataDirectoryError(
            f"The data directory {path} was made by a newer Lambent (layout {found}, this one knows {LAYOUT})."
        )


def _unusable(path: Path, error: OSError) -> DataDirectoryError:
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return DataDirectoryError(f"The data directory {path} can't be used: {error.filename} is not a directory.")
    return DataDirectoryError(f"The data directory {path} can't be written to: {error.strerror}.")
