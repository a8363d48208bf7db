"""What runs on macOS too: the process sandbox needs nothing that only Linux has."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from tests.lambent_server import LambentServer, create_function
from tests.ordinary_user.ordinary import RUNTIME

# Imports and the server's own code see a system without what only Linux has; the programs it starts don't.
_ELSEWHERE = """
    import fcntl, os, select, socket, sys
    import asyncio, ctypes.util, subprocess, uvloop, sysconfig, sqlalchemy, boto3  # for this system, before it looks like another

    sysconfig.get_config_vars()

    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {"pyseccomp", "seccomp"}:
                raise ImportError(name + " is Linux's")

    sys.meta_path.insert(0, Missing())
    for module, names in {
        os: ["pipe2", "O_TMPFILE", "SCHED_BATCH", "sched_setscheduler", "setresuid", "memfd_create", "pidfd_open"],
        socket: ["AF_NETLINK", "SO_MARK", "SO_PEERCRED"],
        fcntl: ["F_SETPIPE_SZ", "F_GETPIPE_SZ"],
        select: ["epoll"],
    }.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    sys.platform = "darwin"
"""


def test_everything_can_be_imported_elsewhere() -> None:
    done = _elsewhere("import lambent.app, lambent.cli, lambent.commands.serve, lambent.doctor; print('imported')")
    assert done.stdout == "imported\n", done.stderr


def test_the_choice_elsewhere_is_processes_and_never_for_a_team() -> None:
    done = _elsewhere(
        """
        from lambent.sandbox.choice import choose
        from lambent.sandbox.errors import SandboxUnavailable
        print(choose("auto", fall_back=True).way)
        try:
            choose("auto", fall_back=False)
        except SandboxUnavailable as error:
            print(error)
        """
    )
    assert done.stdout == "process\nnamespaces need Linux\n", done.stderr


def test_a_whole_server_runs_elsewhere(tmp_path: Path) -> None:
    """With what only Linux tells left out: who connects, memory by /proc, and namespaces to begin with."""
    server = LambentServer(tmp_path / "data")
    program = "import sys; sys.argv[:] = ['lambent', *sys.argv[3:]]; from lambent.cli import main; sys.exit(main())"
    server.python = tmp_path / "python"
    (tmp_path / "program.py").write_text(textwrap.dedent(_ELSEWHERE) + program)
    server.python.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path / "program.py"} "$@"\n')
    server.python.chmod(0o755)
    client = server.start().client()
    source = "import os, time\ndef handler(event, context):\n    time.sleep(event)\n    return os.getpid()"
    create_function(client, "elsewhere", source, Runtime=RUNTIME, Timeout=1)

    def invoke(event: str) -> Any:
        return json.loads(client.invoke(FunctionName="elsewhere", Payload=event)["Payload"].read())

    first = invoke("0")
    assert invoke("0") == first
    assert invoke("5")["errorType"] == "Sandbox.Timedout"
    assert invoke("0") != first
    assert server.stop() == 0
    assert server.leftovers() == []
    assert "Functions run as plain processes" in server.said()
    assert "Traceback" not in server.said()


def _elsewhere(program: str) -> "subprocess.CompletedProcess[str]":
    text = textwrap.dedent(_ELSEWHERE) + textwrap.dedent(program)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
