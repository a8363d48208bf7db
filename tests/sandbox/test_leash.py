"""The program that is pid 1 of environments, by itself."""

import os
import signal
import struct
from pathlib import Path

import pytest

from lambent.sandbox import leash


def test_it_waits_for_the_end_of_its_pipe_and_has_children_reaped(tmp_path: Path) -> None:
    program = tmp_path / "init"
    program.write_bytes(leash.program())
    program.chmod(0o755)
    read, write = os.pipe()
    pid = os.posix_spawn(program, ["init"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, read, 0)])
    os.close(read)
    os.write(write, b"data is no end")
    while not ignores(pid, signal.SIGCHLD):  # it has just begun
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.close(write)
    assert os.waitpid(pid, 0) == (pid, 0)


def ignores(pid: int, number: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (ignored,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigIgn"))
    return bool(ignored >> number - 1 & 1)


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_it_is_an_executable_file_of_each_machine(machine: str, number: int) -> None:
    file = leash.program(machine)
    kind, found = struct.unpack_from("<HH", file, 16)
    assert (file[:5], kind, found) == (b"\x7fELF\2", 2, number)
    length, in_memory = struct.unpack_from("<QQ", file, 64 + 32)  # of the first segment
    assert length == in_memory == len(file)
