"""Where the environments of the process sandbox come from: each is started when it is wanted."""

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from lambent.sandbox.errors import SandboxFailed, SandboxUnavailable
from lambent.sandbox.process.places import runtime_places
from lambent.sandbox.process.sandbox import ProcessSandbox
from lambent.sandbox.zygote import ZygotePlan


@dataclass(frozen=True, slots=True)
class _Runtime:
    plan: ZygotePlan
    places: dict[str, Path]


class ProcessPool:
    """All process sandboxes of one server; the surface of `lambent.sandbox.pool.SandboxPool`."""

    def __init__(self, *, directory: Path, plan_for: Callable[[str], Awaitable[ZygotePlan]], server_port: int) -> None:
        """A pool without environments.

        Args:
            directory: for /tmp of the environments; what a killed server has left there is removed.
            plan_for: what a runtime is made of; raises SandboxUnavailable.
            server_port: Lambent's own.
        """
        self._directory = directory
        self._plan_for = plan_for
        self._server_port = server_port
        self._runtimes: dict[str, asyncio.Task[_Runtime]] = {}
        self._sandboxes: set[ProcessSandbox] = set()
        self._stopping = False
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, mode=0o700)

    async def warm(self, runtime: str, **_: object) -> None:
        """Find out what the runtime is made of, if that hasn't happened.

        Raises:
            SandboxUnavailable: the runtime can't be had on this machine.
        """
        await self._runtime(runtime)

    async def acquire(self, runtime: str, tmp_mb: int, *, fresh: bool, flags: tuple[str, ...]) -> ProcessSandbox:  # noqa: ARG002
        """An environment that nobody has used. Its /tmp has no limit, and every program is a fresh one.

        Raises:
            SandboxUnavailable: the runtime can't be had on this machine.
            SandboxFailed: a process can't be started.
        """
        made_of = await self._runtime(runtime)
        if self._stopping:
            raise SandboxUnavailable("the server is stopping")
        sandbox_id = secrets.token_hex(8)
        try:
            sandbox = ProcessSandbox(
                sandbox_id,
                plan=made_of.plan,
                directory=self._directory / sandbox_id,
                shared=made_of.places,
                server_port=self._server_port,
                on_destroyed=self._sandboxes.discard,
            )
        except OSError as error:
            raise SandboxFailed(f"sandbox {sandbox_id}: {error}") from error
        self._sandboxes.add(sandbox)
        return sandbox

    async def stop(self) -> None:
        """End every sandbox."""
        self._stopping = True
        await asyncio.gather(*(sandbox.destroy() for sandbox in list(self._sandboxes)))
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    def sandboxes(self) -> int:
        """How many there are now."""
        return len(self._sandboxes)

    async def _runtime(self, runtime: str) -> _Runtime:
        task = self._runtimes.get(runtime)
        if task is None or (task.done() and task.exception() is not None):
            name = f"plan {runtime}"
            task = self._runtimes[runtime] = asyncio.get_running_loop().create_task(self._make(runtime), name=name)
        return await asyncio.shield(task)

    async def _make(self, runtime: str) -> _Runtime:
        plan = await self._plan_for(runtime)
        directory = self._directory / runtime
        shutil.rmtree(directory, ignore_errors=True)
        return _Runtime(plan, runtime_places(plan, directory))
