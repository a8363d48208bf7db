"""The server's end of a zygote: starts it, asks it for blank environments."""

import asyncio
import base64
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

from lambent.sandbox.errors import SandboxFailed, SandboxUnavailable
from lambent.sandbox.process_memory import descendants
from lambent.sandbox.rootfs import GID_INSIDE, UID_INSIDE, RootPlan, masked_files, steps

logger = logging.getLogger(__name__)

_START_SECONDS = 20
_MAX_MESSAGE = 65536
_SOCKET_BUFFER_BYTES = 1 << 20
_MESSAGES_AT_ONCE = 16
_INTERPRETER_FLAGS = ("-E", "-s", "-S", "-B", "-u")
_PROGRAM = (
    "import sys; sys.path.insert(0, {!r}); from lambent_runtime import fork_hooks; fork_hooks.keep(); "
    "from lambent_runtime import zygote; zygote.main()"
)


OnEvent: TypeAlias = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class ZygotePlan:
    """What a zygote is made of."""

    runtime: str
    """Runtime identifier, e.g. python3.13."""
    interpreter: str
    """Path inside of the Python that the zygote itself runs on, e.g. /var/lang/bin/python3.13."""
    client: str
    """Path inside of the directory that has the package `lambent_runtime`."""
    root: RootPlan
    environment: Mapping[str, str]
    """What the zygote's interpreter needs to start, e.g. LD_LIBRARY_PATH."""
    start: Mapping[str, Any]
    """How a runtime process begins: "start" of `lambent_runtime.zygote`, as JSON."""
    limits: Sequence[tuple[str, int, int]]
    """(name, soft, hard) of each RLIMIT of a runtime process; -1 is unlimited."""
    network: Any
    """Steps for `lambent_runtime.netns.apply`, as JSON."""
    seccomp: bytes
    tell_processes: bool = False
    """Whether the server must know the runtime processes themselves, having no control group of them."""

    @property
    def has_stem(self) -> bool:
        """Whether a blank environment's program can be started before anybody asks for it."""
        return self.start.get("stem") is not None


def client_directory() -> Path:
    """Where the package `lambent_runtime`, that runs inside, is on this machine."""
    return Path(str(resources.files("lambent.runtimes.python").joinpath("client")))


class Zygote:
    """One zygote process, and the messages to and from its environments. Not restarted by itself."""

    def __init__(self, plan: ZygotePlan, mount_point: Path) -> None:
        """Args: mount_point: an empty directory; nothing is ever mounted there outside the zygote."""
        self._plan = plan
        self._mount_point = mount_point
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._listeners: dict[int, OnEvent] = {}
        self._last_number = 0
        self.footprint_mb = 0
        """Resident megabytes that its environments share with the zygote, charged to none; 0 where they execute."""

    async def start(self) -> None:
        """Build the root file system and start the zygote in it.

        Raises:
            SandboxUnavailable: it did not come up; the message has its own words.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER_BYTES)
        program = _PROGRAM.format(self._plan.client)
        launch = {
            "parent": os.getpid(),
            "root": str(self._mount_point),
            "steps": steps(self._plan.root),
            "own_pid_namespace": self._plan.root.keep_proc,
            "arguments": [self._plan.interpreter, *_INTERPRETER_FLAGS, "-c", program, theirs.fileno()],
            "environment": dict(self._plan.environment),
        }
        with theirs:
            self._process = _launch(launch, theirs)
        ours.setblocking(False)
        self._control = ours
        config = {
            "uid_inside": UID_INSIDE,
            "gid_inside": GID_INSIDE,
            "host_name": "lambda",
            "masked_files": masked_files(),
            "limits": list(self._plan.limits),
            "network": self._plan.network,
            "start": dict(self._plan.start),
            "scaffold": sorted(self._plan.root.scaffold),
            "tell_processes": self._plan.tell_processes,
            "seccomp": base64.b64encode(self._plan.seccomp).decode(),
        }
        loop = asyncio.get_running_loop()
        try:
            ours.send(json.dumps({"config": config}).encode())
            answer = await asyncio.wait_for(loop.sock_recv(ours, _MAX_MESSAGE), _START_SECONDS)
        except (OSError, TimeoutError) as error:
            raise SandboxUnavailable(f"{self._plan.runtime}: {self._words() or error}") from error
        if not answer:
            raise SandboxUnavailable(f"{self._plan.runtime}: {self._words()}")
        if self._plan.start["kind"] == "fork":
            self.footprint_mb = _resident_mb(self._pid())
        loop.add_reader(ours.fileno(), self._on_readable)

    def _pid(self) -> int:
        """Of the zygote itself: the process that was started, or the one for which that waits."""
        assert self._process is not None
        pid = self._process.pid
        return descendants(pid, most=1)[0] if self._plan.root.keep_proc else pid

    def _words(self) -> str:
        """What a failed zygote said last."""
        assert self._process is not None
        assert self._process.stderr is not None
        self._process.kill()
        text = self._process.stderr.read().decode(errors="replace").strip()
        self._process.wait()
        return text.splitlines()[-1] if text else "the zygote ended without a word"

    def spawn(
        self, uid: int, gid: int, fds: Sequence[int], *, stem: Sequence[str] | None, on_event: OnEvent
    ) -> "Environment":
        """Fork a blank environment; what becomes of it is told to on_event.

        Args:
            fds: leash, /tmp mount, frames socket, log pipe, cgroup files; the caller closes them.
            stem: the flags of its program, which shall be started already where the runtime `has_stem`; None if not.
            on_event: called with the zygote's events about it; after "gone", nothing more.

        Raises:
            SandboxFailed: the zygote has ended.
        """
        self._last_number += 1
        number = self._last_number
        self._listeners[number] = on_event
        try:
            flags = None if stem is None else list(stem)
            self.send({"op": "spawn", "id": number, "uid": uid, "gid": gid, "stem": flags}, fds)
        except SandboxFailed:
            del self._listeners[number]
            raise
        return Environment(self, number)

    def send(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        """Say something to the zygote; the caller closes the descriptors.

        Raises:
            SandboxFailed: the zygote has ended.
        """
        if self._control is None:
            raise SandboxFailed(f"the zygote of {self._plan.runtime} has ended")
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], fds)
        except OSError as error:
            raise SandboxFailed(f"the zygote of {self._plan.runtime}: {error}") from error

    def _on_readable(self) -> None:
        for _ in range(_MESSAGES_AT_ONCE):
            if self._control is None:
                return
            try:
                data, fds, _, _ = socket.recv_fds(self._control, _MAX_MESSAGE, 1)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            if not data:
                self._log_last_words()
                self._ended()
                return
            event = json.loads(data)
            if fds:
                event["pid"] = _pid_of(fds[0])
            number = event["id"]
            listener = self._listeners.get(number)
            if event["event"] == "gone":
                self._listeners.pop(number, None)
            if listener is not None:
                listener(event)

    def _log_last_words(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)
        words = (self._process.stderr.read() or b"").decode(errors="replace").strip()
        logger.error("The zygote of %s has ended: %s", self._plan.runtime, words or "killed")

    def _ended(self) -> None:
        """Environments end with their zygote: the leashes are closed by their owners."""
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
        listeners, self._listeners = self._listeners, {}
        for number, listener in listeners.items():
            listener({"event": "failed", "id": number, "step": f"the zygote of {self._plan.runtime} has ended"})
            listener({"event": "gone", "id": number})

    @property
    def runtime(self) -> str:
        """Identifier of the runtime that its environments have."""
        return self._plan.runtime

    @property
    def has_stem(self) -> bool:
        """Whether its environments' program can be started before anybody asks for them."""
        return self._plan.has_stem

    @property
    def alive(self) -> bool:
        """Whether it can still be asked for environments."""
        return self._control is not None

    async def stop(self) -> None:
        """End the zygote; environments forked from it end with it."""
        self._ended()
        process = self._process
        if process is not None:
            process.kill()
            await asyncio.to_thread(process.wait)
            if process.stderr is not None:
                process.stderr.close()


class Environment:
    """One environment of a zygote, as its sandbox commands it. Calls raise SandboxFailed if the zygote has ended."""

    def __init__(self, zygote: Zygote, number: int) -> None:
        self._zygote = zygote
        self._number = number

    def mount(self, targets: Sequence[str], mounts: Sequence[int]) -> None:
        """Attach detached mounts, then let the blank process go on."""
        self._zygote.send({"op": "mount", "id": self._number, "targets": list(targets)}, mounts)

    def start(self, generation: int, fds: Sequence[int]) -> None:
        """Start the next generation; fds: frames socket, log pipe, cgroup files."""
        self._zygote.send({"op": "start", "id": self._number, "generation": generation}, fds)

    def kill(self) -> None:
        """SIGKILL the runtime process; the others end before its end is told."""
        self._zygote.send({"op": "kill", "id": self._number})


def _launch(plan: Mapping[str, Any], control: socket.socket) -> "subprocess.Popen[bytes]":
    """Start the launcher and give it its plan."""
    launcher = client_directory() / "lambent_runtime" / "launcher.py"
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(launcher)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[control.fileno()],
        env={"PATH": os.defpath},
        cwd="/",
        start_new_session=True,
    )
    assert process.stdin is not None
    with process.stdin as stdin:
        stdin.write(json.dumps(plan).encode())
    return process


def _pid_of(process: int) -> int:
    """The number, here, of the process behind a descriptor, which is closed; -1 when it has ended."""
    try:
        lines = Path(f"/proc/self/fdinfo/{process}").read_text().splitlines()
    finally:
        os.close(process)
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def _resident_mb(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)
