"""The two processes that an execution environment begins with.

`start_pid_1` executes a program that reads a pipe nobody writes to. When the other end is closed, by the server or by
its death, the program ends, and the kernel ends everything else in the environment with it. It reaps what loses its
parent by ignoring it.

`become_runtime` is for a process forked from the zygote: it makes the environment what it has to be or enters it, locks
itself down, waits for the function's code where it is a blank environment's, and runs the function. Its parent is the
zygote, which so learns exactly how it ended. It tells the zygote how far it has come through a pipe: a word of
`Progress`, or else why it could not go on.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` makes enums of numbers: 0.1 ms of a new process
import fcntl
import os
import signal

from lambent_runtime import executed, isolation, linux
from lambent_runtime.frames import FRAMES_FD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from lambent_runtime.isolation import Config

    RuntimeMain = Callable[[int], object]

_GO_FD = 4
_PID_1 = "/var/rapid/init"  # the program of `lambent.sandbox.leash`, where AWS has its own


class Progress:
    """The words of the progress pipe."""

    UNSHARED = b"unshared "  # it has its user namespace; its pid inside follows
    LOCKED = b"locked"  # it is locked down


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


class Ends:
    """The descriptors of one process generation, as the forked process has them."""

    def __init__(
        self, *, channel: int, output: int, cgroup_files: Sequence[int], identity: int, progress: int, go: int | None
    ) -> None:
        """Args: identity: readable when the process has its user; go: readable when a blank one has its code."""
        self.channel = channel
        self.output = output
        self.cgroup_files = cgroup_files
        self.identity = identity
        self.progress = progress
        self.go = go

    def all(self) -> list[int]:
        """Their numbers."""
        go = [] if self.go is None else [self.go]
        return [self.channel, self.output, *self.cgroup_files, self.identity, self.progress, *go]


def start_pid_1(leash: int) -> int:
    """Start pid 1 of the PID namespace that this process has made; its pid here.

    It is root of the zygote's user namespace, and may do nothing: see `Zygote`. It has no variables, and no other
    descriptor than the leash, which is never written to.
    """
    return os.posix_spawn(
        _PID_1,
        [_PID_1],
        {},
        file_actions=[(os.POSIX_SPAWN_DUP2, leash, fd) for fd in range(3)],
        setsigdef=(signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ),
    )


def become_runtime(
    config: Config, ends: Ends, runtime_main: RuntimeMain, stem: Stem | None, move_in: Callable[[], None]
) -> NoReturn:
    """In the process forked into an environment's pid namespace; never returns.

    Args:
        stem: what to be instead of waiting, if anything.
        move_in: brings the process into the environment as it has to be.
    """
    status = 1
    try:
        _forget_the_zygote()
        os.setsid()
        _lock_down(config, ends, move_in)
        if ends.go is not None and stem is None and not os.read(ends.go, 1):
            os._exit(1)
        if stem is None:
            _arrange(ends.channel, ends.output)
            runtime_main(FRAMES_FD)
        else:
            _arrange(ends.channel, ends.output, ends.go)
            executed.default_signals()
            os.execve(stem.command[0], stem.command, stem.environment)  # noqa: S606  # no shell wanted
        status = 0
    except BaseException as error:  # nothing of the zygote may ever run in this process again
        os.write(2, ("lambent: the runtime could not start: %r\n" % (error,)).encode())
    finally:
        os._exit(status)


def _forget_the_zygote() -> None:
    """The zygote's own signal handling; what Python ignores, it does in a function's process, too."""
    signal.set_wakeup_fd(-1)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)


def _lock_down(config: Config, ends: Ends, move_in: Callable[[], None]) -> None:
    def await_identity() -> None:
        os.write(ends.progress, b"%s%d" % (Progress.UNSHARED, os.getpid()))
        if not os.read(ends.identity, 1):
            os._exit(1)

    try:
        move_in()
        linux.close_all_but(ends.all())
        isolation.lock_down(config, ends.cgroup_files, await_identity)
    except BaseException as error:  # told to the zygote, which tells the server
        _tell(ends.progress, error)
        os._exit(1)
    os.write(ends.progress, Progress.LOCKED)


def _tell(progress: int, error: BaseException) -> None:
    os.write(progress, ("%s: %s" % (type(error).__name__, error)).encode())


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
