"""A function can't use up the machine: memory, /tmp, files, processes and logs end where AWS says."""

import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.lambent_server import LambentServer
from tests.sandbox.inside import contextlib, names, refusal, resource, signal, sys, threading
from tests.sandbox.probe import Probe

MEBIBYTE = 1024**2
KILLED = "Runtime.ExitError: Runtime exited with error: signal: killed"


@pytest.fixture(scope="module")
def small(lambent: LambentServer) -> Iterator[Probe]:
    """A function of 128 MB that may take one second."""
    client = lambent.client(account="300000000002")
    yield Probe(client, "small", MemorySize=128, Timeout=1)
    client.delete_function(FunctionName="small")


@pytest.fixture(scope="module")
def slow(lambent: LambentServer) -> Iterator[Probe]:
    """A function of 128 MB that may take its time."""
    client = lambent.client(account="300000000003")
    yield Probe(client, "slow", MemorySize=128)
    client.delete_function(FunctionName="slow")


def answer() -> str:
    return "here"


# --- memory ---


def take_memory(megabytes: int) -> int:
    return len(b"x" * (megabytes << 20))


def test_the_kernel_ends_a_function_at_its_memory_limit_and_the_next_event_is_served(slow: Probe) -> None:
    assert slow.crash(take_memory, 200) == KILLED
    assert slow.run(take_memory, 60) == 60 * MEBIBYTE


def let_a_child_take_memory() -> int:
    return subprocess.run([sys.executable, "-c", "b'x' * (300 << 20)"], check=False).returncode


def test_a_child_that_takes_more_is_killed_and_the_function_is_told(slow: Probe) -> None:
    assert slow.run(let_a_child_take_memory) == -signal.SIGKILL


def let_many_take_a_little(count: int, megabytes: int) -> int:
    """Answers how many of the children could not be held in memory together."""
    hold_read, hold_write = os.pipe()
    children = []
    for _ in range(count):
        done_read, done_write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(hold_write)
            block = b"x" * (megabytes << 20)
            os.write(done_write, b"1")
            os.read(hold_read, 1)
            os._exit(len(block) == 0)
        os.close(done_write)
        children.append((child, done_read))
    for _, done_read in children:
        os.read(done_read, 1)  # it has its memory, or has been killed
    os.close(hold_write)
    return sum(os.waitpid(child, 0)[1] == signal.SIGKILL for child, _ in children)


def test_many_processes_have_one_limit_together(slow: Probe) -> None:
    killed = slow.run(let_many_take_a_little, 20, 16)
    assert killed >= 20 - 128 // 16


def write_temporary_file(megabytes: int) -> int:
    with Path("/tmp/large").open("wb") as file:
        file.writelines(b"x" * (1 << 20) for _ in range(megabytes))
    size = Path("/tmp/large").stat().st_size
    Path("/tmp/large").unlink()
    return size


def test_what_is_written_to_tmp_is_not_memory(slow: Probe) -> None:
    assert slow.run(write_temporary_file, 300) == 300 * MEBIBYTE


# --- /tmp ---


def fill_tmp(megabytes: int) -> dict[str, object]:
    state = os.statvfs("/tmp")
    with Path("/tmp/all").open("wb") as file:
        most = refusal(os.posix_fallocate, file.fileno(), 0, (megabytes - 1) << 20)
        more = refusal(os.posix_fallocate, file.fileno(), 0, (megabytes + 2) << 20)
    Path("/tmp/all").unlink()
    return {"available": state.f_bavail * state.f_frsize, "most": most, "more": more}


@pytest.mark.parametrize("size_mb", [512, 1024])
def test_tmp_is_as_big_as_configured(client: Any, size_mb: int) -> None:
    seen = Probe(client, "tmp", EphemeralStorage={"Size": size_mb}).run(fill_tmp, size_mb)
    assert size_mb * MEBIBYTE <= seen["available"] < (size_mb + 1) * MEBIBYTE
    assert seen["most"] == "allowed"
    assert seen["more"] == "ENOSPC"


def leave_a_file_and_hang(name: str) -> None:
    Path(name).open("w").close()
    signal.pause()


def temporary_files() -> list[str]:
    return sorted(names("/tmp"))


def test_tmp_outlives_a_timeout_and_is_nobody_elses(small: Probe, probe: Probe) -> None:
    assert small.crash(leave_a_file_and_hang, "/tmp/kept").startswith("Sandbox.Timedout: ")
    assert "kept" in small.run(temporary_files)
    assert "kept" not in probe.run(temporary_files)


# --- files and processes ---


def raise_limits() -> dict[str, str]:
    raised = {}
    for name in ("NOFILE", "NPROC", "MEMLOCK", "CORE"):
        kind = getattr(resource, "RLIMIT_" + name)
        hard = resource.getrlimit(kind)[1]
        try:
            resource.setrlimit(kind, (hard, hard * 2))
            raised[name] = "allowed"
        except ValueError:
            raised[name] = "refused"
    return raised


def test_limits_cannot_be_raised(probe: Probe) -> None:
    assert set(probe.run(raise_limits).values()) == {"refused"}


def count_descriptors() -> list[object]:
    last, reason = 0, ""
    opened = []
    while not reason:
        try:
            last = os.open("/dev/null", os.O_RDONLY)
            opened.append(last)
        except OSError as error:
            reason = str(error.strerror)
    for fd in opened:
        os.close(fd)
    return [last, reason]


def test_a_process_has_1024_descriptors(probe: Probe) -> None:
    assert probe.run(count_descriptors) == [1023, "Too many open files"]


def count_threads() -> int:
    """Answers how many threads there were when no more could be started."""
    done = threading.Event()
    threading.stack_size(65536)
    threads = []
    with contextlib.suppress(RuntimeError):
        while True:
            thread = threading.Thread(target=done.wait, daemon=True)
            thread.start()
            threads.append(thread)
    most = threading.active_count()
    done.set()
    for thread in threads:
        thread.join()
    return most


def test_an_environment_has_1024_processes_and_threads(probe: Probe) -> None:
    assert probe.run(count_threads) == 1024


def fork_bomb() -> None:
    while True:
        with contextlib.suppress(OSError):
            os.fork()


def test_a_fork_bomb_ends_with_its_invocation_and_nobody_else_notices(small: Probe, neighbour: Probe) -> None:
    with ThreadPoolExecutor(1) as pool:
        bomb = pool.submit(small.crash, fork_bomb)
        while not bomb.done():
            assert neighbour.run(answer) == "here"
        assert bomb.result().startswith(("Sandbox.Timedout: ", KILLED)), "out of time, or of memory before"
    assert small.run(answer) == "here"


# --- what it makes the server hold ---


def resident_bytes(lambent: LambentServer) -> int:
    return int(Path(f"/proc/{lambent.pid}/statm").read_text().split()[1]) * resource.getpagesize()


def flood_the_log(megabytes: int) -> int:
    line = b"0123456789abcdef" * 64 + b"\n"
    for _ in range(megabytes << 10):
        os.write(1, line)
    return megabytes


def write_one_endless_line(megabytes: int) -> int:
    for _ in range(megabytes):
        os.write(2, b"x" * (1 << 20))
    return megabytes


@pytest.mark.parametrize("flood", [flood_the_log, write_one_endless_line])
def test_a_flood_of_logs_does_not_fill_the_servers_memory(probe: Probe, lambent: LambentServer, flood: Any) -> None:
    before = resident_bytes(lambent)
    assert probe.run(flood, 100) == 100
    assert resident_bytes(lambent) - before < 48 * MEBIBYTE


def send_an_endless_frame() -> None:
    """A response that says it is 4 GiB long, and as much of it as time allows."""
    os.write(3, bytes.fromhex("ffffffff11000000"))
    channel = socket.socket(fileno=3)
    while True:
        channel.sendall(b"x" * (1 << 20))


def test_an_endless_frame_does_not_fill_the_servers_memory(small: Probe, lambent: LambentServer) -> None:
    before = resident_bytes(lambent)
    assert small.crash(send_an_endless_frame).startswith("Sandbox.Timedout: ")
    assert resident_bytes(lambent) - before < 48 * MEBIBYTE
