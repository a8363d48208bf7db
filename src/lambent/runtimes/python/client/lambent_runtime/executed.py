"""From a blank process to a program of the function's own choosing: what is executed instead of forked.

The process is locked down already. It waits for INIT on the frames socket, takes the function's environment from it and
becomes the program: a `provided` runtime's bootstrap, or an interpreter that has to be started with the function's
variables.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time

from lambent_runtime.frames import INIT, Channel, ChannelClosed, launch_failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

TASK_ROOT = "/var/task"
_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
_NOT_FOUND_STATUS, _NOT_EXECUTABLE_STATUS = 127, 126
_INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"


def run_interpreter(frames_fd: int, command: Sequence[str], directory: str = TASK_ROOT) -> NoReturn:
    """Become a managed runtime's interpreter when INIT has come; it keeps the frames socket."""
    try:
        channel = Channel(frames_fd)
        init = receive_init(channel)
        take_environment(init, directory)
        flags: list[str] = init["flags"]  # type: ignore[assignment]  # by the protocol
        execute_interpreter(frames_fd, [command[0], *flags, *command[1:]])
    except ChannelClosed:
        os._exit(1)


def run_bootstrap(frames_fd: int, candidates: Sequence[str], directory: str = TASK_ROOT) -> NoReturn:
    """Become the first of the candidates that there is; it speaks HTTP, so the frames socket ends here.

    Source: runtime-api.md section 5 and 8 (the messages are those of AWS's platform, which is written in Go).
    """
    try:
        channel = Channel(frames_fd)
        take_environment(receive_init(channel), directory)
        bootstrap = next(filter(os.path.exists, candidates), None)
        if bootstrap is None:
            reason = "Couldn't find valid bootstrap(s): [%s]" % " ".join(candidates)
        else:
            reason = _become(bootstrap)
        channel.send(launch_failed(_INVALID_ENTRYPOINT, reason))
    except ChannelClosed:
        pass
    os._exit(1)


def _become(bootstrap: str) -> str:
    """Execute it; answers why it can't be."""
    default_signals()
    try:
        os.execv(bootstrap, [bootstrap])  # noqa: S606  # no shell wanted
    except OSError as error:
        return "fork/exec %s: %s" % (bootstrap, os.strerror(error.errno or 0).lower())


def receive_init(channel: Channel) -> dict[str, object]:
    """The INIT message; whatever else comes before it is passed over."""
    while True:
        kind, body = channel.receive()
        if kind == INIT:
            message: dict[str, object] = json.loads(body)
            return message


def take_environment(init: dict[str, object], directory: str = TASK_ROOT) -> None:
    """Replace every environment variable, so that nothing of the host's or the zygote's stays; enter the code."""
    variables: dict[str, str] = init["env"]  # type: ignore[assignment]  # by the protocol
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    os.chdir(directory)


def execute_interpreter(frames_fd: int, command: Sequence[str]) -> NoReturn:
    """Become a fresh interpreter, through the function's wrapper script if it has one.

    Source: developer guide, "Wrapper scripts"; observed: a missing wrapper is exit status 127, as a shell has it.
    """
    command = list(command)
    wrapper = os.environ.get(_WRAPPER)
    if wrapper:
        command.insert(0, wrapper)
    os.set_inheritable(frames_fd, True)
    default_signals()
    try:
        _execute(command)
    except FileNotFoundError:
        _fail(command[0], "No such file or directory", _NOT_FOUND_STATUS)
    except OSError as error:
        _fail(command[0], error.strerror, _NOT_EXECUTABLE_STATUS)


def default_signals() -> None:
    """An ignored signal would stay ignored in the new program; Python ignores two of its own accord."""
    for name in ("SIGINT", "SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def _execute(command: list[str]) -> NoReturn:
    try:
        os.execvp(command[0], command)  # noqa: S606  # nothing here is a shell's text
    except OSError as error:
        if error.errno != errno.ENOEXEC:  # a script without "#!", which a shell runs itself
            raise
    os.execv("/bin/sh", ["/bin/sh", *command])  # noqa: S606  # as above


def _fail(program: str, reason: str | None, status: int) -> NoReturn:
    sys.stderr.flush()
    os.write(2, ("%s: %s\n" % (program, reason)).encode())
    os._exit(status)
