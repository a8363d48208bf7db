"""Files that are either there, whole and on disk, or not there at all: also after a SIGKILL or a power cut."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lambent.store.errors import StoreFull, StoreUnavailable

TEMPORARY_PREFIX = ".writing-"
"""What a file or folder is called until it is whole; whatever is called so at start is rubbish of a killed server."""

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_durably(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write or replace a file; when this returns it is on disk under its name.

    The name appears by a rename, after the content was synced: nobody ever sees a part of it.

    Args:
        mode: permissions, less the process's umask.

    Raises:
        StoreFull: no space left; nothing is left behind.
        StoreUnavailable: the disk failed, or may not be written to.
    """
    temporary = temporary_beside(path)
    with file_errors():
        try:
            with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


def temporary_beside(path: Path) -> Path:
    """A name in the same folder that nobody else uses."""
    return path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")


def sync_directory(directory: Path) -> None:
    """Bring a folder's names to the disk: a rename alone may be forgotten in a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def file_errors() -> Iterator[None]:
    """Turn the operating system's errors into this package's; a file that isn't there stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        kind = StoreFull if error.errno in _NO_SPACE else StoreUnavailable
        raise kind(str(error)) from error
