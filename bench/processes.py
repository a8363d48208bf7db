"""The servers under measurement, and what the kernel says they cost."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load import Target
from lambent.commands.signature import Credentials

_START_SECONDS = 60
_SETTLE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Lambent:
    """A running server.

    Attributes:
        started: when its process was started, by the clock of `time.perf_counter`.
        listening_seconds: from then until it answered HTTP, be it with a refusal.
    """

    pid: int
    target: Target
    data_directory: Path
    started: float
    listening_seconds: float


@dataclass(frozen=True, slots=True)
class Hello:
    """A running raw hello, and the time from its process's start to its first answer."""

    port: int
    listening_seconds: float


@contextlib.contextmanager
def hello_server() -> Iterator[Hello]:
    """A raw hello for the time of the block."""
    port = free_port()
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "bench.hello", str(port)])
    try:
        wait_for_answer(port, process)
        yield Hello(port, time.perf_counter() - begun)
    finally:
        stop(process)


@contextlib.contextmanager
def lambent_server(
    data_directory: Path,
    log: Path,
    credentials: Credentials | None = None,
    *,
    folders: Path | None = None,
    flags: Sequence[str] = (),
) -> Iterator[Lambent]:
    """`lambent serve`, verifying signatures, for the time of the block.

    The machine's memory isn't what is measured: the capacity is set so that it never decides.

    Args:
        data_directory: an empty one, or one that an earlier server has left.
        credentials: the root key of the latter; a new one is read from the log.
        folders: where functions may have their code, which `lambent dev` alone allows: it is started instead, and
            takes any credentials.
        flags: more of the command line.
    """
    port = free_port()
    posture = ["serve"] if folders is None else ["dev", "--folders", str(folders)]
    command = [sys.executable, "-m", "lambent", *posture, "--port", str(port), "--data-dir", str(data_directory)]
    command += ["--concurrency-limit", "100000", "--memory-capacity-mb", "1000000", *flags]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAMBENT_")}
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        wait_for_answer(port, process)
        listening_seconds = time.perf_counter() - begun
        target = Target(port, credentials or _root_key(log, process))
        yield Lambent(process.pid, target, data_directory, begun, listening_seconds)
    finally:
        stop(process)


def newest_node() -> str:
    """The newest identifier of Node.js that this machine has; "" without one, which functions are then refused."""
    command = [sys.executable, "-m", "lambent", "runtime", "list", "--json"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["runtimes"]
    had = (one["identifier"] for one in listed if one["executable"])
    return next((identifier for identifier in had if identifier.startswith("nodejs")), "")


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads of a process so far, to the nanosecond."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def cpu_seconds_of(pids: Iterable[int]) -> dict[int, float]:
    """Processor time of each of these processes so far; those that have gone are missing."""
    found: dict[int, float] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            found[pid] = cpu_seconds(pid)
    return found


def cpu_seconds_between(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """What processes took between two looks; those that are new count from their beginning, those that ended not."""
    return sum(seconds - before.get(pid, 0) for pid, seconds in after.items())


def resident_mb(pid: int) -> float:
    """Resident set size in MiB."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:") / 1024


def descendants_pss_mb(pid: int) -> float:
    """Proportional set size, in MiB, of all processes below this one: shared pages are shared out."""
    return pss_mb(descendants(pid))


def pss_mb(pids: Iterable[int]) -> float:
    """Proportional set size of processes in MiB; those that have gone count nothing."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")
    return total / 1024


def environment_processes(pid: int) -> tuple[list[int], list[int]]:
    """Of the processes below this one, those in a process namespace of their own: the inits, and all others."""
    inits: list[int] = []
    others: list[int] = []
    for child in descendants(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{child}/status").read_text().splitlines()
            _, *inside = next(line for line in lines if line.startswith("NSpid:")).split()[1:]
            if inside:
                (inits if inside[-1] == "1" else others).append(child)
    return inits, others


def settle(pid: int) -> None:
    """Return when no process below this one has begun or ended for half a second; after half a minute in any case."""
    end = time.monotonic() + _SETTLE_SECONDS
    before: list[int] = []
    while (now := descendants(pid)) != before and time.monotonic() < end:
        before = now
        time.sleep(0.5)


def descendants(pid: int) -> list[int]:
    """All processes below this one."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def _kilobytes(path: Path, field: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(field))


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_answer(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return as soon as there is any HTTP answer, be it a refusal."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if connection.recv(12).startswith(b"HTTP/1.1"):
                return
        time.sleep(0.002)
    raise RuntimeError(f"{process.args!r} gave no answer within {_START_SECONDS} seconds")


def _root_key(log: Path, process: "subprocess.Popen[bytes]") -> Credentials:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        pairs = dict(line.strip().split("=", 1) for line in log.read_text().splitlines() if line.strip()[:4] == "AWS_")
        if "AWS_SECRET_ACCESS_KEY" in pairs:
            return Credentials(pairs["AWS_ACCESS_KEY_ID"], pairs["AWS_SECRET_ACCESS_KEY"])
        time.sleep(0.01)
    raise RuntimeError(f"no root key in {log}")


def end(pids: Iterable[int]) -> None:
    """Kill those of the processes that still run."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask a server to stop, and wait until it has."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
