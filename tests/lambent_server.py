"""A real Lambent as a process of its own, in its own data directory, and clients of it."""

import contextlib
import ctypes
import hashlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

START_SECONDS = 30
STOP_SECONDS = 20
REGION = "eu-west-1"
ROLE = "arn:aws:iam::000000000000:role/test"
_LIBC = ctypes.CDLL(None)  # loaded here: between fork and exec is no time for imports
_PR_SET_PDEATHSIG = 1
_URL = re.compile(r"http://[0-9a-z.\[\]:]+:(\d+)")


class LambentServer:
    """One `lambent dev` (or `serve`) process; started by `start`, ended by `stop`."""

    def __init__(self, data_directory: Path, *, posture: str = "dev", flags: Sequence[str] = ()) -> None:
        self.data_directory = data_directory
        self.posture = posture
        self.flags = list(flags)
        self.port = 0
        self.output = data_directory.parent / f"{data_directory.name}.log"
        self.temporary_directory = data_directory.parent / f"{data_directory.name}.tmp"
        self.python = Path(sys.executable)
        self.environment: dict[str, str] = {}
        self.options: dict[str, Any] = {}  # of Popen, e.g. another user
        self._process: subprocess.Popen[bytes] | None = None
        self._family: set[tuple[int, str]] = set()

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

    def accepts_connections(self) -> bool:
        """Whether its listener is open."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def start(self) -> "LambentServer":
        """Returns when it answers requests."""
        command = [str(self.python), "-m", "lambent", self.posture, "--port", str(self.port)]
        command += ["--data-directory", str(self.data_directory), *self.flags]
        self.temporary_directory.mkdir(exist_ok=True)
        environment = {**os.environ, "TMPDIR": str(self.temporary_directory), **self.environment}
        with self.output.open("ab") as output:
            begin = output.tell()
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env=environment,
                **self.options,
                preexec_fn=end_with_parent,  # noqa: PLW1509  # one system call, between fork and exec
            )
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
        self._process.send_signal(signal.SIGSTOP)  # so that nothing is born between the look and the kill
        self._family |= set(descendants(self.pid))
        self._process.kill()
        self._process.wait()

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to stop; `wait` has its exit status."""
        assert self._process is not None
        self._family |= set(descendants(self.pid))
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit status."""
        assert self._process is not None
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"the server did not stop within {STOP_SECONDS} s:\n{self.said()}") from None

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self.signal()
        return self.wait()

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
        """What there is on this host of a server that has stopped, beside its data directory; empty if all is well."""
        self.wait_until_no_process_is_left()
        found = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/lambent-{self.instance}")]
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"lambent-{self.instance}")]
        found += [
            line for line in Path("/proc/self/mounts").read_text().splitlines() if str(self.data_directory) in line
        ]
        for file in Path("/sys/block").glob("loop*/loop/backing_file"):
            with contextlib.suppress(OSError):
                if str(self.data_directory) in file.read_text():
                    found.append(str(file))
        found += [str(path) for path in self.temporary_directory.glob("*")]
        return found

    def processes(self) -> list[int]:
        """Host pids of its zygotes and environments, of those too that have outlived it."""
        grouped = []
        for file in Path("/proc").glob("[0-9]*/cgroup"):
            with contextlib.suppress(OSError):
                if f"lambent-{self.instance}" in file.read_text():
                    grouped.append(int(file.parent.name))
        alive = set(descendants(self.pid)) if self.running else set()
        return sorted({*grouped, *(pid for pid, _ in alive | {one for one in self._family if is_alive(*one)})})

    def wait_until_no_process_is_left(self, *, seconds: float = 5) -> None:
        """Of a server that has ended: its processes end by themselves, each as soon as the kernel gets to it."""
        deadline = time.monotonic() + seconds
        while self.processes():
            assert time.monotonic() < deadline, f"still there: {self.processes()}"
            time.sleep(0.01)


def end_with_parent() -> None:
    """Have the kernel kill this process with the test worker that started it, whatever ends the worker."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def descendants(pid: int) -> Iterator[tuple[int, str]]:
    """All processes below one, as (host pid, start time): the latter tells a pid that was given out again."""
    children: dict[int, list[tuple[int, str]]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        fields = stat_fields(int(path.name))
        if fields:
            children.setdefault(int(fields[1]), []).append((int(path.name), fields[19]))
    below = children.get(pid, [])
    while below:
        yield from below
        below = [child for parent, _ in below for child in children.get(parent, [])]


def is_alive(pid: int, start_time: str) -> bool:
    """Whether this very process still runs; one that ended and waits to be reaped doesn't."""
    fields = stat_fields(pid)
    return bool(fields) and fields[19] == start_time and fields[0] != "Z"


def stat_fields(pid: int) -> list[str]:
    """/proc/PID/stat from the state on: [0] is the state, [1] the parent, [19] the start time; empty if it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def zip_of(files: Mapping[str, str | bytes]) -> bytes:
    """A deployment package."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16  # as on AWS, what others can't read a function can't
            archive.writestr(entry, content)
    return buffer.getvalue()


def create_function(
    client: Any, name: str, source: str | Mapping[str, str | bytes], *, seconds: Any = 20, **settings: Any
) -> dict[str, Any]:
    """Create a Python function from the source of its module `app` (handler `app.handler`) and wait until Active.

    Args:
        seconds: how long to wait; Any, since callers unpack settings of other types.
    """
    files = {"app.py": source} if isinstance(source, str) else source
    defaults: dict[str, Any] = {"Runtime": "python3.13", "Handler": "app.handler", "Role": ROLE}
    created: dict[str, Any] = client.create_function(
        FunctionName=name, Code={"ZipFile": zip_of(files)}, **{**defaults, **settings}
    )
    wait_until_active(client, name, seconds=seconds)
    return created


def wait_until_active(client: Any, name: str, *, seconds: float = 20) -> dict[str, Any]:
    """Until the function is Active and no update is in progress: the waiters look only once a second."""
    deadline = time.monotonic() + seconds
    while True:
        configuration: dict[str, Any] = client.get_function_configuration(FunctionName=name)
        if configuration["State"] == "Active" and configuration.get("LastUpdateStatus") == "Successful":
            return configuration
        assert time.monotonic() < deadline, f"{name} is not active: {configuration}"
        time.sleep(0.01)
