"""One sandbox: the server's handle on an environment of a zygote and its generations of a runtime process."""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lambent.sandbox.cgroup import MEMORY_MB_PER_VCPU, Cgroup, Limits, remove_when_empty
from lambent.sandbox.errors import SandboxFailed
from lambent.sandbox.group_by_signals import GroupBySignals
from lambent.sandbox.mounts import clone_tree_read_only
from lambent.sandbox.owner_maps import OwnedFolder, clone_as_owner
from lambent.sandbox.zygote import Environment, Zygote

_MEGABYTE = 1024 * 1024
_MAX_MESSAGE = 65536
_PROCESSES = 1024
_LOG_PIPE_BYTES = 1024 * 1024
_READY_SECONDS = 20
_DESTROY_SECONDS = 5
# Charged to the environment's group beside the function itself: the dirtied pages of the forked interpreter.
_LIMIT_SLACK_BYTES = 4 * _MEGABYTE


logger = logging.getLogger(__name__)


class ExitStatus(NamedTuple):
    """How a runtime process ended: by exit code or by signal number."""

    code: int | None
    signal: int | None
    out_of_memory: bool


class RuntimeProcess(NamedTuple):
    """One process generation, as its environment sees it."""

    channel: socket.socket
    """The server's end of the frames socket, non-blocking; the environment closes it."""
    output: int
    """The read end of the pipe behind standard output and error, non-blocking; the environment closes it."""


class RuntimeEnds(NamedTuple):
    """The ends of a generation's descriptors that go inside."""

    channel: socket.socket
    output: int

    def close(self) -> None:
        """They are inside now; the server keeps its own ends only."""
        self.channel.close()
        os.close(self.output)


def open_process_ends() -> tuple[RuntimeProcess, RuntimeEnds]:
    """The descriptors of one generation: (the server's, the runtime's)."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setblocking(False)
    read, write = os.pipe()
    os.set_blocking(read, False)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # an ordinary user's pipes may be at their limit
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _LOG_PIPE_BYTES)
    return RuntimeProcess(ours, read), RuntimeEnds(theirs, write)


class Sandbox:
    """A blank environment, then one function's; see the package docstring for its life.

    Everything here is called from the event loop's thread.
    """

    def __init__(
        self,
        sandbox_id: str,
        *,
        uid: int,
        leash: int | None,
        cgroup: Cgroup | GroupBySignals,
        process: RuntimeProcess,
        footprint_mb: int,
        cpu_quota: bool,
        on_destroyed: Callable[["Sandbox"], None],
    ) -> None:
        self.sandbox_id = sandbox_id
        self.uid = uid
        self.pid_1 = 0
        """Its number on the host; known when ready."""
        self.process = process
        self.listeners: Sequence[socket.socket] = ()
        self.on_exit: Callable[[ExitStatus], None] | None = None
        self.memory_mb = 0
        self._leash = leash
        self._environment: Environment | None = None
        self._cgroup = cgroup
        self._footprint_mb = footprint_mb
        self._cpu_quota = cpu_quota
        self._on_destroyed = on_destroyed
        self._generation = 1
        self._running = True
        self._killed = False
        self._taken = False
        self._frozen = False
        self._out_of_memory_kills = 0
        self._gone = asyncio.get_running_loop().create_future()
        self._ready = asyncio.get_running_loop().create_future()
        self._destroying: asyncio.Task[None] | None = None

    @property
    def runtime_api(self) -> socket.socket:
        """Listens inside the environment at 127.0.0.1:9001; nothing accepts yet."""
        return self.listeners[0]

    @property
    def endpoint(self) -> socket.socket:
        """Listens inside at Lambent's own port (AWS_ENDPOINT_URL); nothing accepts yet."""
        return self.listeners[1]

    def localise(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """A function's variables as they are inside: as AWS has them, since everything is where AWS has it."""
        return environment

    def spawn(self, zygote: Zygote, fds: Sequence[int], *, stem: Sequence[str] | None) -> None:
        """Have it made; see `Zygote.spawn` for the arguments.

        Raises:
            SandboxFailed: the zygote has ended.
        """
        self._environment = zygote.spawn(self.uid, self.uid, fds, stem=stem, on_event=self._on_event)

    async def wait_ready(self) -> None:
        """Until the first generation is locked down and waits for its code.

        Raises:
            SandboxFailed: a step failed; it is named.
        """
        try:
            await asyncio.wait_for(self._ready, _READY_SECONDS)
        except TimeoutError:
            raise SandboxFailed(f"sandbox {self.sandbox_id}: not ready after {_READY_SECONDS} s") from None

    @property
    def alive(self) -> bool:
        """Whether it can be used: no step has failed, and its pid 1, without which nothing runs inside, is there."""
        return self._leash is not None and not self._gone.done()

    def specialise(self, memory_mb: int, trees: Sequence[tuple[str, Path | OwnedFolder]]) -> None:
        """Make the blank environment a function's: limits, then code mounted read-only.

        From now on `process` belongs to the execution environment, which closes it.

        Args:
            trees: (path inside, directory on the host), e.g. ("/var/task", …).

        Raises:
            SandboxFailed: naming what failed; the sandbox must be destroyed.
        """
        if not self.alive:
            raise SandboxFailed(f"sandbox {self.sandbox_id}: it has ended")
        self.memory_mb = memory_mb
        fds: list[int] = []
        try:
            self._cgroup.limit(self._limits(cpu_quota=False))
            fds.extend(self._clone(tree) for _, tree in trees)
            assert self._environment is not None
            self._environment.mount([path for path, _ in trees], fds)
            self._taken = True
        except OSError as error:
            raise SandboxFailed(f"sandbox {self.sandbox_id}: {error}") from error
        finally:
            for fd in fds:
                os.close(fd)

    def _clone(self, tree: Path | OwnedFolder) -> int:
        return clone_as_owner(tree, self.uid) if isinstance(tree, OwnedFolder) else clone_tree_read_only(tree)

    def end_init_phase(self) -> None:
        """From now on the CPU quota holds, where one is wanted: Init is never slowed down."""
        if self._cpu_quota:
            self._cgroup.limit(self._limits(cpu_quota=True))

    def _limits(self, *, cpu_quota: bool) -> Limits:
        available_mb = max(1, self.memory_mb - self._footprint_mb)
        return Limits(
            memory_bytes=available_mb * _MEGABYTE + _LIMIT_SLACK_BYTES,
            cpu_share=self.memory_mb / MEMORY_MB_PER_VCPU,
            cpu_quota=cpu_quota,
            processes=_PROCESSES,
        )

    def kill(self) -> None:
        """SIGKILL every process of this generation; `on_exit` follows when the last is gone."""
        self._killed = True
        self.thaw()
        self._cgroup.kill()
        assert self._environment is not None
        with contextlib.suppress(SandboxFailed):  # the zygote has gone, which is told as the end of this sandbox
            self._environment.kill()

    async def restart(self) -> RuntimeProcess:
        """Start the next generation, after `on_exit`.

        Raises:
            SandboxFailed: pid 1 has gone.
        """
        if not self.alive:
            raise SandboxFailed(f"sandbox {self.sandbox_id}: it has ended")
        assert self._environment is not None
        process, ends = open_process_ends()
        joining = self._cgroup.open_for_joining()
        self._generation += 1
        try:
            self._environment.start(self._generation, [ends.channel.fileno(), ends.output, *joining])
        except SandboxFailed:
            process.channel.close()
            os.close(process.output)
            raise
        finally:
            ends.close()
            for fd in joining:
                os.close(fd)
        self._running = True
        self._killed = False
        self.process = process
        return process

    def freeze(self) -> None:
        """Stop every process where it is; nothing runs until `thaw`."""
        if not self._frozen:
            self._frozen = True
            self._cgroup.freeze()

    def thaw(self) -> None:
        """Let the processes go on, if frozen."""
        if self._frozen:
            self._frozen = False
            self._cgroup.thaw()

    def max_memory_used_mb(self) -> int:
        """The most memory used so far, in MB, the shared interpreter included; never above MemorySize."""
        used = self._cgroup.memory_used_bytes() // _MEGABYTE + self._footprint_mb
        return min(used, self.memory_mb)

    async def destroy(self) -> None:
        """End everything and wait until nothing of it is left; safe to call twice."""
        if self._destroying is None:
            loop = asyncio.get_running_loop()
            self._destroying = loop.create_task(self._destroy(), name=f"destroy {self.sandbox_id}")
        await asyncio.shield(self._destroying)

    async def _destroy(self) -> None:
        loop = asyncio.get_running_loop()
        self.on_exit = None
        with contextlib.suppress(OSError):
            self.thaw()
            self._cgroup.kill()
        for listener in self.listeners:
            loop.remove_reader(listener.fileno())
            listener.close()
        # Pid 1 reads the end of the leash and exits; its pid namespace, and all in it, end with it.
        self._cut_leash()
        if self._environment is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._gone), _DESTROY_SECONDS)
        if not self._taken:
            self.process.channel.close()
            os.close(self.process.output)
        self._cgroup.close()
        await remove_when_empty(self._cgroup.paths)
        self._on_destroyed(self)

    def _on_event(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "ready":
                self.pid_1 = event["pid"]
                if isinstance(self._cgroup, GroupBySignals):
                    self._cgroup.environment_ready(self.pid_1)
                if not self._ready.done():
                    self._ready.set_result(None)
            case "started" if isinstance(self._cgroup, GroupBySignals):
                self._cgroup.runtime_started(event["pid"])
            case "exited" if event["generation"] == self._generation:
                if self.pid_1 and not self._taken:
                    self._failed("its process has ended before it was anybody's")
                self._runtime_ended(event["code"], event["signal"])
            case "failed":
                self._failed(event["step"])
            case "gone":
                self._failed("pid 1 has ended")
                if not self._gone.done():
                    self._gone.set_result(None)
                if self._running:
                    self._runtime_ended(None, signal.SIGKILL)

    def _runtime_ended(self, code: int | None, number: int | None) -> None:
        self._running = False
        if isinstance(self._cgroup, GroupBySignals):
            self._cgroup.runtime_ended()
        kills = self._cgroup.out_of_memory_kills()
        # A child may have been killed for memory before, and the runtime have ended for another reason.
        out_of_memory = kills > self._out_of_memory_kills and number == signal.SIGKILL
        self._out_of_memory_kills = kills
        if self.on_exit is not None:
            self.on_exit(ExitStatus(code, number, out_of_memory))

    def _failed(self, why: str) -> None:
        """It is of no use any more, or will be gone soon."""
        failure = f"sandbox {self.sandbox_id}: {why}"
        if not self._ready.done():
            self._ready.set_exception(SandboxFailed(failure))
        elif self._leash is not None and self._destroying is None:
            # One that is killed while it is being prepared, because its function was changed, has not gone wrong.
            logger.log(logging.INFO if self._killed else logging.ERROR, "%s; the execution environment ends", failure)
            self._cut_leash()

    def _cut_leash(self) -> None:
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None
