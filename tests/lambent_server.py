"""A real Lambent as a process of its own, in its own data directory, and clients of it."""

import contextlib
import hashlib
import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

START_SECONDS = 30
STOP_SECONDS = 20
REGION = "eu-west-1"
ROLE = "arn:aws:iam::000000000000:role/test"
_URL = re.compile(r"http://[0-9a-z.\[\]:]+:(\d+)")


class LambentServer:
    """One `lambent dev` (or `serve`) process; started by `start`, ended by `stop`."""

    def __init__(self, data_directory: Path, *, posture: str = "dev", flags: Sequence[str] = ()) -> None:
        self.data_directory = data_directory
        self.posture = posture
        self.flags = list(flags)
        self.port = 0
        self.output = data_directory.parent / f"{data_directory.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> "LambentServer":
        """Returns when it answers requests."""
        command = [sys.executable, "-m", "lambent", self.posture, "--port", str(self.port)]
        command += ["--data-directory", str(self.data_directory), *self.flags]
        with self.output.open("ab") as output:
            begin = output.tell()
            self._process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            said = self.output.read_bytes()[begin:].decode()
            match = _URL.search(said)
            if match and "ready in" in said:
                self.port = int(match[1])
                return self
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended with status {self._process.returncode}:\n{said}")
            time.sleep(0.01)
        raise AssertionError(f"the server was not ready after {START_SECONDS} s:\n{self.said()}")

    def said(self) -> str:
        """Its standard output and error, over all starts."""
        return self.output.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a crash or the kernel would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_SECONDS)

    def client(self, *, account: str = "000000000000", region: str = REGION, **config: Any) -> Any:
        """A boto3 client whose requests aren't checked or repeated on the client's side."""
        options: dict[str, Any] = {"retries": {"total_max_attempts": 1}, "read_timeout": 120, **config}
        return boto3.Session().client(
            "lambda",
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=account,
            aws_secret_access_key="any",
            config=Config(**options),
        )

    # --- what must hold of it ---

    @property
    def instance(self) -> str:
        """Its name in shared places of the host, such as control groups."""
        return hashlib.sha256(os.fsencode(self.data_directory.resolve())).hexdigest()[:16]

    def leftovers(self) -> list[str]:
        """What there is on this host of the server beside its data directory; empty after a stop."""
        found = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/lambent-{self.instance}")]
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"lambent-{self.instance}")]
        found += [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(self.data_directory) in line]
        for file in Path("/sys/block").glob("loop*/loop/backing_file"):
            with contextlib.suppress(OSError):
                if str(self.data_directory) in file.read_text():
                    found.append(str(file))
        found += [f"process {pid}" for pid in self.processes()]
        return found

    def processes(self) -> list[int]:
        """Host pids of its zygotes and environments: they have its data directory's /tmp images or root mounted."""
        pids = []
        for status in Path("/proc").glob("[0-9]*/cgroup"):
            with contextlib.suppress(OSError):
                if f"lambent-{self.instance}" in status.read_text():
                    pids.append(int(status.parent.name))
        return pids


def zip_of(files: Mapping[str, str | bytes]) -> bytes:
    """A deployment package."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16  # as on AWS, what others can't read a function can't
            archive.writestr(entry, content)
    return buffer.getvalue()


def create_function(client: Any, name: str, source: str | Mapping[str, str | bytes], **settings: Any) -> dict[str, Any]:
    """Create a Python function from the source of its module `app` (handler `app.handler`) and wait until Active."""
    files = {"app.py": source} if isinstance(source, str) else source
    defaults: dict[str, Any] = {"Runtime": "python3.13", "Handler": "app.handler", "Role": ROLE}
    created: dict[str, Any] = client.create_function(
        FunctionName=name, Code={"ZipFile": zip_of(files)}, **{**defaults, **settings}
    )
    wait_until_active(client, name)
    return created


def wait_until_active(client: Any, name: str, *, seconds: float = 20) -> dict[str, Any]:
    """Until the function is Active and no update is in progress: the waiters look only once a second."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        configuration: dict[str, Any] = client.get_function_configuration(FunctionName=name)
        if configuration["State"] == "Active" and configuration.get("LastUpdateStatus") == "Successful":
            return configuration
        time.sleep(0.01)
    raise AssertionError(f"{name} is not active: {configuration}")
