"""How much memory the processes of an environment use, where no control group counts it."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_KILOBYTE = 1024
_PS_SECONDS = 5
_LOOK_SECONDS = 0.1 if sys.platform == "linux" else 1.0  # where each look starts a program
_LARGEST, _OLDEST = 32, 16


class MemoryUse(NamedTuple):
    """Resident memory of all processes together, in bytes."""

    now: int
    """Pages that several of them share are counted in each of them."""
    peak: int
    """At least `now`; the highest of any single process is exact where the kernel keeps it (Linux)."""


class MemoryMeter:
    """The memory of an environment's processes, watched by a thread: a thousand of them take their time to look at.

    Attributes:
        runtime: a process that counts, with those below it.
    """

    def __init__(self, root: int, on_excess: Callable[[], None]) -> None:
        """Nothing watched yet.

        Args:
            root: a process of which those below count.
            on_excess: called in the loop, as often as they are seen to use more than the limit.
        """
        self.root = root
        self.runtime: int | None = None
        self._on_excess = on_excess
        self._loop = asyncio.get_running_loop()
        self._limit_bytes = 0
        self._peak_bytes = 0
        self._watching = False
        self._looking = False
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, limit_bytes: int) -> None:
        """Look from now on."""
        self._limit_bytes = limit_bytes
        self.resume()

    def pause(self) -> None:
        """Look no more: the processes are stopped, or gone."""
        self._watching = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def resume(self) -> None:
        """Look again, if that was begun."""
        self._watching = self._limit_bytes > 0
        if self._watching and self._timer is None and not self._looking:
            self._timer = self._loop.call_later(_LOOK_SECONDS, self._look)

    def peak_bytes(self) -> int:
        """The most that was seen; where that is quick, with a look now, at the oldest processes."""
        if sys.platform == "linux":
            self._saw(memory_use(self.root, self.runtime, _OLDEST))
        return self._peak_bytes

    def _look(self) -> None:
        self._timer = None
        self._looking = True
        self._loop.run_in_executor(None, self._look_aside)

    def _look_aside(self) -> None:
        """A thread's."""
        use = memory_use(self.root, self.runtime)
        limit = self._limit_bytes
        excess = use.now > limit and proportional_bytes(self.root, self.runtime) > limit
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._looked, use, excess)

    def _looked(self, use: MemoryUse, excess: bool) -> None:  # noqa: FBT001  # a call-back's
        self._looking = False
        self._saw(use)
        if self._watching:
            self.resume()
            if excess:
                self._on_excess()

    def _saw(self, use: MemoryUse) -> None:
        self._peak_bytes = max(self._peak_bytes, use.peak)


def memory_use(root: int, runtime: int | None = None, most: int = sys.maxsize) -> MemoryUse:
    """What the processes below root use, and runtime and those below it; one that has just ended counts for nothing.

    Args:
        most: how many processes are looked at, the nearest (Linux).
    """
    if sys.platform != "linux":
        return _by_ps(root)
    now = peak = 0
    for pid in descendants(root, runtime, most):
        resident, highest = _resident_and_highest(pid)
        now += resident
        peak = max(peak, highest)
    return MemoryUse(now, max(now, peak))


def proportional_bytes(root: int, runtime: int | None = None) -> int:
    """The same of the largest of them, with shared pages counted once, where the kernel tells: dearer."""
    if sys.platform != "linux":
        return _by_ps(root).now
    resident = {pid: _resident_and_highest(pid)[0] for pid in descendants(root, runtime)}
    largest = sorted(resident, key=resident.__getitem__, reverse=True)[:_LARGEST]
    return sum(_proportional(pid) for pid in largest)


def descendants(root: int, runtime: int | None = None, most: int = sys.maxsize) -> list[int]:
    """The processes below root, and runtime with those below it, the nearest first (Linux)."""
    found = _children(root) if runtime is None else [runtime, *_children(root)]
    looked_at = 0
    while looked_at < len(found) < most:
        found += _children(found[looked_at])
        looked_at += 1
    return found[:most]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():  # each has its own children
            found += map(int, (thread / "children").read_text().split())
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
