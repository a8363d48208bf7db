"""What this machine can enforce, found by trying: the checks behind `lambent doctor`.

A check is a small function that returns one `Finding`. *required* means that `lambent dev` can't run functions without
it; everything else that is missing makes a promise hold less, and the finding says which.
"""

import ctypes
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lambent.core.honesty import KEPT_NOT_IN_FORCE
from lambent.runtimes.overview import RuntimeStatus
from lambent.sandbox.cgroup import CgroupMounts, find_mounts
from lambent.settings import Settings

Status = Literal["ok", "limited", "missing"]

_NAMESPACES = {
    "mount": 0x00020000,
    "cgroup": 0x02000000,
    "host name": 0x04000000,
    "ipc": 0x08000000,
    "pid": 0x20000000,
    "network": 0x40000000,
}
"""CLONE_NEW… of linux/sched.h."""

_LOW_DISK_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        name: what was looked at.
        status: "ok"; "limited": it works, but a promise holds less; "missing".
        detail: what was found.
        remedy: what to do about it, "" when there is nothing to do.
        required: whether functions can't run without it.
    """

    name: str
    status: Status
    detail: str
    remedy: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, and the settings of functions that are kept but not yet in force."""

    findings: tuple[Finding, ...]
    not_in_force: tuple[tuple[str, str], ...]

    @property
    def can_run_functions(self) -> bool:
        """Whether nothing that is required is missing."""
        return not any(finding.required and finding.status == "missing" for finding in self.findings)


def examine(settings: Settings, *, runtimes: Sequence[RuntimeStatus], node_sdk_note: str | None) -> Report:
    """Look at this machine as `lambent dev` with these settings would find it.

    Args:
        runtimes: what each runtime identifier comes to here.
        node_sdk_note: why Node.js functions have no AWS SDK, None if they have.
    """
    mounts = find_mounts() if Path("/proc/self/mounts").exists() else CgroupMounts({}, None, frozenset())
    findings = (
        kernel(platform.system(), platform.release(), platform.machine()),
        user(os.geteuid()),
        namespaces(_can_unshare),
        cgroups(mounts),
        freezer(mounts),
        seccomp(),
        loop_devices(),
        file_system_maker(),
        found_runtimes(runtimes),
        other_runtimes(runtimes),
        node_sdk(node_sdk_note),
        memory(settings.memory_capacity_mb),
        data_directory(settings.data_directory),
        port(settings.host, settings.port),
    )
    return Report(findings, tuple((kept.setting, kept.effect) for kept in KEPT_NOT_IN_FORCE))


def kernel(system: str, release: str, machine: str) -> Finding:
    """Linux, of a version that has the mount calls we use."""
    detail = f"{system} {release} {machine}"
    if system != "Linux":
        return Finding("kernel", "missing", detail, "use Linux, or a virtual machine with it", required=True)
    version = tuple(int(part) for part in release.split("-", maxsplit=1)[0].split(".")[:2])
    if version < (5, 12):
        return Finding("kernel", "missing", detail, "Linux 5.12 or newer is needed", required=True)
    return Finding("kernel", "ok", detail, required=True)


def user(uid: int) -> Finding:
    """Root, who alone may build the sandboxes of this version."""
    if uid != 0:
        return Finding("user", "missing", f"uid {uid}", "start as root, which sandboxes need", required=True)
    return Finding("user", "ok", "root", required=True)


def namespaces(can_unshare: Callable[[int], bool]) -> Finding:
    """The kinds of namespace that a process of ours may make."""
    refused = [name for name, flag in _NAMESPACES.items() if not can_unshare(flag)]
    if refused:
        remedy = "the host refuses them; in a container, start it privileged"
        return Finding("namespaces", "missing", f"refused: {', '.join(refused)}", remedy, required=True)
    return Finding("namespaces", "ok", ", ".join(_NAMESPACES), required=True)


def cgroups(mounts: CgroupMounts) -> Finding:
    """The controllers that hold memory, processor and process limits."""
    missing = mounts.missing()
    if missing:
        remedy = "mount the cgroup file system, with these controllers enabled"
        return Finding("cgroups", "missing", f"no controller for {', '.join(missing)}", remedy, required=True)
    v1 = sorted(set(mounts.v1) & {"memory", "cpu", "pids"})
    v2 = sorted({"memory", "cpu", "pids"} - set(v1))
    parts = [f"version {number}: {', '.join(names)}" for number, names in ((1, v1), (2, v2)) if names]
    return Finding("cgroups", "ok", "; ".join(parts), required=True)


def freezer(mounts: CgroupMounts) -> Finding:
    """What stops the processes of idle execution environments."""
    if mounts.freezes_by_v2:
        return Finding("freezer", "ok", f"version 2 at {mounts.v2}")
    if "freezer" in mounts.v1:
        return Finding("freezer", "ok", "version 1")
    return Finding("freezer", "limited", "none", "idle functions keep running in the background")


def seccomp() -> Finding:
    """The filter for system calls, and the library that compiles it."""
    if not Path("/proc/sys/kernel/seccomp").is_dir():
        return Finding("seccomp", "missing", "the kernel has no filter mode", required=True)
    try:
        import pyseccomp  # noqa: F401, PLC0415  # loads the library, which may not be there
    except (ImportError, OSError, RuntimeError) as error:
        return Finding("seccomp", "missing", str(error), "install libseccomp (Debian: libseccomp2)", required=True)
    return Finding("seccomp", "ok", "filter mode, libseccomp", required=True)


def loop_devices(control: Path = Path("/dev/loop-control")) -> Finding:
    """What /tmp of exactly the configured size is made of."""
    if not os.access(control, os.R_OK | os.W_OK):
        remedy = "load the module loop; in a container, pass the device in"
        return Finding("loop devices", "missing", f"{control} can't be used", remedy, required=True)
    return Finding("loop devices", "ok", str(control), required=True)


def file_system_maker() -> Finding:
    """The program that formats /tmp."""
    found = shutil.which("mkfs.ext4", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if found is None:
        return Finding("mkfs.ext4", "missing", "not found", "install e2fsprogs", required=True)
    return Finding("mkfs.ext4", "ok", found, required=True)


def found_runtimes(runtimes: Sequence[RuntimeStatus]) -> Finding:
    """What functions can have; a runtime is never run by another version than its own."""
    found = [
        f"{status.identifier}  {status.version}  {status.executable}" if status.executable else status.identifier
        for status in runtimes
        if status.state == "found"
    ]
    if not found:
        remedy = "install one, for example with lambent runtime install nodejs22.x"
        return Finding("runtimes", "missing", "none that functions can have", remedy, required=True)
    return Finding("runtimes", "ok", "\n".join(found), required=True)


def other_runtimes(runtimes: Sequence[RuntimeStatus]) -> Finding:
    """What functions are refused, and why."""
    lines = [status.reason for status in runtimes if status.state in {"installable", "missing"}]
    unsupported = [status.identifier for status in runtimes if status.state == "not supported"]
    if unsupported:
        lines.append(f"Not in this version of Lambent: {', '.join(unsupported)}.")
    return Finding("refused runtimes", "ok", "\n".join(lines) or "none")


def node_sdk(note: str | None) -> Finding:
    """Whether Node.js functions can import the AWS SDK as on AWS."""
    if note is None:
        return Finding("node SDK", "ok", "the AWS SDK for JavaScript is installed")
    return Finding("node SDK", "limited", note)


def memory(capacity_mb: int) -> Finding:
    """How many execution environments may be there at once."""
    return Finding("memory", "ok", f"{capacity_mb:,} MB for execution environments ({capacity_mb // 128:,} of 128 MB)")


def data_directory(path: Path) -> Finding:
    """Whether state can be kept, and how much."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    if not os.access(existing, os.W_OK | os.X_OK) or not existing.is_dir():
        remedy = "choose another with --data-dir"
        return Finding("data directory", "missing", f"{path} can't be written to", remedy, required=True)
    free = shutil.disk_usage(existing).free
    detail = f"{path}, {free / (1 << 30):,.1f} GiB free"
    if free < _LOW_DISK_BYTES:
        return Finding("data directory", "limited", detail, "code, /tmp of functions and logs will run out of space")
    return Finding("data directory", "ok", detail, required=True)


def port(host: str, number: int) -> Finding:
    """Whether the port is free; it isn't while Lambent runs."""
    if number == 0:
        return Finding("port", "ok", "any free one")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        remedy = "fine if that is Lambent; otherwise choose another with --port"
        return Finding("port", "limited", f"{host}:{number}: {error.strerror}", remedy)
    return Finding("port", "ok", f"{host}:{number} is free")


def as_document(report: Report) -> dict[str, object]:
    """The report for programs: plain JSON types."""
    return {
        "can_run_functions": report.can_run_functions,
        "python": sys.version.split()[0],
        "findings": [_as_document(finding) for finding in report.findings],
        "kept_but_not_in_force": [{"setting": setting, "effect": effect} for setting, effect in report.not_in_force],
    }


def _as_document(finding: Finding) -> dict[str, object]:
    return {name: getattr(finding, name) for name in ("name", "status", "detail", "remedy", "required")}


def _can_unshare(flag: int) -> bool:
    """Try it in a child, which ends at once."""
    libc = ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child == 0:
        os._exit(0 if libc.unshare(flag) == 0 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
