"""Builds the root file system of a zygote and becomes it.

Run as a program by the server, with the server's interpreter and as root: it reads a plan (JSON) from
its standard input, makes a mount namespace, carries the plan's steps out in order, pivots into the new
root and executes the zygote there. The mounts live in that namespace only: they vanish with the last
process in it, whatever happens to the server.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lambent_runtime import linux  # found only now: this is a script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any


def build(root: str, steps: Iterable[Sequence[Any]]) -> None:
    """Carry out steps below root; a step that fails is named in the error."""
    for step in steps:
        action, arguments = step[0], step[1:]
        try:
            _ACTIONS[action](root, *arguments)
        except OSError as error:
            raise SystemExit("sandbox step %s %s: %s" % (action, arguments, error)) from error


def _directory(root: str, path: str, mode: int) -> None:
    os.makedirs(root + path, exist_ok=True)
    os.chmod(root + path, mode)


def _file(root: str, path: str, content: str, mode: int) -> None:
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    with open(root + path, "w", encoding="utf-8") as file:
        file.write(content)
    os.chmod(root + path, mode)


def _program(root: str, path: str, content: str) -> None:
    """An executable file; its content is in hexadecimal."""
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    with open(root + path, "wb") as file:
        file.write(bytes.fromhex(content))
    os.chmod(root + path, 0o755)  # noqa: S103  # read-only


def _symlink(root: str, target: str, path: str) -> None:
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    os.symlink(target, root + path)


def _bind(root: str, source: str, path: str, flags: int) -> None:
    """Bind source at path, without what is mounted below it where that may be left out."""
    target = root + path
    if not os.path.lexists(target):
        if os.path.isdir(source):
            os.makedirs(target)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    try:
        linux.mount(source, target, None, linux.MS_BIND)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # In a user namespace, mounts of the host's stay together: one must not see what another hides.
        linux.mount(source, target, None, linux.MS_BIND | linux.MS_REC)
    linux.restrict_mounts(target, flags)


def _bind_empty(root: str, path: str, flags: int) -> None:
    """Hide what is at path behind an empty directory, if there is a directory."""
    if os.path.isdir(root + path):
        empty = root + "/mnt"
        linux.mount(empty, root + path, None, linux.MS_BIND)
        linux.restrict_mounts(root + path, flags)


def _tmpfs(root: str, path: str, options: str) -> None:
    """An empty, small file system for directories and files of the plan itself."""
    linux.mount("lambent", root + path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)


def _seal(root: str, path: str) -> None:
    """Make a tmpfs of this plan read-only."""
    flags = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
    linux.mount(None, root + path, None, flags)


_ACTIONS: dict[str, Callable[..., None]] = {
    "directory": _directory,
    "file": _file,
    "program": _program,
    "symlink": _symlink,
    "bind": _bind,
    "bind_empty": _bind_empty,
    "tmpfs": _tmpfs,
    "seal": _seal,
}


def _go_on_as_pid_1() -> None:
    """Go on in a child, whose PID namespace is its own, while this process becomes one that only waits for its end.

    The zygote enters PID namespaces and comes back: who has no rights on the host may not come back to the host's.
    """
    read, write = os.pipe()
    linux.unshare(linux.CLONE_NEWPID)
    if os.fork() == 0:
        linux.prctl(linux.PR_SET_PDEATHSIG, 9)
        os.close(read)
        os.set_inheritable(write, True)
        return
    os.dup2(read, 0)
    linux.close_from(3)
    os.execvp("cat", ["cat"])  # noqa: S606  # no shell wanted


def _default_signals() -> None:
    """What a shell or nohup ignores for the server would be ignored in every function."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def main() -> None:
    """Program entry: build the root, enter it, become the zygote."""
    _default_signals()
    plan = json.load(sys.stdin)
    linux.prctl(linux.PR_SET_PDEATHSIG, 9)
    if os.getppid() != plan["parent"]:
        raise SystemExit("the server has gone")
    if plan["own_pid_namespace"]:
        _go_on_as_pid_1()
    # The zygote goes into an environment's namespaces and comes back: to the host's it may have no way back, where the
    # server has no rights on the host.
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS)
    # Opened before the pivot: the zygote has no /proc.
    home = [os.open("/proc/self/ns/" + name, os.O_RDONLY) for name in ("pid", "mnt", "net", "ipc", "uts")]
    for fd in home:
        os.set_inheritable(fd, True)
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    root = plan["root"]
    build(root, plan["steps"])
    os.chdir(root)
    linux.pivot_root(".", ".")
    linux.unmount(".")
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    arguments = [str(value) for value in plan["arguments"]]
    os.execve(arguments[0], [*arguments, *map(str, home)], plan["environment"])  # noqa: S606  # no shell wanted


if __name__ == "__main__":
    main()
