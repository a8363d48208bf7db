"""The parent of one environment's processes where there are no namespaces: what init is where there are.

Run as a program by the server, with the server's interpreter; it never runs tenant code. It starts the runtime process
of each generation in a session of its own, reaps, reports exit statuses, stops and ends. On Linux orphans become its
children, so that it finds what has left the session; elsewhere it knows the process group only.

One JSON object a line over a stream socket, descriptors beside it:

    server → keeper   {"op": "start", "generation": n, "command": […], "environment": {…}, "directory": "…",
                       "limits": [[name, soft, hard], …], "nice": n} + frames socket, log pipe
                      {"op": "kill"}, {"op": "freeze"}, {"op": "thaw"}
    keeper → server   {"event": "started", "generation": n, "pid": p}
                      {"event": "exited", "generation": n, "code": c | null, "signal": s | null}

When the server goes away the socket reads as closed; the keeper ends what it has started, and itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_FRAMES_FD = 3
_RECEIVE_BYTES = 65536
_MAX_FDS = 8
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_ON_LINUX = sys.platform == "linux"


def main() -> NoReturn:
    """Program entry: argv is [number of the control socket]."""
    control = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
    # The server's signals aren't this process's: a Ctrl-C at the terminal reaches all of its process group.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _Keeper(control).loop()


class _Keeper:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._data = b""
        self._fds: list[int] = []
        self._generation = 0
        self._runtime: int | None = None
        self._group: int | None = None
        self._frozen = False
        self._wakeup, wakeup_write = os.pipe()
        os.set_blocking(wakeup_write, False)
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)

    def loop(self) -> NoReturn:
        while True:
            ready, _, _ = select.select((self._control.fileno(), self._wakeup), (), ())
            if self._wakeup in ready:
                os.read(self._wakeup, 512)
                self._reap()
            if self._control.fileno() in ready:
                self._receive()

    def _receive(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._control, _RECEIVE_BYTES, _MAX_FDS)
        except OSError:  # it was killed before it had read all that was said to it
            data, fds = b"", []
        if not data:
            self._end_all()
            os._exit(0)
        self._fds.extend(fds)
        *lines, self._data = (self._data + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            operation = message["op"]
            if operation == "start":
                self._start(message)
            elif operation == "kill":
                self._signal_all(signal.SIGKILL)
            elif operation == "freeze":
                self._frozen = True
                self._signal_all(signal.SIGSTOP)
            elif operation == "thaw":
                self._frozen = False
                self._signal_all(signal.SIGCONT)

    def _start(self, message: dict[str, Any]) -> None:
        fds, self._fds = self._fds[:2], self._fds[2:]
        pid = os.fork()
        if pid == 0:
            _become(message, *fds)
        for fd in fds:
            os.close(fd)
        self._runtime = self._group = pid
        self._generation = message["generation"]
        self._send({"event": "started", "generation": self._generation, "pid": pid})

    def _send(self, message: dict[str, object]) -> None:
        try:
            self._control.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self._end_all()
            os._exit(1)

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
        self._end_all()
        signalled = os.WIFSIGNALED(status)
        self._send(
            {
                "event": "exited",
                "generation": self._generation,
                "code": None if signalled else os.WEXITSTATUS(status),
                "signal": os.WTERMSIG(status) if signalled else None,
            }
        )

    def _end_all(self) -> None:
        self._signal_all(signal.SIGKILL)
        while _wait(0)[0]:
            self._signal_all(signal.SIGKILL)  # children of one that has just ended are this process's now

    def _signal_all(self, number: int) -> None:
        """Signal every process below this one; again until there is none that was born meanwhile."""
        if self._group is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, number)
        signalled: set[int] = set()
        while True:
            fresh = _descendants(os.getpid()) - signalled
            if not fresh:
                return
            for pid in fresh:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
            signalled |= fresh


def _become(message: dict[str, Any], channel: int, output: int) -> NoReturn:
    """In the forked child: limits, descriptors, then the program."""
    try:
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:  # a shell's "&" ignores some, too
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        channel = fcntl.fcntl(channel, fcntl.F_DUPFD, _FRAMES_FD + 1)
        null = os.open(os.devnull, os.O_RDWR)
        for source, target in ((output, 1), (output, 2), (null, 0), (channel, _FRAMES_FD)):
            os.dup2(source, target)
        os.closerange(_FRAMES_FD + 1, os.sysconf("SC_OPEN_MAX"))
        for name, soft, hard in message["limits"]:
            _limit(name, soft, hard)
        os.setpriority(os.PRIO_PROCESS, 0, message["nice"])
        os.umask(0o022)
        os.chdir(message["directory"])
        command = message["command"]
        os.execve(command[0], command, message["environment"])  # noqa: S606  # no shell wanted
    except BaseException as error:  # nothing of the keeper may ever run in this process again
        os.write(2, ("lambent: the runtime could not start: %r\n" % (error,)).encode())
    finally:
        os._exit(1)


def _limit(name: str, soft: int, hard: int) -> None:
    """Set a limit, or the highest below it that this process may have; systems don't all know the same ones."""
    kind: int | None = getattr(resource, "RLIMIT_" + name, None)
    if kind is None:
        return
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = (ceiling if value == resource.RLIM_INFINITY else min(value, ceiling) for value in (soft, hard))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (soft, hard))


def _descendants(pid: int) -> set[int]:
    """Every process below one, where /proc tells."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if _ON_LINUX else ():
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                with open("/proc/%s/stat" % name, encoding="ascii", errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
                if fields[0] != "Z":
                    children.setdefault(int(fields[1]), []).append(int(name))
    found: set[int] = set()
    below = children.get(pid, [])
    while below:
        found.update(below)
        below = [child for parent in below for child in children.get(parent, [])]
    return found


def _prctl(option: int, value: int) -> None:
    """Set an attribute of this process, where the system is one that has it."""
    if _ON_LINUX:
        from lambent_runtime import linux  # noqa: PLC0415  # calls that only Linux has

        linux.prctl(option, value)


def _wait(flags: int) -> tuple[int, int]:
    """(pid, status) of a child that has ended; pid 0 where there is none."""
    try:
        return os.waitpid(-1, flags)
    except ChildProcessError:
        return 0, 0


def _ignore(number: int, frame: object) -> None:  # the wake-up descriptor says it all
    pass


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main()
