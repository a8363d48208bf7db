"""What a function's life is like under every sandbox and user: that of AWS, whatever else doesn't hold."""

import base64
import io
import json
import os
import re
import secrets
import signal
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.lambent_server import ROLE, LambentServer, create_function, is_alive, stat_fields, wait_until_active
from tests.ordinary_user.ordinary import RUNTIME
from tests.sandbox.inside import kept
from tests.sandbox.probe import Probe


@pytest.fixture
def seconds() -> str:
    """A time to sleep that no other test's program has."""
    return f"{600 + secrets.randbelow(10**9)}"


def test_a_function_is_invoked_and_keeps_its_process(probe: Probe) -> None:
    def process() -> int:
        return os.getpid()

    assert probe.run(process) == probe.run(process)


def test_the_code_and_the_temporary_directory_are_where_the_variables_say(probe: Probe) -> None:
    def places() -> dict[str, bool]:
        import tempfile  # noqa: PLC0415

        with tempfile.NamedTemporaryFile() as file:
            file.write(b"something")
            return {
                "task root": Path(os.environ["LAMBDA_TASK_ROOT"], "inside.py").exists(),
                "here": str(Path.cwd()) == os.environ["LAMBDA_TASK_ROOT"],
                "temporary": file.name.startswith(os.environ.get("TMPDIR", "/tmp")),
            }

    assert probe.run(places) == {"task root": True, "here": True, "temporary": True}


def test_no_variable_of_the_server_is_the_functions(probe: Probe) -> None:
    def variables() -> list[str]:
        return sorted(os.environ)

    names = probe.run(variables)
    assert "PYTEST_CURRENT_TEST" not in names
    assert "HOME" not in names
    assert {"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API", "_HANDLER"} <= set(names)


def test_a_timeout_ends_the_process_and_all_that_it_started(lambda_client: Any, seconds: str) -> None:
    source = """
import os, subprocess, time
def handler(event, context):
    if event:
        return os.getpid()
    child = subprocess.Popen(["/bin/sleep", os.environ["SECONDS"]], start_new_session=True)
    with open(os.path.join(os.environ.get("TMPDIR", "/tmp"), "child"), "w") as file:
        file.write(str(child.pid))
    time.sleep(60)
"""
    environment = {"Variables": {"SECONDS": seconds}}
    create_function(lambda_client, "timeout", source, Runtime=RUNTIME, Timeout=1, Environment=environment)
    answer = lambda_client.invoke(FunctionName="timeout", Payload="0")
    assert answer["FunctionError"] == "Unhandled"
    assert b"Task timed out after 1.00 seconds" in answer["Payload"].read()
    assert "FunctionError" not in lambda_client.invoke(FunctionName="timeout", Payload="1")
    assert _programs(f"/bin/sleep\0{seconds}") == []
    lambda_client.delete_function(FunctionName="timeout")


def test_a_crash_is_told_and_the_next_invocation_has_a_new_process(probe: Probe) -> None:
    def process() -> int:
        return os.getpid()

    def crash() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    before = probe.run(process)
    assert probe.crash(crash) == "Runtime.ExitError: Runtime exited with error: signal: killed"
    assert probe.run(process) != before or _has_pid_namespace(probe)


def _has_pid_namespace(probe: Probe) -> bool:
    def process() -> int:
        return os.getpid()

    return bool(probe.run(process) < 20)


def test_a_daemon_that_left_its_session_ends_with_its_generation(probe: Probe, seconds: str) -> None:
    def daemon(seconds: str) -> None:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv("/bin/sleep", ["/bin/sleep", seconds])
            os._exit(0)
        os.wait()
        os._exit(3)

    assert probe.crash(daemon, seconds) == "Runtime.ExitError: Runtime exited with error: exit status 3"
    assert _programs(f"/bin/sleep\0{seconds}") == []


def test_too_much_memory_ends_the_function(probe: Probe) -> None:
    def swallow() -> None:
        blocks = []
        while True:
            blocks.append(bytearray(os.urandom(1)) * (8 << 20))
            time.sleep(0.02)

    assert probe.crash(swallow) == "Runtime.ExitError: Runtime exited with error: signal: killed"


def test_the_report_has_the_memory_that_was_used(probe: Probe) -> None:
    def take() -> int:
        kept["block"] = bytearray(b"x") * (50 << 20)
        return len(kept["block"])

    assert probe.run(take) == 50 << 20
    used = _max_memory_used_mb(probe)
    assert 55 <= used <= 128


def _max_memory_used_mb(probe: Probe) -> int:
    event = {"name": "f", "source": "def f(): pass", "arguments": []}
    time.sleep(0.06)  # a look at the memory is good for 50 ms
    answer = probe.client.invoke(FunctionName=probe.name, Payload=json.dumps(event), LogType="Tail")
    match = re.search(r"Max Memory Used: (\d+) MB", base64.b64decode(answer["LogResult"]).decode())
    assert match
    return int(match[1])


def test_nothing_runs_between_invocations(probe: Probe) -> None:
    def begin() -> float:
        def count() -> None:
            while True:
                kept["count"] = kept.get("count", 0) + 1
                time.sleep(0.001)

        kept["count"] = 0
        threading.Thread(target=count, daemon=True).start()
        return time.monotonic()

    def counted() -> int:
        return int(kept["count"])

    probe.run(begin)
    time.sleep(2)
    assert probe.run(counted) < 600  # of about 2,000: it ran for the 100 ms before it was frozen


def test_no_process_outlives_a_killed_server(server: LambentServer, probe: Probe) -> None:
    def process() -> int:
        return os.getpid()

    probe.run(process)
    family = [(pid, fields[19]) for pid in server.processes() if (fields := stat_fields(pid))]
    assert len(family) > 1
    port = server.port
    server.kill()
    server.wait_until_no_process_is_left()
    assert not any(is_alive(*one) for one in family)
    server.start()
    assert server.port == port
    assert probe.run(process) > 0


@pytest.mark.parametrize("options", ["", "--max-old-space-size=100"])
def test_node_functions_run_too(lambda_client: Any, server: LambentServer, options: str) -> None:
    if "nodejs20.x" not in server.said():
        pytest.skip("needs a Node.js 20 that everybody can read")
    source = "export const handler = async (event) => ({event, here: process.cwd() === process.env.LAMBDA_TASK_ROOT})"
    variables = {"NODE_OPTIONS": options} if options else {"OTHER": "1"}
    create_function(
        lambda_client,
        "node",
        {"index.mjs": source},
        Runtime="nodejs20.x",
        Handler="index.handler",
        Environment={"Variables": variables},
    )
    answer = lambda_client.invoke(FunctionName="node", Payload="1")
    assert json.loads(answer["Payload"].read()) == {"event": 1, "here": True}
    lambda_client.delete_function(FunctionName="node")


def test_bootstraps_run_too_and_speak_to_the_runtime_api(lambda_client: Any, server: LambentServer) -> None:
    """Its own connections are let in, wherever the Runtime API listens."""
    bootstrap = f"""#!/usr/bin/python{RUNTIME.removeprefix("python")}
import json, os, urllib.request
url = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(url + "next") as event:
        request_id, body = event.headers["Lambda-Runtime-Aws-Request-Id"], event.read()
    urllib.request.urlopen(url + request_id + "/response", data=body + b"1")
"""
    if not Path(bootstrap[2:].splitlines()[0]).exists():
        pytest.skip("needs a Python in /usr/bin")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap", (2026, 1, 1, 0, 0, 0))
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, bootstrap)
    lambda_client.create_function(
        FunctionName="bootstrap",
        Runtime="provided.al2023",
        Handler="any",
        Role=ROLE,
        Code={"ZipFile": package.getvalue()},
        Timeout=10,
    )
    wait_until_active(lambda_client, "bootstrap")
    for _ in range(2):
        assert lambda_client.invoke(FunctionName="bootstrap", Payload="4")["Payload"].read() == b"41"
    lambda_client.delete_function(FunctionName="bootstrap")


def _programs(command_line: str) -> list[int]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if file.read_text().startswith(command_line):
                found.append(int(file.parent.name))
        except OSError:
            continue
    return found
