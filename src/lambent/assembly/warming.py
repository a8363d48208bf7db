"""Blank environments before anybody asks for them, and the proof that there can be any."""

import logging
from collections.abc import Sequence

from lambent.core.function import FunctionTarget
from lambent.environments.variables import interpreter_flags, needs_fresh_interpreter
from lambent.runtimes.catalogue import RUNTIMES
from lambent.runtimes.providers import Runtimes
from lambent.runtimes.python.byte_code import PackageCopies
from lambent.runtimes.python.interpreters import Interpreter
from lambent.sandbox.errors import SandboxFailed, SandboxUnavailable
from lambent.sandbox.pool import DEFAULT_TMP_MB, SandboxPool
from lambent.sandbox.process.pool import ProcessPool
from lambent.startup import CannotStart
from lambent.store import functions as table
from lambent.store.database import Database

logger = logging.getLogger(__name__)


class Warming:
    """Has zygotes and blanks begun for the runtimes that are expected."""

    def __init__(
        self, *, database: Database, runtimes: Runtimes, pool: SandboxPool | ProcessPool, packages_inside: PackageCopies
    ) -> None:
        self._database = database
        self._runtimes = runtimes
        self._pool = pool
        self._packages_inside = packages_inside

    async def expected_runtimes(self) -> Sequence[str]:
        """Runtimes whose first cold start shall not wait for a zygote: those of functions there are, else a Python.

        A runtime's first function has its zygote begun when it is created.
        """
        used = await self._database.read(table.runtimes_in_use)
        available = self._runtimes.identifiers
        newest_python = [name for name in available if RUNTIMES[name].family == "python"][:1]
        return [name for name in available if name in used] or newest_python

    async def prove_sandbox(self) -> None:
        """Build one environment of each expected runtime; a team's server doesn't start where it could run nothing.

        Raises:
            CannotStart: with the one line that says why.
        """
        for runtime in await self.expected_runtimes():
            try:
                sandbox = await self._pool.acquire(runtime, DEFAULT_TMP_MB, fresh=False, flags=())
            except (SandboxUnavailable, SandboxFailed) as error:
                raise CannotStart(f"no sandbox can be built: {error}; see lambent doctor") from error
            await sandbox.destroy()

    async def warm_for(self, target: FunctionTarget) -> None:
        """`warm` for a function that can be invoked now."""
        fresh = needs_fresh_interpreter(target.environment)
        await self.warm(target.runtime, fresh=fresh, flags=interpreter_flags(target))

    async def warm(self, runtime: str, *, fresh: bool = False, flags: tuple[str, ...] = ()) -> None:
        """Have blanks ready before the first invocation asks for one; then the byte code of what they import."""
        try:
            await self._pool.warm(runtime, fresh=fresh, flags=flags)
        except (SandboxUnavailable, SandboxFailed) as error:
            logger.warning("No environments for %s: %s", runtime, error)
            return
        found = self._runtimes.get(runtime)
        if isinstance(found, Interpreter):
            await self._packages_inside.compile(found)
