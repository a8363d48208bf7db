"""Deployment packages and their trees as the services see them: asynchronous, and nothing unpacked twice."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import ParamSpec, TypeVar

from lambent.core.layers import stack_digest
from lambent.store.blobs import BlobStore
from lambent.store.byte_code import ByteCodeFolder
from lambent.store.code_archive import ArchiveInfo, inspect_archive, unpacked_bytes_of
from lambent.store.code_trees import CodeTrees

P = ParamSpec("P")
T = TypeVar("T")


class CodeStore:
    """Checks, keeps, hands out and unpacks deployment packages."""

    def __init__(self, blobs: BlobStore, trees: CodeTrees, *, threads: int = 2) -> None:
        """Nothing is read yet.

        Args:
            threads: how many packages may be read, written or unpacked at the same time.
        """
        self._blobs = blobs
        self._trees = trees
        self._threads = ThreadPoolExecutor(threads, "code-store")
        self._making: dict[str, asyncio.Task[None]] = {}
        self._changing = Lock()  # a package is put, or deleted with its tree, never both; nothing is taken under it

    async def check(self, package: bytes) -> ArchiveInfo:
        """What a package comes to when unpacked.

        Raises:
            InvalidParameterValue: it is no zip or a damaged one, is empty, too large when unpacked, or not safe.
        """
        return await self._in_thread(inspect_archive, package)

    async def put(self, package: bytes) -> str:
        """Keep a package; on disk when this returns. Its SHA-256 in hex.

        Raises:
            StoreFull: no space left.
            StoreUnavailable: the disk failed.
        """
        return await self._in_thread(self._put, package)

    async def read(self, sha256: str) -> bytes:
        """The package of a digest, as it was uploaded.

        Raises:
            FileNotFoundError: there is none.
            StoreUnavailable: the disk failed.
        """
        return await self._in_thread(self._blobs.read, sha256)

    async def unpack(self, sha256: str) -> None:
        """Make `tree` exist; does nothing if it does, and waits for whoever is at it.

        Raises:
            FileNotFoundError: there is no such package.
            StoreFull: no space left.
            StoreUnavailable: the disk failed.
        """
        await self._once(sha256, lambda: self._in_thread(self._unpack, sha256))

    async def stack(self, layers: Sequence[str]) -> None:
        """Make `stacked_tree` exist; does nothing if it does, and waits for whoever is at it.

        Args:
            layers: digests of at least one layer, the lowest first.

        Raises:
            FileNotFoundError: there is no such layer.
            StoreFull: no space left.
            StoreUnavailable: the disk failed.
        """
        for sha256 in layers:
            await self.unpack(sha256)
        if len(layers) > 1:
            key = stack_digest(layers)
            await self._once(key, lambda: self._in_thread(self._stack, key, layers))

    def tree(self, sha256: str) -> Path:
        """The folder of an unpacked package; only there after `unpack`."""
        return self._trees.path(sha256)

    def stacked_tree(self, layers: Sequence[str]) -> Path:
        """The folder of layers laid over each other, the last on top; only there after `stack`."""
        return self._trees.path(stack_digest(layers))

    def byte_code(self, key: str, name: str) -> ByteCodeFolder:
        """One of the folders of byte code that a tree has, whether it is there or not.

        Args:
            key: the tree's: the digest of a package, or `stack_digest` of layers.
            name: what tells it from the tree's others.
        """
        return ByteCodeFolder(self._trees.byte_code(key) / name)

    async def unpacked_bytes(self, sha256: str) -> int:
        """The unpacked size of a package that is kept.

        Raises:
            FileNotFoundError: there is none.
            StoreUnavailable: the disk failed.
        """
        return await self._in_thread(unpacked_bytes_of, self._blobs.path(sha256))

    async def stored(self) -> dict[str, int | None]:
        """Everything that is kept: the digest of each package, and when it was put last (nanoseconds since 1970).

        Trees without a package (stacks, and those whose package is gone) are there too, with when they were made.

        Raises:
            StoreUnavailable: the disk failed.
        """
        return await self._in_thread(self._stored)

    async def delete(self, sha256: str, *, last_put: int | None) -> bool:
        """Forget a package and its tree, unless it was put again after `last_put`; whether it is forgotten.

        Nothing may refer to it, and no environment have the tree mounted.

        Raises:
            StoreUnavailable: the disk failed.
        """
        return await self._in_thread(self._delete, sha256, last_put)

    def close(self) -> None:
        """Finish what was begun. Blocks."""
        self._threads.shutdown()

    def _put(self, package: bytes) -> str:
        with self._changing:
            return self._blobs.put(package)

    def _stored(self) -> dict[str, int | None]:
        return {sha256: self._last_put(sha256) for sha256 in {*self._blobs.digests(), *self._trees.digests()}}

    def _last_put(self, sha256: str) -> int | None:
        last_put = self._blobs.last_put(sha256)
        return self._trees.last_made(sha256) if last_put is None else last_put

    def _delete(self, sha256: str, last_put: int | None) -> bool:
        with self._changing:
            if self._last_put(sha256) != last_put:
                return False
            self._blobs.delete(sha256)
            retired = self._trees.retire(sha256)
        for path in retired:
            self._trees.discard(path)
        return True

    def _unpack(self, sha256: str) -> None:
        self._trees.unpack(sha256, self._blobs.path(sha256))

    def _stack(self, key: str, layers: Sequence[str]) -> None:
        # One that is there may be marked as unused: it must not be deleted now that a function has it.
        with self._changing:
            there = self._trees.touch(key)
        if not there:
            self._trees.stack(key, layers)

    async def _once(self, key: str, make: Callable[[], Awaitable[None]]) -> None:
        """Make a tree unless somebody is at it already, and wait until it is made."""
        if key not in self._making:
            task = asyncio.get_running_loop().create_task(self._make(key, make), name=f"unpack {key}")
            self._making[key] = task
        # A caller that is cancelled leaves the others their tree.
        await asyncio.shield(self._making[key])

    async def _make(self, key: str, make: Callable[[], Awaitable[None]]) -> None:
        try:
            await make()
        finally:
            del self._making[key]

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))
