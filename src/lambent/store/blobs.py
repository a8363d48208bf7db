"""Deployment packages, kept by the SHA-256 of their bytes.

A blob's name is its content: it never changes, two functions with the same package share one, and `put` of what is
there does nothing. Names appear by a rename after the content is on disk, so a SIGKILL leaves at worst a temporary
file, which the next start removes.

Methods block; the event loop calls them from a thread.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from lambent.store.durable_files import TEMPORARY_PREFIX, file_errors, sync_directory, write_durably


class BlobStore:
    """A folder of blobs: `<directory>/<first two digits>/<sha256>`."""

    def __init__(self, directory: Path) -> None:
        """Use a folder that exists.

        Args:
            directory: for this store alone; temporary files in it, left by a server that was killed, are removed.
        """
        self._directory = directory
        for rubbish in directory.glob(f"*/{TEMPORARY_PREFIX}*"):
            rubbish.unlink(missing_ok=True)

    def put(self, content: bytes) -> str:
        """Keep a blob; on disk when this returns. One that is kept already only becomes as young as a new one.

        Returns:
            Its SHA-256, 64 hex digits.

        Raises:
            StoreFull: no space left; nothing is left behind.
            StoreUnavailable: the disk failed.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        with file_errors():
            if path.exists():
                os.utime(path)
                return sha256
            if not path.parent.exists():
                path.parent.mkdir(exist_ok=True)
                sync_directory(self._directory)
            write_durably(path, content)
        return sha256

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob to read it.

        Raises:
            FileNotFoundError: there is none.
            StoreUnavailable: the disk failed.
        """
        with file_errors():
            return self.path(sha256).open("rb")

    def read(self, sha256: str) -> bytes:
        """All of a blob. Raises as `open`."""
        with file_errors():
            return self.path(sha256).read_bytes()

    def path(self, sha256: str) -> Path:
        """Where a blob is, or would be."""
        return self._directory / sha256[:2] / sha256

    def digests(self) -> list[str]:
        """SHA-256 of every blob."""
        with file_errors():
            return [path.name for path in self._directory.glob("??/*") if not path.name.startswith(TEMPORARY_PREFIX)]

    def last_put(self, sha256: str) -> int | None:
        """When a blob was put last, in nanoseconds since 1970; None if there is none."""
        try:
            with file_errors():
                return self.path(sha256).stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def delete(self, sha256: str) -> None:
        """Forget a blob; nothing happens if there is none.

        Whether anything still refers to it is the caller's knowledge, and so is that nobody is just putting it again.
        """
        with file_errors():
            self.path(sha256).unlink(missing_ok=True)
