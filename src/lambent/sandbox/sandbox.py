"""One sandbox: the server's handle on an init and its generations of a runtime process."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lambent.sandbox.cgroup import MEMORY_MB_PER_VCPU, Cgroup, Limits, remove_when_empty
from lambent.sandbox.errors import SandboxFailed
from lambent.sandbox.mounts import clone_tree_read_only
from lambent.sandbox.owner_maps import OwnedFolder, clone_as_owner

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
        init_pid: int,
        control: socket.socket,
        cgroup: Cgroup,
        process: RuntimeProcess,
        footprint_mb: int,
        cpu_quota: bool,
        on_destroyed: Callable[["Sandbox"], None],
    ) -> None:
        self.sandbox_id = sandbox_id
        self.uid = uid
        self.init_pid = init_pid
        self.process = process
        self.listeners: Sequence[socket.socket] = ()
        self.on_exit: Callable[[ExitStatus], None] | None = None
        self.memory_mb = 0
        self._control = control
        self._cgroup = cgroup
        self._footprint_mb = footprint_mb
        self._cpu_quota = cpu_quota
        self._on_destroyed = on_destroyed
        self._generation = 1
        self._running = True
        self._taken = False
        self._frozen = False
        self._out_of_memory_kills = 0
        self._gone = asyncio.get_running_loop().create_future()
        self._ready = asyncio.get_running_loop().create_future()
        self._destroying: asyncio.Task[None] | None = None
        asyncio.get_running_loop().add_reader(control.fileno(), self._on_control)

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
        """Whether its init is there; without it nothing runs inside, and nothing can be started."""
        return not self._gone.done()

    def specialise(self, memory_mb: int, trees: Sequence[tuple[str, Path | OwnedFolder]]) -> None:
        """Make the blank environment a function's: limits, then code mounted read-only.

        From now on `process` belongs to the execution environment, which closes it.

        Args:
            trees: (path inside, directory on the host), e.g. ("/var/task", …).

        Raises:
            SandboxFailed: naming what failed; the sandbox must be destroyed.
        """
        self.memory_mb = memory_mb
        fds: list[int] = []
        try:
            self._cgroup.limit(self._limits(cpu_quota=False))
            fds.extend(self._clone(tree) for _, tree in trees)
            message = {"op": "mount", "targets": [path for path, _ in trees]}
            socket.send_fds(self._control, [json.dumps(message).encode()], fds)
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
        self.thaw()
        self._cgroup.kill()
        with contextlib.suppress(OSError):  # init has gone: its end is told through the control socket
            self._control.send(b'{"op": "kill"}')

    async def restart(self) -> RuntimeProcess:
        """Start the next generation, after `on_exit`.

        Raises:
            SandboxFailed: init has gone.
        """
        if not self.alive:
            raise SandboxFailed(f"sandbox {self.sandbox_id}: init has ended")
        process, ends = open_process_ends()
        joining = self._cgroup.open_for_joining()
        self._generation += 1
        message = json.dumps({"op": "start", "generation": self._generation}).encode()
        try:
            socket.send_fds(self._control, [message], [ends.channel.fileno(), ends.output, *joining])
        except OSError as error:
            process.channel.close()
            os.close(process.output)
            raise SandboxFailed(f"sandbox {self.sandbox_id}: {error}") from error
        finally:
            ends.close()
            for fd in joining:
                os.close(fd)
        self._running = True
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
        # Init exits when its socket is shut down; its pid namespace, and all in it, end with it.
        self._control.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._gone), _DESTROY_SECONDS)
        loop.remove_reader(self._control.fileno())
        self._control.close()
        if not self._taken:
            self.process.channel.close()
            os.close(self.process.output)
        self._cgroup.close()
        await remove_when_empty(self._cgroup.paths)
        self._on_destroyed(self)

    def _on_control(self) -> None:
        try:
            data = self._control.recv(_MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._init_ended("init has ended")
            return
        message = json.loads(data)
        match message["event"]:
            case "ready":
                if not self._ready.done():
                    self._ready.set_result(None)
            case "exited" if message["generation"] == self._generation:
                self._runtime_ended(message["code"], message["signal"])
            case "failed":
                self._init_ended(message["step"])

    def _runtime_ended(self, code: int | None, number: int | None) -> None:
        self._running = False
        kills = self._cgroup.out_of_memory_kills()
        # A child may have been killed for memory before, and the runtime have ended for another reason.
        out_of_memory = kills > self._out_of_memory_kills and number == signal.SIGKILL
        self._out_of_memory_kills = kills
        if self.on_exit is not None:
            self.on_exit(ExitStatus(code, number, out_of_memory))

    def _init_ended(self, why: str) -> None:
        asyncio.get_running_loop().remove_reader(self._control.fileno())
        failure = f"sandbox {self.sandbox_id}: {why}"
        if not self._ready.done():
            self._ready.set_exception(SandboxFailed(failure))
        elif self._destroying is None:
            logger.error("%s; the execution environment ends", failure)
        if not self._gone.done():
            self._gone.set_result(None)
        if self._running:
            self._runtime_ended(None, signal.SIGKILL)
