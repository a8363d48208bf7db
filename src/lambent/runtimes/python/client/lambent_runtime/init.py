"""The two processes that an execution environment begins with, forked from the zygote.

`become_pid_1` makes the environment's namespaces and mounts and then gives up all it may do, its memory too: it becomes
a program that reads a pipe nobody writes to. When the other end is closed, by the server or by its death, the program
ends, and the kernel ends everything else in the environment with it. It reaps what loses its parent by ignoring it.

`become_runtime` enters those namespaces, locks itself down, waits for the function's code where it is a blank
environment's, and runs the function. Its parent is the zygote, which so learns exactly how it ended.

Both tell the zygote how far they have come through a pipe: a word of `Progress`, or else why they could not go on.
"""

from __future__ import annotations

import fcntl
import os
import signal

from lambent_runtime import isolation, linux
from lambent_runtime.frames import FRAMES_FD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from lambent_runtime.isolation import Config

    RuntimeMain = Callable[[int], object]

_GO_FD = 4
_PID_1 = ("/usr/bin/cat", "/bin/cat")


class Progress:
    """The words of the progress pipe."""

    NAMESPACES = b"namespaces"  # made by pid 1
    UNSHARED = b"unshared "  # the runtime process has its user namespace; its pid inside follows
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


def become_pid_1(config: Config, leash: int, tmp_mount: int, progress: int) -> NoReturn:
    """In the process forked into a new pid namespace; never returns."""
    try:
        _forget_the_zygote()
        os.dup2(leash, 0)
        os.dup2(0, 1)  # never written to: nothing comes
        os.dup2(0, 2)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        isolation.enter_namespaces(config, tmp_mount)
        linux.drop_capabilities()
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        os.write(progress, Progress.NAMESPACES)
        linux.close_from(3)
        program = next(filter(os.path.exists, _PID_1))
        # Without variables: the zygote's LD_LIBRARY_PATH names folders that may be a function's when this is loaded.
        os.execve(program, ["cat"], {})  # noqa: S606  # no shell wanted
    except BaseException as error:  # the outermost handler of this process
        _tell(progress, error)
    os._exit(1)


def become_runtime(
    config: Config, environment: int, ends: Ends, runtime_main: RuntimeMain, stem: Stem | None
) -> NoReturn:
    """In the process forked into an environment's pid namespace; never returns.

    Args:
        environment: the pidfd of the environment's pid 1, whose namespaces are entered.
        stem: what to be instead of waiting, if anything.
    """
    status = 1
    try:
        _forget_the_zygote()
        linux.close_all_but([*ends.all(), environment])
        os.setsid()
        _lock_down(config, environment, ends)
        if ends.go is not None and stem is None and not os.read(ends.go, 1):
            os._exit(1)
        if stem is None:
            _arrange(ends.channel, ends.output)
            runtime_main(FRAMES_FD)
        else:
            _arrange(ends.channel, ends.output, ends.go)
            os.execve(stem.command[0], stem.command, stem.environment)  # noqa: S606  # no shell wanted
        status = 0
    except BaseException as error:  # nothing of the zygote may ever run in this process again
        os.write(2, ("lambent: the runtime could not start: %r\n" % (error,)).encode())
    finally:
        os._exit(status)


def _forget_the_zygote() -> None:
    """Signals as in a new process: what is ignored would stay ignored in a program."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def _lock_down(config: Config, environment: int, ends: Ends) -> None:
    def await_identity() -> None:
        os.write(ends.progress, b"%s%d" % (Progress.UNSHARED, os.getpid()))
        if not os.read(ends.identity, 1):
            os._exit(1)

    try:
        isolation.enter_environment(environment)
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
