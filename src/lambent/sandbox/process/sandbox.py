"""One environment of the process sandbox: the server's handle on a keeper and its generations of a runtime process."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lambent.sandbox.cgroup import MEMORY_MB_PER_VCPU, niceness
from lambent.sandbox.errors import SandboxFailed
from lambent.sandbox.process.listeners import OwnListener
from lambent.sandbox.process.places import Places, command, environment_places
from lambent.sandbox.process_memory import MemoryMeter, descendants
from lambent.sandbox.sandbox import ExitStatus, RuntimeEnds, RuntimeProcess, open_process_ends
from lambent.sandbox.zygote import ZygotePlan, client_directory

_MEGABYTE = 1024 * 1024
_RECEIVE_BYTES = 65536
_DESTROY_SECONDS = 5
# What other processes of the same user may have opened isn't this environment's to count (RLIMIT_NPROC).
_NOT_LIMITED = ("NPROC",)
_CLIENT = client_directory() / "lambent_runtime"


class ProcessSandbox:
    """The surface of `lambent.sandbox.sandbox.Sandbox`; everything is called from the event loop's thread."""

    def __init__(
        self,
        sandbox_id: str,
        *,
        plan: ZygotePlan,
        directory: Path,
        shared: Mapping[str, Path],
        server_port: int,
        on_destroyed: Callable[["ProcessSandbox"], None],
    ) -> None:
        """Start the keeper.

        Args:
            directory: for what is the environment's own; must not exist.
            shared: places of the runtime, from `runtime_places`.
            server_port: Lambent's own.

        Raises:
            OSError: no process, descriptor or port is left.
        """
        self.sandbox_id = sandbox_id
        self.on_exit: Callable[[ExitStatus], None] | None = None
        self.memory_mb = 0
        self._plan = plan
        self._directory = directory
        self._shared = shared
        self._server_port = server_port
        self._on_destroyed = on_destroyed
        self._places: Places | None = None
        self._generation = 1
        self._running = False
        self._frozen = False
        self._too_much = False
        self._data = b""
        self._destroying: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._gone = self._loop.create_future()
        with contextlib.ExitStack() as undo:
            self.runtime_api = undo.enter_context(OwnListener(self._processes))
            self.endpoint = undo.enter_context(OwnListener(self._processes))
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            undo.callback(self._control.close)
            with theirs:
                self._keeper = _start_keeper(theirs)
            undo.pop_all()
        self._meter = MemoryMeter(self._keeper.pid, self._end_for_memory)
        self._ends: RuntimeEnds | None
        self.process, self._ends = open_process_ends()
        self._control.setblocking(False)
        self._loop.add_reader(self._control.fileno(), self._on_control)

    @property
    def alive(self) -> bool:
        """Whether its keeper is there; without it nothing can be started."""
        return not self._gone.done()

    def specialise(self, memory_mb: int, trees: Sequence[tuple[str, "os.PathLike[str]"]]) -> None:
        """Start the runtime process with a function's code; `process` belongs to the environment from now on.

        Args:
            trees: (path as on AWS, directory), e.g. ("/var/task", …).

        Raises:
            SandboxFailed: naming what failed; the sandbox must be destroyed.
        """
        self.memory_mb = memory_mb
        try:
            self._places = environment_places(self._shared, trees, self._directory)
        except OSError as error:
            raise SandboxFailed(f"sandbox {self.sandbox_id}: {error}") from error
        self._start(self._ends)
        self._ends = None

    def localise(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """A function's variables with the places and ports that are this environment's."""
        assert self._places is not None
        localised = {name: self._places.value(value) for name, value in environment.items()}
        localised["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{self.runtime_api.port}"
        if environment.get("AWS_ENDPOINT_URL") == f"http://127.0.0.1:{self._server_port}":
            localised["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{self.endpoint.port}"
        localised.setdefault("TMPDIR", self._places.path("/tmp"))  # noqa: S108  # as inside
        return localised

    def end_init_phase(self) -> None:
        """Processor time isn't limited."""

    def kill(self) -> None:
        """SIGKILL every process of this generation; `on_exit` follows when the last is gone."""
        self._frozen = False
        self._tell({"op": "kill"})

    async def restart(self) -> RuntimeProcess:
        """Start the next generation, after `on_exit`.

        Raises:
            SandboxFailed: the keeper has gone.
        """
        self.process, ends = open_process_ends()
        self._generation += 1
        try:
            self._start(ends)
        except SandboxFailed:
            self.process.channel.close()
            os.close(self.process.output)
            raise
        return self.process

    def freeze(self) -> None:
        """Stop every process where it is (SIGSTOP); nothing runs until `thaw`."""
        if not self._frozen:
            self._frozen = True
            self._meter.pause()
            self._tell({"op": "freeze"})

    def thaw(self) -> None:
        """Let the processes go on, if frozen."""
        if self._frozen:
            self._frozen = False
            self._meter.resume()
            self._tell({"op": "thaw"})

    def max_memory_used_mb(self) -> int:
        """The most memory seen so far, in MB; never above MemorySize."""
        return min(self._meter.peak_bytes() // _MEGABYTE, self.memory_mb)

    async def destroy(self) -> None:
        """End everything and wait until nothing of it is left; safe to call twice."""
        if self._destroying is None:
            self._destroying = self._loop.create_task(self._destroy(), name=f"destroy {self.sandbox_id}")
        await asyncio.shield(self._destroying)

    # --- the keeper ---

    def _start(self, ends: RuntimeEnds | None) -> None:
        assert ends is not None
        assert self._places is not None
        places = self._places
        own = getattr(sys, "_base_executable", sys.executable)
        message = {
            "op": "start",
            "generation": self._generation,
            "command": command(self._plan, places, script=_CLIENT / "spawned.py", own_interpreter=own),
            "environment": {name: places.value(value) for name, value in self._plan.environment.items()},
            "directory": places.path("/var/task"),
            "nice": niceness(self.memory_mb / MEMORY_MB_PER_VCPU),
            "limits": [row for row in self._plan.limits if row[0] not in _NOT_LIMITED],
        }
        try:
            socket.send_fds(self._control, [_line(message)], [ends.channel.fileno(), ends.output])
        except OSError as error:
            raise SandboxFailed(f"sandbox {self.sandbox_id}: {error}") from error
        finally:
            ends.close()
        self._running = True
        self._too_much = False
        self._meter.watch(self.memory_mb * _MEGABYTE)

    def _tell(self, message: Mapping[str, object]) -> None:
        with contextlib.suppress(OSError):  # it has gone: its end is told through the control socket
            self._control.send(_line(message))

    def _on_control(self) -> None:
        try:
            data = self._control.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._keeper_ended()
            return
        *lines, self._data = (self._data + data).split(b"\n")
        for line in lines:
            self._heard(json.loads(line))

    def _heard(self, message: Mapping[str, Any]) -> None:
        if message["event"] == "exited" and message["generation"] == self._generation:
            self._runtime_ended(message["code"], message["signal"])

    def _runtime_ended(self, code: int | None, number: int | None) -> None:
        self._running = False
        if self.on_exit is not None:
            self.on_exit(ExitStatus(code, number, self._too_much and number == signal.SIGKILL))

    def _keeper_ended(self) -> None:
        """Nothing can be started any more; what it had started ends with it (Linux) or with its sockets."""
        self._loop.remove_reader(self._control.fileno())
        if not self._gone.done():
            self._gone.set_result(None)
        if self._running:
            self._runtime_ended(None, signal.SIGKILL)

    def _processes(self) -> list[int]:
        return descendants(self._keeper.pid)

    def _end_for_memory(self) -> None:
        if self._running:
            self._too_much = True
            self.kill()

    # --- the end ---

    async def _destroy(self) -> None:
        self.on_exit = None
        self._meter.pause()
        # The keeper ends when its socket is shut down, and ends what it has started before.
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._gone), _DESTROY_SECONDS)
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        for listener in (self.runtime_api, self.endpoint):
            self._loop.remove_reader(listener.fileno())
            listener.close()
        if self._ends is not None:
            self._ends.close()
            self.process.channel.close()
            os.close(self.process.output)
        await asyncio.to_thread(self._end_keeper)
        self._on_destroyed(self)

    def _end_keeper(self) -> None:
        self._keeper.kill()
        self._keeper.wait()
        shutil.rmtree(self._directory, ignore_errors=True)


def _start_keeper(control: socket.socket) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(_CLIENT / "keeper.py"), str(control.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[control.fileno()],
        env={"PATH": os.defpath},
        cwd="/",
        start_new_session=True,
    )


def _line(message: Mapping[str, object]) -> bytes:
    return json.dumps(message).encode() + b"\n"
