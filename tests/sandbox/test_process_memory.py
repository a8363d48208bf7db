"""How much memory processes use, by the ways of different systems."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from lambent.sandbox import process_memory as memory

_MEGABYTE = 1 << 20
_PROGRAM = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "block = b'x' * (40 << 20); print('there', flush=True); input()"])
child.wait()
"""


@pytest.fixture
def parent() -> Iterator[int]:
    """Of a process whose child has 40 MB."""
    command = [sys.executable, "-c", _PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        yield process.pid
        process.communicate()


def test_what_is_below_a_process_counts_and_itself_does_not(parent: int) -> None:
    use = memory.memory_use(parent)
    assert 40 * _MEGABYTE < use.now < 70 * _MEGABYTE
    assert use.peak >= use.now
    assert memory.proportional_bytes(parent) <= use.now


def test_another_system_asks_ps(parent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    use = memory.memory_use(parent)
    assert 40 * _MEGABYTE < use.now < 70 * _MEGABYTE
    assert use.peak == use.now


def test_processes_that_are_gone_use_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert memory.memory_use(gone.pid).now == 0
