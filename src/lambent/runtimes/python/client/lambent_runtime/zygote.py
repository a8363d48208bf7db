"""The zygote of one runtime: the process from which its execution environments are forked, and which keeps them.

It is single-threaded, has the runtime client imported (where that is Python's) and never runs tenant code. It lives
in the root file system that the launcher built. An environment is a pid 1, which is only there to end it (`init`), and
one runtime process after another (its generations), whose parent the zygote is. To begin one, the zygote makes its
namespaces and is in them until both processes are there. What the zygote executes has no rights: its bounding and
inheritable sets are empty, so that pid 1, which is root, begins without any capability. The server speaks with the
zygote over a SEQPACKET socket, one JSON object a message, descriptors beside it; "id" is the environment's number:

    server → zygote   {"config": {…}} first, once; then
                      {"op": "spawn", "id": i, "uid": u, "gid": g, "stem": [flag, …] | null}
                          + leash, /tmp mount, frames socket, log pipe, cgroup files
                      {"op": "mount", "id": i, "targets": ["/var/task", …]} + one mount each, in order
                      {"op": "start", "id": i, "generation": n} + frames socket, log pipe, cgroup files
                      {"op": "kill", "id": i}
    zygote → server   {"ready": true}; then events:
                      {"event": "ready", "id": i} + descriptor of pid 1
                                                the first generation is locked down and waits for its code
                      {"event": "started", "id": i, "generation": n} + descriptor of its runtime process
                                                if the configuration says "tell_processes"
                      {"event": "exited", "id": i, "generation": n, "code": c | null, "signal": s | null}
                      {"event": "failed", "id": i, "step": "…"}      the environment is of no use
                      {"event": "gone", "id": i}                     and nothing is left of it

The leash is the end of a pipe whose other end the server has: when it is closed, the environment ends. When the server
goes away all leashes are, and the zygote's socket too.

How a runtime process begins is the configuration's "start":

    {"kind": "fork"}                             in Python, with the zygote's imports
    {"kind": "bootstrap", "candidates": […]}     the first of these programs that there is
    {"kind": "interpreter", "command": […], "stem": {"command": […], "environment": {…}} | null}
                                                 an interpreter; "stem" is how it is started in advance

"scaffold" are directories that only the zygote itself needs, to load its own Python; they are gone before it forks.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import functools
import gc
import json
import os
import select
import signal
import socket
import sys

from lambent_runtime import executed, holes, init, isolation, linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

    from lambent_runtime.init import RuntimeMain, Stem
    from lambent_runtime.isolation import Config

_MAX_MESSAGE = 262144
_ANCILLARY_BYTES = socket.CMSG_LEN(32 * 4)  # so many descriptors
_MAX_PROGRESS = 4096
_ENCODINGS = ("ascii", "latin-1", "utf-8")  # loaded at their first use, when the scaffold may have gone


def main() -> NoReturn:
    """Program entry: argv is the control fd, then those of this process's namespaces, in the order of `Home`."""
    control = socket.socket(fileno=int(sys.argv[1]))
    home = Home(*map(int, sys.argv[2:]))
    linux.close_on_exec_from(3)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config: Config = json.loads(control.recv(_MAX_MESSAGE))["config"]
    config["seccomp"] = base64.b64decode(config["seccomp"])  # JSON has no bytes
    runtime_main, stem = _prepare(config["start"])
    for encoding in _ENCODINGS:
        codecs.lookup(encoding)
    for path in config["scaffold"]:
        linux.unmount(path)
    linux.keep_capabilities_to_oneself()
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    zygote = Zygote(config, control, home, runtime_main, stem)
    gc.collect()
    holes.fill()
    gc.freeze()
    control.send(b'{"ready": true}')
    zygote.run()


def _prepare(start: dict[str, Any]) -> tuple[RuntimeMain, Stem | None]:
    """What a runtime process does, with all that it needs imported."""
    if start["kind"] == "fork":
        from lambent_runtime import runtime  # noqa: PLC0415  # other runtimes don't need all that it brings

        runtime.preload()
        return runtime.main, None
    if start["kind"] == "bootstrap":
        return functools.partial(executed.run_bootstrap, candidates=start["candidates"]), None
    stem = start["stem"]
    return functools.partial(executed.run_interpreter, command=start["command"]), stem and init.Stem(**stem)


class Home:
    """The namespaces in which the zygote is, to come back to."""

    def __init__(self, pid: int, mount: int, network: int, ipc: int, host_name: int) -> None:
        """Args: descriptors of them; that of PIDs is where its children are born."""
        self._fds = {
            linux.CLONE_NEWPID: pid,
            linux.CLONE_NEWNS: mount,
            linux.CLONE_NEWNET: network,
            linux.CLONE_NEWIPC: ipc,
            linux.CLONE_NEWUTS: host_name,
        }

    @contextlib.contextmanager
    def left(self, kinds: int) -> Iterator[None]:
        """Come back at the end of a block that begins with leaving namespaces of these kinds."""
        try:
            yield
        finally:
            for kind, fd in self._fds.items():
                if kind & kinds:
                    self._enter(fd, kind)

    @staticmethod
    def _enter(fd: int, kind: int) -> None:
        try:
            linux.setns(fd, kind)
        except OSError as error:  # it must end: it would make others' environments out of this one
            raise SystemExit("the zygote can't leave an environment: %s" % error) from error


class _Environment:
    """What the zygote knows of an environment.

    Attributes:
        pid_1_fd: descriptor of its pid 1.
        progress: read end of the pipe of the process that is being prepared, if one is.
        identity: write end: the runtime process has its user.
        go: write end: the blank environment has its code.
        runtime: pid of the runtime process, if there is one.
    """

    __slots__ = ("generation", "gid", "go", "identity", "number", "pid_1_fd", "progress", "runtime", "uid")

    def __init__(self, number: int, uid: int, gid: int, pid_1_fd: int) -> None:
        self.number = number
        self.uid = uid
        self.gid = gid
        self.pid_1_fd = pid_1_fd
        self.progress: int | None = None
        self.identity: int | None = None
        self.go: int | None = None
        self.generation = 0
        self.runtime: int | None = None


class Zygote:
    """All environments of one runtime; one thread, which waits in `run`."""

    def __init__(
        self,
        config: Config,
        control: socket.socket,
        home: Home,
        runtime_main: RuntimeMain,
        stem: Stem | None,
    ) -> None:
        self._config = config
        self._control = control
        self._home = home
        self._runtime_main = runtime_main
        self._stem = stem
        self._environments: dict[int, _Environment] = {}
        # What is to be done when a child has ended, by its pid.
        self._children: dict[int, Callable[[int], None]] = {}
        self._watched: dict[int, _Environment] = {}
        self._poll = select.poll()
        self._wakeup, self._wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(control, select.POLLIN)
        self._poll.register(self._wakeup, select.POLLIN)
        signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)

    def run(self) -> NoReturn:
        """Serve until the server goes away."""
        control = self._control.fileno()
        while True:
            for fd, _ in self._poll.poll():
                if fd == control:
                    self._receive()
                elif fd == self._wakeup:
                    os.read(fd, 512)
                    self._reap()
                elif fd in self._watched:
                    self._progress(self._watched[fd])

    # --- what the server says ---

    def _receive(self) -> None:
        # Not by `socket.recv_fds`, which passes no flags on: pid 1 would have all that is received for its environment.
        data, ancillary, flags, _ = self._control.recvmsg(_MAX_MESSAGE, _ANCILLARY_BYTES, socket.MSG_CMSG_CLOEXEC)
        if not data:
            os._exit(0)
        fds = [fd for _, _, body in ancillary for fd in memoryview(body).cast("i")]
        request = json.loads(data)
        operation, number = request["op"], request["id"]
        environment = self._environments.get(number)
        try:
            _check_complete(fds, flags)
            if operation == "spawn":
                self._spawn(request, fds)
            elif environment is None:  # it ended while this was under way, of which the server is told
                pass
            elif operation == "mount":
                self._mount(environment, request["targets"], fds)
            elif operation == "start":
                self._start(environment, request["generation"], fds)
            elif operation == "kill":
                self._kill(environment)
        except OSError as error:
            self._failed(number, "%s: %s" % (type(error).__name__, error))
            if number not in self._environments:
                self._send({"event": "gone", "id": number})
        finally:
            for fd in fds:
                os.close(fd)

    def _spawn(self, request: dict[str, Any], fds: list[int]) -> None:
        leash, tmp, *ends = fds
        flags = request["stem"]
        stem = None if self._stem is None or flags is None else self._stem.with_flags(flags)
        with self._home.left(linux.CLONE_NEWPID | isolation.NAMESPACES):
            isolation.make_namespaces(self._config, tmp)
            pid_1 = init.start_pid_1(leash)
            environment = _Environment(request["id"], request["uid"], request["gid"], linux.pidfd_open(pid_1))
            self._environments[environment.number] = environment
            self._children[pid_1] = functools.partial(self._pid_1_ended, environment)
            self._fork_runtime(environment, 1, ends, functools.partial(isolation.mount_proc, self._config), stem)

    def _mount(self, environment: _Environment, targets: list[str], fds: list[int]) -> None:
        """The blank environment becomes a function's: its code, then the waiting process may go on."""
        with self._inside(environment, linux.CLONE_NEWNS):
            for target, fd in zip(targets, fds):
                linux.move_mount(fd, target)
        assert environment.go is not None
        with contextlib.suppress(BrokenPipeError):  # it was killed meanwhile, which is told when it is reaped
            os.write(environment.go, b"\n")
        os.close(environment.go)
        environment.go = None

    def _start(self, environment: _Environment, generation: int, fds: list[int]) -> None:
        with self._inside(environment, linux.CLONE_NEWPID):
            move_in = functools.partial(isolation.enter_environment, environment.pid_1_fd)
            self._fork_runtime(environment, generation, fds, move_in)

    def _fork_runtime(
        self,
        environment: _Environment,
        generation: int,
        fds: list[int],
        move_in: Callable[[], None],
        stem: Stem | None = None,
    ) -> None:
        """Fork the runtime process of a generation into the PID namespace in which children are born now.

        Args:
            fds: frames socket, log pipe, cgroup files; the caller closes them.
            stem: of a first generation, which waits for its code.
        """
        with contextlib.ExitStack() as undo:
            progress, progress_write = _pipe(undo)
            os.set_blocking(progress, False)
            identity, identity_write = _pipe(undo)
            go, go_write = _pipe(undo) if generation == 1 else (None, None)
            ends = init.Ends(
                channel=fds[0],
                output=fds[1],
                cgroup_files=fds[2:],
                identity=identity,
                progress=progress_write,
                go=go,
            )
            pid = os.fork()
            if pid == 0:
                init.become_runtime(self._config, ends, self._runtime_main, stem, move_in)
            undo.pop_all()
        for fd in (identity, progress_write, go):
            if fd is not None:
                os.close(fd)
        environment.runtime = pid
        environment.generation = generation
        environment.identity = identity_write
        environment.go = go_write
        self._children[pid] = functools.partial(self._runtime_ended, environment)
        self._watch(environment, progress)
        if self._config["tell_processes"]:
            self._tell_process(environment)

    def _tell_process(self, environment: _Environment) -> None:
        assert environment.runtime is not None
        process = linux.pidfd_open(environment.runtime)
        event = {"event": "started", "id": environment.number, "generation": environment.generation}
        self._send(event, process)
        os.close(process)

    def _kill(self, environment: _Environment) -> None:
        if environment.runtime is not None:
            os.kill(environment.runtime, signal.SIGKILL)

    @contextlib.contextmanager
    def _inside(self, environment: _Environment, kind: int) -> Iterator[None]:
        """Be in an environment's namespace, or have children born in it, for the length of a block."""
        with self._home.left(kind):
            linux.setns(environment.pid_1_fd, kind)
            yield

    # --- what its own children say ---

    def _watch(self, environment: _Environment, progress: int) -> None:
        environment.progress = progress
        self._watched[progress] = environment
        self._poll.register(progress, select.POLLIN)

    def _unwatch(self, environment: _Environment) -> None:
        if environment.progress is not None:
            self._poll.unregister(environment.progress)
            del self._watched[environment.progress]
            os.close(environment.progress)
            environment.progress = None

    def _progress(self, environment: _Environment) -> None:
        assert environment.progress is not None
        said = _said(environment.progress)
        if said is None:
            return
        try:
            if said.startswith(init.Progress.UNSHARED):
                self._give_identity(environment, int(said[len(init.Progress.UNSHARED) :]))
            else:
                self._prepared(environment, said)
        except OSError as error:
            self._failed(environment.number, "%s: %s" % (type(error).__name__, error))

    def _prepared(self, environment: _Environment, said: bytes) -> None:
        """The last that a process says of its preparation."""
        self._unwatch(environment)
        if said != init.Progress.LOCKED:
            self._failed(environment.number, said.decode(errors="replace") or "a process ended while being prepared")
        elif environment.generation == 1:
            self._send({"event": "ready", "id": environment.number}, environment.pid_1_fd)

    def _last_words(self, environment: _Environment) -> None:
        """Of a process that has ended, and that the poll may not have told of yet."""
        if environment.progress is not None:
            said = _said(environment.progress) or b""
            self._prepared(environment, b"" if said.startswith(init.Progress.UNSHARED) else said)

    def _give_identity(self, environment: _Environment, pid_inside: int) -> None:
        """Only who stands outside of a user namespace may say which users of the host it maps."""
        with self._inside(environment, linux.CLONE_NEWNS):  # for its /proc
            isolation.write_identity_map(pid_inside, self._config, environment.uid, environment.gid)
        assert environment.identity is not None
        with contextlib.suppress(BrokenPipeError):  # as in `_mount`
            os.write(environment.identity, b"\n")
        os.close(environment.identity)
        environment.identity = None

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._children.pop(pid, _ignore)(status)

    def _runtime_ended(self, environment: _Environment, status: int) -> None:
        """Tell, but first end what it has left running: nothing of a generation outlives it."""
        environment.runtime = None
        self._last_words(environment)
        self._end_generation(environment, status, self._sweep)

    def _end_generation(
        self, environment: _Environment, status: int, end_leftovers: Callable[[_Environment, int], None]
    ) -> None:
        try:
            if self._leftovers(environment):
                end_leftovers(environment, status)
            else:
                self._tell_exit(environment, status)
        except ProcessLookupError:  # the runtime process, and what it left, were ended by the kernel with it
            self._failed(environment.number, "pid 1 has ended")
        except OSError as error:
            self._failed(environment.number, "%s: %s" % (type(error).__name__, error))

    def _sweep(self, environment: _Environment, status: int) -> None:
        """End what is left of a generation, then tell its end."""
        with self._inside(environment, linux.CLONE_NEWPID):
            pid = os.fork()
            if pid == 0:
                _sweep()
        self._children[pid] = lambda _: self._end_generation(environment, status, self._give_up)

    def _give_up(self, environment: _Environment, _: int) -> None:
        """Where all are one user's on the host, what is left may have ended who was to end it; pid 1 it can't end."""
        self._failed(environment.number, "processes are left that can't be ended")

    def _leftovers(self, environment: _Environment) -> bool:
        """Whether there is any process but pid 1."""
        with self._inside(environment, linux.CLONE_NEWNS):
            return any(name.isdigit() and name != "1" for name in os.listdir("/proc"))

    def _tell_exit(self, environment: _Environment, status: int) -> None:
        signalled = os.WIFSIGNALED(status)
        self._send(
            {
                "event": "exited",
                "id": environment.number,
                "generation": environment.generation,
                "code": None if signalled else os.WEXITSTATUS(status),
                "signal": os.WTERMSIG(status) if signalled else None,
            }
        )

    def _pid_1_ended(self, environment: _Environment, _: int) -> None:
        del self._environments[environment.number]
        self._last_words(environment)
        for fd in (environment.pid_1_fd, environment.identity, environment.go):
            if fd is not None:
                os.close(fd)
        environment.identity = environment.go = None
        self._send({"event": "gone", "id": environment.number})

    def _failed(self, number: int, step: str) -> None:
        self._send({"event": "failed", "id": number, "step": step})

    def _send(self, message: dict[str, object], process: int | None = None) -> None:
        """Say something, with a process of which it is said, by its descriptor: the server counts pids differently."""
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], [] if process is None else [process])
        except OSError:
            os._exit(1)


def _check_complete(fds: list[int], flags: int) -> None:
    """The kernel drops those descriptors of a message for which this process has no number left."""
    if flags & socket.MSG_CTRUNC:
        raise OSError("only %d of its descriptors have come" % len(fds))


def _pipe(undo: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe whose ends are closed unless all goes well."""
    read, write = os.pipe()
    undo.callback(os.close, read)
    undo.callback(os.close, write)
    return read, write


def _said(progress: int) -> bytes | None:
    """What has been said; None if nothing has: the number may have become another's since the poll."""
    try:
        return os.read(progress, _MAX_PROGRESS)
    except BlockingIOError:
        return None


def _sweep() -> NoReturn:
    """In a process of the environment's pid namespace: end all others but pid 1, and see them gone."""
    try:
        signal.set_wakeup_fd(-1)
        while True:
            os.kill(-1, signal.SIGKILL)
            select.select([], [], [], 0.001)
    finally:
        os._exit(0)


def _ignore(number: int, frame: object = None) -> None:  # the wake-up descriptor says it all
    pass


if __name__ == "__main__":
    main()
