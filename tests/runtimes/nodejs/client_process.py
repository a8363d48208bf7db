"""A Node.js process of our client without a sandbox: the server's side of frames socket and log pipe, in the test."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import lambent.runtimes.nodejs
from tests.runtimes.python.runtime_process import INIT, RuntimeProcess

CLIENT_ROOT = Path(lambent.runtimes.nodejs.__file__).parent / "client"
ENTRY = CLIENT_ROOT / "index.cjs"

# AWS's flags, and ours; by major version. See the head of index.cjs.
FLAGS = {
    20: ["--expose-gc", "--no-experimental-require-module", "--expose-internals"],
    22: ["--expose-gc", "--no-experimental-require-module", "--no-experimental-detect-module"],
    24: ["--expose-gc"],
}
# Stands for what executes the client: the descriptors 3 and 4 are inherited under any other number.
_START = """
exec 3<&"$1"
if [ "$2" ]; then exec 4<&"$2"; fi
for fd in "$1" "$2"; do if [ "$fd" ] && [ "$fd" -gt 4 ]; then exec {fd}<&-; fi; done
shift 2
exec "$@"
"""


class NodeProcess(RuntimeProcess):
    """One process; executed by `initialise` with its environment, or a stem that has been started before."""

    def __init__(self, node: Path, major: int, task_root: Path, layers_root: Path, *, stem: bool = False) -> None:
        self.channel, self._theirs = socket.socketpair()
        self.channel.settimeout(20)
        self.pipe, self._pipe_write = os.pipe()
        self.task_root = task_root
        self._layers_root = layers_root
        self._buffer = b""
        self._command = [str(node), *FLAGS[major], str(ENTRY)]
        self.major = major
        self._wake: int | None = None
        if stem:
            wake_read, self._wake = os.pipe()
            self._execute({"PATH": os.environ["PATH"], "LEFT_BEHIND": "by the stem"}, wake_read)
            os.close(wake_read)

    def __exit__(self, *exception: object) -> None:
        if self._wake is not None:
            os.close(self._wake)
        if hasattr(self, "process"):
            super().__exit__(None, None, None)
        else:
            for fd in (self.pipe, self._pipe_write):
                os.close(fd)
            self.channel.close()
            self._theirs.close()

    def send_init(
        self, handler: str = "app.handler", *, execute: bool = False, environment: dict[str, str] | None = None
    ) -> None:
        variables = {
            "_HANDLER": handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_nodejs{self.major}.x",
            "AWS_LAMBDA_FUNCTION_NAME": "fn",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/fn",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2024/05/01/[$LATEST]8f50",
            "LAMBDA_TASK_ROOT": str(self.task_root),
            "LAMBDA_RUNTIME_DIR": str(self._layers_root.parent / "runtime"),
            "NODE_PATH": self._node_path(),
            "PATH": os.environ["PATH"],
            "TZ": ":UTC",
        } | (environment or {})
        if self._wake is None:
            self._execute(variables, None)
            return
        os.write(self._wake, b"\0")
        self._send_init_frame(variables, handler)

    def _send_init_frame(self, variables: dict[str, str], handler: str) -> None:
        message = {"env": variables, "handler": handler, "exec": False, "initialization_type": "on-demand"}
        self.send(INIT, json.dumps(message).encode())

    def _node_path(self) -> str:
        runtime = self._layers_root.parent / "runtime"
        return ":".join(
            str(path)
            for path in [
                self._layers_root / f"nodejs/node{self.major}/node_modules",
                self._layers_root / "nodejs/node_modules",
                runtime / "node_modules",
                runtime,
                self.task_root,
            ]
        )

    def _execute(self, environment: dict[str, str], wake: int | None) -> None:
        flag, wake_text = ([], "") if wake is None else (["--stem"], str(wake))
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", _START, "sh", str(self._theirs.fileno()), wake_text, *self._command, *flag],
            stdin=subprocess.DEVNULL,
            stdout=self._pipe_write,
            stderr=self._pipe_write,
            pass_fds=[self._theirs.fileno(), *([] if wake is None else [wake])],
            env=environment,
            cwd=self.task_root,
        )
        self._theirs.close()
        os.close(self._pipe_write)
