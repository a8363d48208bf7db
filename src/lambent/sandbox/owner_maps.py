"""Files that only their owner may read, shown to an execution environment as its own.

A developer's folder has private files: mode 0600, or a home that nobody else may enter. An environment has an id of
its own on the host and may read none of them. An id-mapped mount (Linux 5.12) changes who owns the files as seen
through this one mount, and nothing on the disk: the owner's become the environment's. The mapping is a user
namespace, which lives as long as a process or a descriptor refers to it.
"""

import errno
import logging
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lambent.sandbox.mounts import clone_tree_read_only

# The file system can't map (EINVAL), this process may not (EPERM), or there is no util-linux (ENOENT).
_CANNOT_MAP = {errno.EINVAL, errno.EPERM, errno.ENOENT}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnedFolder:
    """A folder on the host that environments are to read with its owner's eyes."""

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)


def clone_as_owner(folder: OwnedFolder, reader: int) -> int:
    """A detached, read-only bind mount in which the folder's owner and group are reader; the caller closes it.

    Where that can't be done (overlayfs and NFS couldn't when this was written) the log says so, and only what everybody
    may read can be read. Takes about 3 ms.

    Args:
        reader: user id and group id of the environment on the host.

    Raises:
        OSError: the folder isn't there.
    """
    found = folder.path.stat()
    if found.st_uid == reader:  # the environment is its owner already
        return clone_tree_read_only(folder.path)
    try:
        namespace = _user_namespace((found.st_uid, found.st_gid), reader)
        try:
            return clone_tree_read_only(folder.path, user_namespace=namespace)
        finally:
            os.close(namespace)
    except OSError as error:
        if error.errno not in _CANNOT_MAP:
            raise
        logger.warning("Files of %s that not everybody may read can't be read by functions: %s", folder.path, error)
        return clone_tree_read_only(folder.path)


def _user_namespace(owner: tuple[int, int], reader: int) -> int:
    """A namespace in which the owner's two ids mean the reader's.

    Nobody runs in it. To make one, a process must be born into it: `unshare` (util-linux) makes it, and `cat` waits
    until the maps are written.
    """
    with subprocess.Popen(["unshare", "--user", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.read(1)
        here = Path("/proc", str(process.pid))
        for name, number in zip(("uid_map", "gid_map"), owner, strict=True):
            (here / name).write_text(f"{number} {reader} 1", encoding="ascii")
        return os.open(here / "ns" / "user", os.O_RDONLY | os.O_CLOEXEC)
