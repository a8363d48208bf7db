"""Resource limits of execution environments by control groups, version 1 and 2 by one plan.

Each environment has one group, `lambent-<instance>/<sandbox id>`, in every hierarchy it needs: on version 1 the
controllers are separate hierarchies, on version 2 one, and on hybrid hosts (v1 controllers beside an empty v2
tree) the v2 tree still gives its freezer and `cgroup.kill`, which unlike v1's work on frozen processes.
Processes join by writing "0" to descriptors of the group's `cgroup.procs`, opened by the server: the kernel
checks the opener's rights, so that a process may join after it has no access to the file tree.
"""

import asyncio
import contextlib
import errno
import logging
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_V1_CONTROLLERS = ("memory", "cpu", "pids", "freezer")
_V2_CONTROLLERS = ("memory", "cpu", "pids")
_OPTIONAL_FILES = ("memory.swap.max", "memory.memsw.limit_in_bytes", "memory.kmem.tcp.limit_in_bytes")
# Of a function's memory, what the buffers of its sockets may take beside it where version 1 counts them apart.
_SOCKET_BUFFER_SHARE = 4
_LEAST_SOCKET_BUFFER_BYTES = 16 * 1024 * 1024
_EMPTY_SECONDS = 5.0
_SERVER = "lambent-server"
_NICEST, _NICE_OF_ONE_CPU, _NICE_STEP = 19, 5, 1.25
_BUSY_RETRY_SECONDS = 0.01
CPU_PERIOD_US = 100_000
MEMORY_MB_PER_VCPU = 1769
"""Megabytes of MemorySize that give one virtual CPU (developer guide, "Memory")."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CgroupMounts:
    """Where this host has its control groups."""

    v1: Mapping[str, Path]
    v2: Path | None
    v2_controllers: frozenset[str]
    delegated: bool = False
    """Whether v2 is this process's own group, from which it must move to a group below."""

    @property
    def freezes_by_v2(self) -> bool:
        """Whether the v2 tree is there, be it without controllers."""
        return self.v2 is not None

    def missing(self) -> list[str]:
        """Controllers that no hierarchy offers, of those the limits need."""
        return [name for name in _V2_CONTROLLERS if name not in self.v1 and name not in self.v2_controllers]


def find_mounts(mounts_file: Path = Path("/proc/self/mounts")) -> CgroupMounts:
    """Read the mount table; a v1 hierarchy wins for a controller that both offer."""
    v1: dict[str, Path] = {}
    v2: Path | None = None
    for line in mounts_file.read_text().splitlines():
        _, target, kind, options, *_ = line.split()
        if kind == "cgroup2" and v2 is None:
            v2 = Path(target)
        elif kind == "cgroup":
            for name in set(options.split(",")) & set(_V1_CONTROLLERS):
                v1[name] = Path(target)
    controllers: frozenset[str] = frozenset()
    if v2 is not None:
        with contextlib.suppress(OSError):
            controllers = frozenset((v2 / "cgroup.controllers").read_text().split())
    return CgroupMounts(v1, v2, controllers)


def usable_mounts(mounts: CgroupMounts, process: Path = Path("/proc/self")) -> CgroupMounts:
    """Those in which this user may make groups: everything, or what the system has delegated to this process alone.

    A group with groups for its processes may have no processes of its own (cgroups(7)): one that is shared is no use.
    """
    v1 = {name: path for name, path in mounts.v1.items() if os.access(path, os.W_OK)}
    if mounts.v2 is None or os.access(mounts.v2, os.W_OK):
        return CgroupMounts(v1, mounts.v2, mounts.v2_controllers)
    lines = (process / "cgroup").read_text().splitlines()
    own = mounts.v2 / next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    if not all(os.access(file, os.W_OK) for file in (own, own / "cgroup.procs", own / "cgroup.subtree_control")):
        return CgroupMounts(v1, None, frozenset())
    if (own / "cgroup.procs").read_text().split() != [str(os.getpid())]:
        return CgroupMounts(v1, None, frozenset())
    return CgroupMounts(v1, own, frozenset((own / "cgroup.controllers").read_text().split()), delegated=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one environment may use."""

    memory_bytes: int
    cpu_share: float
    """Virtual CPUs in proportion to memory: a weight under `dev`, a quota where `cpu_quota` is set."""
    cpu_quota: bool
    processes: int


def niceness(cpu_share: float) -> int:
    """What comes nearest to a share where there is no controller: each step is a fifth less (sched(7)).

    Everything else on the machine comes first, the server above all: a fork bomb must not keep it from ending it.
    """
    return min(_NICEST, max(1, round(_NICE_OF_ONE_CPU - math.log(cpu_share, _NICE_STEP))))


def limit_writes(limits: Limits, *, version: int) -> list[tuple[str, str, str]]:
    """The limits as (controller, file, value) in the order in which they are to be written."""
    quota_us = max(1000, int(limits.cpu_share * CPU_PERIOD_US))
    socket_buffer_bytes = max(limits.memory_bytes // _SOCKET_BUFFER_SHARE, _LEAST_SOCKET_BUFFER_BYTES)
    if version == 1:
        writes = [
            ("memory", "memory.limit_in_bytes", str(limits.memory_bytes)),
            ("memory", "memory.memsw.limit_in_bytes", str(limits.memory_bytes)),  # after the other: never below it
            # Version 1 doesn't count socket buffers as memory: without this, a function takes all of the host's.
            ("memory", "memory.kmem.tcp.limit_in_bytes", str(socket_buffer_bytes)),
            ("cpu", "cpu.shares", str(max(2, int(limits.cpu_share * 1024)))),
            ("pids", "pids.max", str(limits.processes)),
        ]
        if limits.cpu_quota:
            writes.append(("cpu", "cpu.cfs_period_us", str(CPU_PERIOD_US)))
            writes.append(("cpu", "cpu.cfs_quota_us", str(quota_us)))
        return writes
    writes = [
        ("memory", "memory.max", str(limits.memory_bytes)),
        ("memory", "memory.swap.max", "0"),
        ("cpu", "cpu.weight", str(min(10_000, max(1, int(limits.cpu_share * 100))))),
        ("pids", "pids.max", str(limits.processes)),
    ]
    if limits.cpu_quota:
        writes.append(("cpu", "cpu.max", f"{quota_us} {CPU_PERIOD_US}"))
    return writes


class CgroupTree:
    """The groups of one server (one data directory): `lambent-<instance>` in each hierarchy."""

    def __init__(self, mounts: CgroupMounts, instance: str) -> None:
        self._mounts = mounts
        self._parents: dict[str, Path] = {}
        for name in ("memory", "cpu", "pids"):
            if name in mounts.v1:
                self._parents[name] = mounts.v1[name] / f"lambent-{instance}"
            elif name in mounts.v2_controllers and mounts.v2 is not None:
                self._parents[name] = mounts.v2 / f"lambent-{instance}"
        if mounts.v2 is not None:
            self._parents["freezer"] = mounts.v2 / f"lambent-{instance}"
        elif "freezer" in mounts.v1:
            self._parents["freezer"] = mounts.v1["freezer"] / f"lambent-{instance}"

    def prepare(self) -> None:
        """Make the server's own groups.

        Raises:
            OSError: they can't be made, for example in a container without delegation.
        """
        if self._mounts.delegated and self._mounts.v2 is not None:
            server = self._mounts.v2 / _SERVER
            server.mkdir(exist_ok=True)
            (server / "cgroup.procs").write_text("0")
        for parent in set(self._parents.values()):
            parent.mkdir(exist_ok=True)
        if self._mounts.v2_controllers and self._mounts.v2 is not None:
            wanted = [c for c in _V2_CONTROLLERS if self._uses_v2(c)]
            if wanted:
                line = " ".join(f"+{name}" for name in wanted)
                (self._mounts.v2 / "cgroup.subtree_control").write_text(line)
                (self._parents[wanted[0]] / "cgroup.subtree_control").write_text(line)

    def _uses_v2(self, controller: str) -> bool:
        return controller not in self._mounts.v1 and controller in self._mounts.v2_controllers

    def create(self, sandbox_id: str) -> "Cgroup":
        """Make the groups of one environment, in every hierarchy."""
        paths = {name: parent / sandbox_id for name, parent in self._parents.items()}
        made: list[Path] = []
        try:
            for path in sorted(set(paths.values())):
                self.make_group(path)
                made.append(path)
        except OSError:
            remove_groups(made)
            raise
        return Cgroup(
            paths,
            version={name: 2 if self._uses_v2(name) else 1 for name in paths},
            freezer_v2=self._mounts.v2 is not None,
        )

    def make_group(self, path: Path) -> None:
        """Make one group; the kernel fills the directory."""
        path.mkdir()

    def leftovers(self) -> list[Path]:
        """Groups of environments that a killed server of the same instance has left."""
        return [
            child
            for parent in set(self._parents.values())
            if parent.is_dir()
            for child in parent.iterdir()
            if child.is_dir()
        ]

    def remove(self) -> None:
        """Remove the server's own groups; there must be no environment left."""
        for parent in set(self._parents.values()):
            with contextlib.suppress(FileNotFoundError):
                parent.rmdir()


class Cgroup:
    """The groups of one environment, with the few descriptors the hot path needs kept open."""

    def __init__(self, paths: Mapping[str, Path], *, version: Mapping[str, int], freezer_v2: bool) -> None:
        self._paths = paths
        self._version = version
        self._freezer_v2 = freezer_v2
        freezer = paths.get("freezer")
        self._freeze_fd = -1
        if freezer is not None:
            name = "cgroup.freeze" if freezer_v2 else "freezer.state"
            self._freeze_fd = os.open(freezer / name, os.O_WRONLY | os.O_CLOEXEC)
        memory = paths.get("memory")
        self._memory_is_v2 = version.get("memory") == 2
        self._peak_fd = self._stat_fd = -1
        if memory is not None:
            peak = "memory.peak" if self._memory_is_v2 else "memory.max_usage_in_bytes"
            with contextlib.suppress(FileNotFoundError):  # memory.peak came with Linux 5.19
                self._peak_fd = os.open(memory / peak, os.O_RDONLY | os.O_CLOEXEC)
            self._stat_fd = os.open(memory / "memory.stat", os.O_RDONLY | os.O_CLOEXEC)
        self._last_peak = -1
        self._used = 0

    @property
    def freezes(self) -> bool:
        """Whether it can stop its processes."""
        return self._freeze_fd >= 0

    @property
    def counts_memory(self) -> bool:
        """Whether it limits memory and knows how much is used."""
        return self._stat_fd >= 0

    @property
    def shares_cpu(self) -> bool:
        """Whether it gives shares of the processor."""
        return "cpu" in self._paths

    @property
    def is_complete(self) -> bool:
        """Whether it does all that an environment needs."""
        return self.freezes and self.counts_memory and self.shares_cpu

    def open_for_joining(self) -> list[int]:
        """Descriptors a process writes "0" to, to join every group; the caller closes them."""
        return [
            os.open(path / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for path in sorted(set(self._paths.values()))
        ]

    def limit(self, limits: Limits) -> None:
        """Put limits in force; running processes are bound by them at once."""
        for version in {self._version[name] for name in ("memory", "cpu", "pids") if name in self._version}:
            for controller, file, value in limit_writes(limits, version=version):
                if self._version.get(controller) == version:
                    self._write(controller, file, value)

    def _write(self, controller: str, file: str, value: str) -> None:
        path = self._paths[controller] / file
        try:
            fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        except FileNotFoundError:
            if file in _OPTIONAL_FILES:  # absent where the kernel has no swap accounting
                return
            raise
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)

    def freeze(self) -> None:
        """Stop every process of the environment where it is."""
        if self._freeze_fd >= 0:
            os.pwrite(self._freeze_fd, b"1" if self._freezer_v2 else b"FROZEN", 0)

    def thaw(self) -> None:
        """Let the processes go on."""
        if self._freeze_fd >= 0:
            os.pwrite(self._freeze_fd, b"0" if self._freezer_v2 else b"THAWED", 0)

    def memory_used_bytes(self) -> int:
        """The highest memory use so far, without the page cache of files, in bytes.

        One read when the kernel's high-water mark hasn't moved since the last call, two otherwise.
        """
        if self._stat_fd < 0:
            return 0
        peak = int(os.pread(self._peak_fd, 32, 0)) if self._peak_fd >= 0 else -1
        if peak != self._last_peak or peak < 0:
            self._last_peak = peak
            resident, other = self._memory_stat()
            self._used = max(self._used, resident, peak - other)
        return self._used

    def _memory_stat(self) -> tuple[int, int]:
        """(anonymous bytes, page cache and kernel bytes) now."""
        values = _pairs(os.pread(self._stat_fd, 8192, 0).decode().splitlines())
        if self._memory_is_v2:
            resident = values.get("anon", 0)
            return resident, values.get("file", 0) + values.get("kernel", 0)
        return values.get("rss", 0), values.get("cache", 0)

    def out_of_memory_kills(self) -> int:
        """How many processes the kernel has killed here because the memory limit was reached."""
        memory = self._paths.get("memory")
        if memory is None:
            return 0
        file = memory / ("memory.events" if self._memory_is_v2 else "memory.oom_control")
        return _pairs(file.read_text().splitlines()).get("oom_kill", 0)

    def kill(self) -> None:
        """SIGKILL every process of the environment, frozen or not (cgroup v2; on v1 only init can)."""
        if self._freezer_v2:
            with contextlib.suppress(FileNotFoundError):  # cgroup.kill came with Linux 5.14
                (self._paths["freezer"] / "cgroup.kill").write_text("1")

    def processes(self) -> list[int]:
        """Host pids now in the environment."""
        path = next(iter(self._paths.values()))
        return [int(pid) for pid in (path / "cgroup.procs").read_text().split()]

    def close(self) -> None:
        """Close the descriptors; the groups stay until `remove_groups`."""
        for fd in (self._freeze_fd, self._peak_fd, self._stat_fd):
            if fd >= 0:
                os.close(fd)
        self._freeze_fd = self._peak_fd = self._stat_fd = -1

    @property
    def paths(self) -> list[Path]:
        """The group's directories."""
        return sorted(set(self._paths.values()))


def remove_groups(paths: Iterable[Path]) -> list[Path]:
    """Remove groups; answers those that still have processes in them."""
    busy = []
    for path in paths:
        try:
            path.rmdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            busy.append(path)
    return busy


async def remove_when_empty(paths: Iterable[Path]) -> None:
    """Remove groups whose processes have been told to end, as soon as they have; what stays is left to the reaper."""
    left = list(paths)
    for _ in range(round(_EMPTY_SECONDS / _BUSY_RETRY_SECONDS)):
        left = remove_groups(left)
        if not left:
            return
        await asyncio.sleep(_BUSY_RETRY_SECONDS)
    logger.warning("control groups still have processes in them: %s", left)


def _pairs(lines: Iterable[str]) -> dict[str, int]:
    return {name: int(value) for name, _, value in (line.partition(" ") for line in lines) if value.isdigit()}
