"""The zygote of one runtime: a process from which execution environments are forked.

It is single-threaded, has the runtime client imported (where that is Python's) and never runs tenant code. It lives
in the root file system that the launcher built, and forks, for each request on its SEQPACKET socket, the init of a
new blank environment (`lambent_runtime.init`). One JSON object a message, descriptors beside it:

    server → zygote   {"config": {…}} first, once; then
                      {"spawn": id, "uid": u, "gid": g, "stem": [flag, …] | null} + control socket, /tmp mount,
                      frames socket, log pipe, cgroup files

How a runtime process begins is the configuration's "start":

    {"kind": "fork"}                             in Python, with the zygote's imports
    {"kind": "bootstrap", "candidates": […]}     the first of these programs that there is
    {"kind": "interpreter", "command": […], "stem": {"command": […], "environment": {…}} | null}
                                                 an interpreter; "stem" is how it is started in advance

"scaffold" are directories that only the zygote itself needs, to load its own Python; they are gone before it forks.
    zygote → server   {"ready": true}; for each request {"spawned": id, "pid": host pid}
                      or {"spawned": id, "failed": why}
"""

from __future__ import annotations

import base64
import codecs
import functools
import gc
import json
import os
import signal
import socket
import sys

from lambent_runtime import executed, init, linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from lambent_runtime.init import RuntimeMain, Stem
    from lambent_runtime.isolation import Config

_MAX_MESSAGE = 262144
_MAX_FDS = 32
_ENCODINGS = ("ascii", "latin-1", "utf-8")  # loaded at their first use, when the scaffold may have gone


def main() -> NoReturn:
    """Program entry: argv is [control fd, fd of this pid namespace]."""
    control = socket.socket(fileno=int(sys.argv[1]))
    pid_namespace = int(sys.argv[2])
    os.set_inheritable(control.fileno(), False)
    os.set_inheritable(pid_namespace, False)
    # Children are reaped by the kernel: each init reports about its own environment itself.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config: Config = json.loads(control.recv(_MAX_MESSAGE))["config"]
    config["seccomp"] = base64.b64decode(config["seccomp"])  # JSON has no bytes
    runtime_main, stem = _prepare(config["start"])
    for encoding in _ENCODINGS:
        codecs.lookup(encoding)
    for path in config["scaffold"]:
        linux.unmount(path)
    gc.collect()
    gc.freeze()
    control.send(b'{"ready": true}')
    while True:
        data, fds, _, _ = socket.recv_fds(control, _MAX_MESSAGE, _MAX_FDS)
        if not data:
            os._exit(0)
        request = json.loads(data)
        answer: dict[str, object] = {"spawned": request["spawn"]}
        try:
            linux.unshare(linux.CLONE_NEWPID)
            try:
                pid = os.fork()
                if pid == 0:
                    control.close()
                    os.close(pid_namespace)
                    config["uid"], config["gid"] = request["uid"], request["gid"]
                    flags = request["stem"]
                    wanted = None if stem is None or flags is None else stem.with_flags(flags)
                    _become_init(config, fds, runtime_main, wanted)
                answer["pid"] = pid
            finally:
                # Without this the next child would be born into the namespace just made.
                linux.setns(pid_namespace, linux.CLONE_NEWPID)
        except OSError as error:  # the machine has no room for another process: this one goes on
            answer["failed"] = str(error)
        for fd in fds:
            os.close(fd)
        control.send(json.dumps(answer).encode())


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


def _become_init(config: Config, fds: list[int], runtime_main: RuntimeMain, stem: Stem | None) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    init.run(config, socket.socket(fileno=fds[0]), runtime_main, fds[1], fds[2:], stem)


if __name__ == "__main__":
    main()
