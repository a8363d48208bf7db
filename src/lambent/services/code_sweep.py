"""Code that no version refers to any more is deleted: packages and their trees, an hour after they fell out of use.

Nothing is counted or locked while functions are created and deleted. Now and then the sweep *marks* what is unused,
and what it had marked the time before and is unused still, it deletes. The hour in between is longer than any request
that has put its package and not yet committed its function, and longer than an environment of deleted code lives on (at
most one invocation). A package that is put again in between is younger than the mark, and stays.

At the start of a server there are neither requests nor environments: what is unused then goes at once.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from lambent.store import functions as table
from lambent.store.database import Database
from lambent.store.errors import StoreError

SWEEP_SECONDS = 3_600.0

logger = logging.getLogger(__name__)


class StoredCode(Protocol):
    """What the sweep needs of the code store."""

    async def stored(self) -> Mapping[str, int | None]:
        """The digest of each package or tree, and when the package was put last."""

    async def delete(self, sha256: str, *, last_put: int | None) -> bool:
        """Forget a package and its tree, unless it was put again; whether it is forgotten."""


class CodeSweep:
    """Deletes unused code in the background."""

    def __init__(self, *, database: Database, store: StoredCode) -> None:
        self._database = database
        self._store = store
        self._marked: Mapping[str, int | None] = {}

    async def mark(self) -> None:
        """Note what is unused now; also called once at the start, before the first request.

        Raises:
            StoreError: it can't be read.
        """
        # In this order: what is put and committed in between is not in the first answer.
        stored = await self._store.stored()
        in_use = await self._database.read(table.code_in_use)
        self._marked = {sha256: last_put for sha256, last_put in stored.items() if sha256 not in in_use}

    async def delete_marked(self) -> int:
        """Delete what was noted and is unused still; how many packages that were.

        Raises:
            StoreError: the disk failed.
        """
        marked, self._marked = self._marked, {}
        in_use = await self._database.read(table.code_in_use) if marked else set()
        unused = marked.keys() - in_use
        return sum([await self._store.delete(sha256, last_put=marked[sha256]) for sha256 in unused])

    async def run(self) -> None:
        """Delete and mark by turns, until cancelled."""
        while True:
            try:
                deleted = await self.delete_marked()
                if deleted:
                    logger.info("Deleted %d deployment packages that no function has any more.", deleted)
                await self.mark()
            except StoreError:
                logger.exception("Unused code could not be deleted; trying again in an hour.")
            await asyncio.sleep(SWEEP_SECONDS)
