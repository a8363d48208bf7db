"""How much memory the processes of an environment use, where no control group counts it."""

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_KILOBYTE = 1024
_PS_SECONDS = 5


class MemoryUse(NamedTuple):
    """Resident memory of all processes together, in bytes."""

    now: int
    """Pages that several of them share are counted in each of them."""
    peak: int
    """At least `now`; the highest of any single process is exact where the kernel keeps it (Linux)."""


def memory_use(root: int) -> MemoryUse:
    """What the processes below one use, itself excluded; a process that has just ended counts for nothing."""
    if sys.platform != "linux":
        return _by_ps(root)
    now = peak = 0
    for pid in descendants(root):
        resident, highest = _resident_and_highest(pid)
        now += resident
        peak = max(peak, highest)
    return MemoryUse(now, max(now, peak))


def proportional_bytes(root: int) -> int:
    """The same with shared pages counted once, where the kernel tells: dearer, and never more than `now`."""
    if sys.platform != "linux":
        return _by_ps(root).now
    return sum(_proportional(pid) for pid in descendants(root))


def descendants(root: int) -> list[int]:
    """Every process below one (Linux)."""
    found: list[int] = []
    below = _children(root)
    while below:
        found += below
        below = [child for pid in below for child in _children(pid)]
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):  # each thread has its own
        with contextlib.suppress(OSError):
            found += map(int, file.read_text().split())
    return found


def _resident_and_highest(pid: int) -> tuple[int, int]:
    fields = _fields(Path(f"/proc/{pid}/status"))
    return fields.get("VmRSS", 0), fields.get("VmHWM", 0)


def _proportional(pid: int) -> int:
    return _fields(Path(f"/proc/{pid}/smaps_rollup")).get("Pss", 0)


def _fields(file: Path) -> dict[str, int]:
    """The fields in kB of a file of /proc, in bytes; none of a process that is gone."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return {}
    split = (line.split() for line in lines if line.endswith(" kB"))
    return {words[0].rstrip(":"): int(words[1]) * _KILOBYTE for words in split}


def _by_ps(root: int) -> MemoryUse:
    """As POSIX has it, plus `rss`, which every ps knows."""
    command = ["ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "rss="]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PS_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return MemoryUse(0, 0)
    children: dict[int, list[tuple[int, int]]] = {}
    for line in done.stdout.splitlines():
        pid, parent, kilobytes = map(int, line.split())
        children.setdefault(parent, []).append((pid, kilobytes * _KILOBYTE))
    now = 0
    below = children.get(root, [])
    while below:
        now += sum(resident for _, resident in below)
        below = [child for pid, _ in below for child in children.get(pid, [])]
    return MemoryUse(now, now)
