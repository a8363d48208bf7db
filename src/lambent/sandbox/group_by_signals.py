"""What control groups do, done by signals and by looking: for users who have no control groups, or not all of them.

Freezing is SIGSTOP to everything, a memory limit a look ten times a second, a share of the processor a nice value.
Killing needs nothing: the zygote ends all of an environment's PID namespace in any case.
"""

import contextlib
import os
import signal
from pathlib import Path

from lambent.sandbox.cgroup import Cgroup, Limits, niceness
from lambent.sandbox.process_memory import MemoryMeter, descendants


class GroupBySignals:
    """The surface of `Cgroup`; what of it there is, is used."""

    def __init__(self, group: Cgroup, shared_bytes: int) -> None:
        """Take over a group.

        Args:
            shared_bytes: of each process's memory, what belongs to the zygote.
        """
        self._group = group
        self._shared_bytes = shared_bytes
        self._meter: MemoryMeter | None = None
        self._pid_1 = 0
        self._runtime: int | None = None
        self._limits: Limits | None = None
        self._stopped: set[int] = set()
        self._kills = 0

    def environment_ready(self, pid_1: int) -> None:
        """Its orphans are below this process."""
        self._pid_1 = pid_1
        self._meter = MemoryMeter(pid_1, self._end_for_memory)
        self._meter.runtime = self._runtime

    def runtime_started(self, pid: int) -> None:
        """A generation has begun: its process, and what it starts, are below the zygote."""
        self._runtime = pid if pid > 0 else None
        if self._meter is not None:
            self._meter.runtime = self._runtime
        self._be_nice()

    def runtime_ended(self) -> None:
        """Its number may be another's soon."""
        self._runtime = None
        self._stopped.clear()
        if self._meter is not None:
            self._meter.runtime = None

    def open_for_joining(self) -> list[int]:
        """As `Cgroup`."""
        return self._group.open_for_joining()

    def limit(self, limits: Limits) -> None:
        """Put limits in force, the one of memory from the next look on."""
        self._group.limit(limits)
        self._limits = limits
        self._be_nice()
        if self._meter is not None and not self._group.counts_memory:
            self._meter.watch(limits.memory_bytes + self._shared_bytes)

    def freeze(self) -> None:
        """Stop every process of the environment where it is."""
        if self._meter is not None:
            self._meter.pause()
        if self._group.freezes:
            self._group.freeze()
            return
        while True:  # until none was born meanwhile
            running = set(self._processes()) - self._stopped
            if not running:
                return
            _signal(running, signal.SIGSTOP)
            self._stopped |= running

    def thaw(self) -> None:
        """Let the processes go on."""
        if self._meter is not None:
            self._meter.resume()
        if self._group.freezes:
            self._group.thaw()
            return
        _signal(self._stopped, signal.SIGCONT)
        self._stopped.clear()

    def memory_used_bytes(self) -> int:
        """The highest memory use that was seen, without what is shared with the zygote, in bytes."""
        if self._group.counts_memory or self._meter is None:
            return self._group.memory_used_bytes()
        return max(0, self._meter.peak_bytes() - self._shared_bytes)

    def out_of_memory_kills(self) -> int:
        """How often the memory limit was reached."""
        return self._kills + self._group.out_of_memory_kills()

    def kill(self) -> None:
        """SIGKILL the runtime's process group, all at once, as a fork bomb needs it; the zygote sees to the rest."""
        self._group.kill()
        if self._runtime is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._runtime, signal.SIGKILL)

    def close(self) -> None:
        """Look no more."""
        if self._meter is not None:
            self._meter.pause()
        self._group.close()

    @property
    def paths(self) -> list[Path]:
        """The group's directories; none without control groups."""
        return self._group.paths

    def _processes(self) -> list[int]:
        return descendants(self._pid_1, self._runtime)

    def _be_nice(self) -> None:
        """Give the runtime's processes and threads their weight; without rights it can't be raised again."""
        if self._limits is None or self._runtime is None or self._group.shares_cpu:
            return
        value = niceness(self._limits.cpu_share)
        with contextlib.suppress(ProcessLookupError):
            try:
                os.setpriority(os.PRIO_PGRP, self._runtime, value)
            except ProcessLookupError:  # it has no group of its own yet, and one thread
                os.setpriority(os.PRIO_PROCESS, self._runtime, value)

    def _end_for_memory(self) -> None:
        self._kills += 1
        self.kill()


def _signal(processes: set[int], number: signal.Signals) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
