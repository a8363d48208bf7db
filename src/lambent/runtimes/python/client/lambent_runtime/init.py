"""Pid 1 of an execution environment: reaps, reports exit statuses, starts and ends process generations.

It is forked from the zygote, has never run tenant code and never will; its rights are those it needs
to mount code, to map identities and to signal. The server speaks with it over a SEQPACKET socket, one
JSON object a message, descriptors beside it:

    server → init   {"op": "mount", "targets": ["/var/task", …]} + one mount each, in order
                    {"op": "start", "generation": n} + frames socket, log pipe, cgroup files
                    {"op": "kill"}
    init → server   {"event": "ready"}        the first generation waits for its code
                    {"event": "exited", "generation": n, "code": c | null, "signal": s | null}
                    {"event": "failed", "step": "…"}      and this environment ends

When the server goes away the socket reads as closed, init exits, and the kernel ends everything else.
"""

import json
import os
import select
import signal
import socket

from lambent_runtime import isolation, linux

FRAMES_FD = 3
_MAX_MESSAGE = 65536
_MAX_FDS = 32


def run(config, control, runtime_main, tmp_mount, first_generation):
    """Be pid 1; never returns. first_generation is (frames socket, log pipe, cgroup files) of generation 1."""
    init = _Init(config, control, runtime_main)
    try:
        isolation.enter_namespaces(config, tmp_mount)
        os.close(tmp_mount)
        init.start(1, first_generation, await_code=True)
        isolation.keep_what_init_needs()
        init.send({"event": "ready"})
        init.loop()
    except BaseException as error:  # the outermost handler of this process: report, then end
        init.send({"event": "failed", "step": "%s: %s" % (type(error).__name__, error)})
    os._exit(1)


class _Init:
    def __init__(self, config, control, runtime_main):
        self._config = config
        self._control = control
        self._runtime_main = runtime_main
        self._generation = 0
        self._runtime = None
        self._go = None
        self._wakeup, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup_write = wakeup_write
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def send(self, message):
        try:
            self._control.send(json.dumps(message).encode())
        except OSError:
            os._exit(1)

    def loop(self):
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

    def _receive(self):
        data, fds, _, _ = socket.recv_fds(self._control, _MAX_MESSAGE, _MAX_FDS)
        if not data:
            os._exit(0)
        message = json.loads(data)
        operation = message["op"]
        if operation == "mount":
            for target, fd in zip(message["targets"], fds):
                linux.move_mount(fd, target)
                os.close(fd)
            os.write(self._go, b"\n")
            os.close(self._go)
            self._go = None
        elif operation == "start":
            self.start(message["generation"], fds)
        elif operation == "kill":
            self._kill_all()

    def start(self, generation, fds, await_code=False):
        """Fork the runtime process of a generation; it waits for its code when await_code is set."""
        identity_read, identity_write = os.pipe()
        unshared_read, unshared_write = os.pipe()
        go_read = None
        if await_code:
            go_read, self._go = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become_runtime(fds, identity_read, unshared_write, go_read)
        for fd in list(fds) + [identity_read, unshared_write] + ([go_read] if await_code else []):
            os.close(fd)
        os.read(unshared_read, 1)
        isolation.write_identity_map(pid, self._config)
        os.write(identity_write, b"\n")
        os.close(identity_write)
        os.close(unshared_read)
        self._runtime = pid
        self._generation = generation

    def _become_runtime(self, fds, identity_read, unshared_write, go_read):
        """In the forked child: lock down, arrange the descriptors, run the runtime."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setsid()
            channel, output = fds[0], fds[1]
            os.dup2(output, 1)
            os.dup2(output, 2)

            def await_identity():
                os.write(unshared_write, b"\n")
                if not os.read(identity_read, 1):
                    os._exit(1)

            isolation.lock_down(self._config, fds[2:], await_identity)
            if go_read is not None and not os.read(go_read, 1):
                os._exit(1)
            os.dup2(channel, FRAMES_FD)
            linux.close_from(FRAMES_FD + 1)
            os.set_inheritable(FRAMES_FD, False)
            self._control = None
            self._runtime_main(FRAMES_FD)
            status = 0
        except BaseException as error:  # nothing of init may ever run in this process again
            os.write(2, ("lambent: the runtime could not start: %r\n" % (error,)).encode())
        finally:
            os._exit(status)

    def _reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._runtime:
                self._runtime = None
                self._kill_all()
                self._reap_all()
                signalled = os.WIFSIGNALED(status)
                self.send(
                    {
                        "event": "exited",
                        "generation": self._generation,
                        "code": None if signalled else os.WEXITSTATUS(status),
                        "signal": os.WTERMSIG(status) if signalled else None,
                    }
                )

    def _kill_all(self):
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def _reap_all(self):
        """Wait until nothing but this process is left in the environment."""
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return
