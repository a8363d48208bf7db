"""Pid 1 of an execution environment: reaps, reports exit statuses, starts and ends process generations.

It is forked from the zygote, has never run tenant code and never will; its rights are those it needs
to mount code, to map identities and to signal. The server speaks with it over a SEQPACKET socket, one
JSON object a message, descriptors beside it:

    server → init   {"op": "mount", "targets": ["/var/task", …]} + one mount each, in order
                    {"op": "start", "generation": n} + frames socket, log pipe, cgroup files
                    {"op": "kill"}
    init → server   {"event": "ready"}        the first generation is locked down and waits for its code
                    {"event": "exited", "generation": n, "code": c | null, "signal": s | null}
                    {"event": "failed", "step": "…"}      and this environment ends

When the server goes away the socket reads as closed, init exits, and the kernel ends everything else.
The zygote's end means nothing to it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket

from lambent_runtime import isolation, linux
from lambent_runtime.frames import FRAMES_FD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from lambent_runtime.isolation import Config

    RuntimeMain = Callable[[int], object]

_GO_FD = 4
_MAX_MESSAGE = 65536
_MAX_FDS = 32

# What a process that is locking itself down tells init, in this order; anything else is why it could not.
_UNSHARED, _LOCKED = b"u", b"l"


class LockDownFailed(Exception):
    """A process could not be locked down; the message names the step."""


class Stem:
    """A program that a blank environment's process is already, before anybody asked for the environment.

    It reads one byte from descriptor 4, which comes when the code is mounted, and then INIT from the frames socket.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.command = command
        self.environment = environment

    def with_flags(self, flags: list[str]) -> Stem:
        """The same, with flags between the program and its script."""
        return Stem([self.command[0], *flags, *self.command[1:]], self.environment)


def run(
    config: Config,
    control: socket.socket,
    runtime_main: RuntimeMain,
    tmp_mount: int,
    first_generation: Sequence[int],
    stem: Stem | None,
) -> NoReturn:
    """Be pid 1; never returns.

    Args:
        runtime_main: what a runtime process does, given the number of its frames socket.
        first_generation: (frames socket, log pipe, cgroup files) of generation 1.
        stem: what generation 1 is instead, if anything.
    """
    init = _Init(config, control, runtime_main, stem)
    try:
        isolation.enter_namespaces(config, tmp_mount)
        os.close(tmp_mount)
        init.start_blank(first_generation)
        isolation.keep_what_init_needs()
        init.send({"event": "ready"})
        init.loop()
    except BaseException as error:  # the outermost handler of this process: report, then end
        init.send({"event": "failed", "step": "%s: %s" % (type(error).__name__, error)})
    os._exit(1)


class _Init:
    def __init__(self, config: Config, control: socket.socket, runtime_main: RuntimeMain, stem: Stem | None) -> None:
        self._config = config
        self._control = control
        self._runtime_main = runtime_main
        self._stem = stem
        self._generation = 0
        self._runtime: int | None = None
        self._go: int | None = None
        self._wakeup, self._wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)

    def send(self, message: dict[str, object]) -> None:
        try:
            self._control.send(json.dumps(message).encode())
        except OSError:
            os._exit(1)

    def loop(self) -> None:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._wakeup:
                    os.read(self._wakeup, 512)
                    self._reap()
                else:
                    self._receive()

    def _receive(self) -> None:
        data, fds, _, _ = socket.recv_fds(self._control, _MAX_MESSAGE, _MAX_FDS)
        if not data:
            os._exit(0)
        message = json.loads(data)
        operation = message["op"]
        if operation == "mount":
            self._mount(message["targets"], fds)
        elif operation == "start":
            self._start(message["generation"], fds, None)
        elif operation == "kill":
            _kill_all()

    def _mount(self, targets: list[str], fds: list[int]) -> None:
        """The blank environment becomes a function's: its code, then the waiting process may go on."""
        for target, fd in zip(targets, fds):
            linux.move_mount(fd, target)
            os.close(fd)
        assert self._go is not None
        os.write(self._go, b"\n")
        os.close(self._go)
        self._go = None

    def start_blank(self, fds: Sequence[int]) -> None:
        """Fork the runtime process of the first generation, which waits for its code."""
        go_read, self._go = os.pipe()
        self._start(1, fds, go_read)
        os.close(go_read)

    def _start(self, generation: int, fds: Sequence[int], go_read: int | None) -> None:
        """Fork the runtime process of a generation and see it locked down.

        Raises:
            LockDownFailed: it could not be; nothing of the tenant's has run.
        """
        identity_read, identity_write = os.pipe()
        progress_read, progress_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become_runtime(fds, identity_read, progress_write, go_read)
        for fd in (*fds, identity_read, progress_write):
            os.close(fd)
        _expect(_UNSHARED, progress_read)
        isolation.write_identity_map(pid, self._config)
        os.write(identity_write, b"\n")
        _expect(_LOCKED, progress_read)
        os.close(identity_write)
        os.close(progress_read)
        self._runtime = pid
        self._generation = generation

    def _become_runtime(
        self, fds: Sequence[int], identity_read: int, progress_write: int, go_read: int | None
    ) -> NoReturn:
        """In the forked child: lock down, arrange the descriptors, run the runtime."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setsid()
            self._lock_down(fds[2:], identity_read, progress_write)
            stem = self._stem if go_read is not None else None
            if go_read is not None and stem is None and not os.read(go_read, 1):
                os._exit(1)
            self._control.detach()  # closed below, by number; its object must not close what takes the number
            if stem is None:
                _arrange(fds[0], fds[1])
                self._runtime_main(FRAMES_FD)
            else:
                _arrange(fds[0], fds[1], go_read)
                for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):  # ignored ones would stay ignored
                    signal.signal(number, signal.SIG_DFL)
                os.execve(stem.command[0], stem.command, stem.environment)  # noqa: S606  # no shell wanted
            status = 0
        except BaseException as error:  # nothing of init may ever run in this process again
            os.write(2, ("lambent: the runtime could not start: %r\n" % (error,)).encode())
        finally:
            os._exit(status)

    def _lock_down(self, cgroup_files: Sequence[int], identity_read: int, progress_write: int) -> None:
        def await_identity() -> None:
            os.write(progress_write, _UNSHARED)
            if not os.read(identity_read, 1):
                os._exit(1)

        try:
            isolation.lock_down(self._config, cgroup_files, await_identity)
        except BaseException as error:  # told to init, which tells the server
            os.write(progress_write, ("%s: %s" % (type(error).__name__, error)).encode())
            os._exit(1)
        os.write(progress_write, _LOCKED)

    def _reap(self) -> None:
        while True:
            pid, status = _wait(os.WNOHANG)
            if pid == 0:
                return
            if pid == self._runtime:
                self._runtime_ended(status)

    def _runtime_ended(self, status: int) -> None:
        """End what it has left running, then tell: nothing of a generation outlives it."""
        self._runtime = None
        _kill_all()
        while _wait(0)[0]:
            pass
        signalled = os.WIFSIGNALED(status)
        self.send(
            {
                "event": "exited",
                "generation": self._generation,
                "code": None if signalled else os.WEXITSTATUS(status),
                "signal": os.WTERMSIG(status) if signalled else None,
            }
        )


def _arrange(channel: int, output: int, go: int | None = None) -> None:
    """Give the descriptors the numbers that a runtime process knows them by, and close all others."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    # Above what is given out, so that no number is overwritten before it has been moved.
    channel = fcntl.fcntl(channel, fcntl.F_DUPFD_CLOEXEC, _GO_FD + 1)
    if go is not None:
        go = fcntl.fcntl(go, fcntl.F_DUPFD_CLOEXEC, _GO_FD + 1)
    os.dup2(channel, FRAMES_FD, inheritable=go is not None)
    if go is None:
        linux.close_from(_GO_FD)
    else:
        os.dup2(go, _GO_FD)
        linux.close_from(_GO_FD + 1)


def _ignore(number: int, frame: object) -> None:  # the wake-up descriptor says it all
    pass


def _expect(progress: bytes, progress_read: int) -> None:
    said = os.read(progress_read, 1)
    if said != progress:
        said += os.read(progress_read, 4096)
        raise LockDownFailed(said.decode(errors="replace") or "the process ended while it was being locked down")


def _kill_all() -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


def _wait(flags: int) -> tuple[int, int]:
    """(pid, status) of a child that has ended; pid 0 where there is none."""
    try:
        return os.waitpid(-1, flags)
    except ChildProcessError:
        return 0, 0
