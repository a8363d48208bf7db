"""What this machine can enforce, found by trying: the checks behind `lambent doctor`.

A check is a small function that returns one `Finding`. *required* means that `lambent dev` can't run functions without
it; everything else that is missing makes a promise hold less, and the finding says which.
"""

import importlib.metadata
import os
import platform
import shutil
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from lambent.core.honesty import KEPT_NOT_IN_FORCE
from lambent.runtimes.overview import RuntimeStatus
from lambent.sandbox.cgroup import CgroupMounts, find_mounts, usable_mounts
from lambent.sandbox.choice import Choice, choose, is_new_enough, means
from lambent.sandbox.errors import SandboxUnavailable
from lambent.sandbox.promises import Promise, promises
from lambent.settings import Settings

Status = Literal["ok", "limited", "missing"]

_LOW_DISK_BYTES = 2 << 30
# State of runtimes that functions can't have, why, and what helps.
_REFUSED: Final = (
    ("installable", "Not here, but to be had", "; run, for example: lambent runtime install {runtime}"),
    ("missing", "Not on PATH, in pyenv or in uv", "; install one, for example: uv python install {version}"),
    ("not supported", "Not in this version of Lambent", ""),
)


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
    """All findings, the settings of functions that are kept but not yet in force, and what the sandbox holds."""

    findings: tuple[Finding, ...]
    not_in_force: tuple[tuple[str, str], ...]
    promises: tuple[Promise, ...] = ()

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
    choice, why_none = None, ""
    try:
        choice = choose(settings.sandbox, fall_back=True)
    except SandboxUnavailable as error:
        why_none = str(error)
    findings = (
        kernel(platform.system(), platform.release(), platform.machine()),
        sandbox(choice, why_none, os.geteuid()),
        *_of_namespaces(choice),
        found_runtimes(runtimes),
        other_runtimes(runtimes),
        node_sdk(node_sdk_note),
        companion(settings.companion),
        memory(settings.memory_capacity_mb),
        data_directory(settings.data_directory),
        port(settings.host, settings.port),
    )
    held = () if choice is None else tuple(promises(means(choice, _cgroup_mounts())))
    return Report(findings, tuple((kept.setting, kept.effect) for kept in KEPT_NOT_IN_FORCE), held)


def _cgroup_mounts() -> CgroupMounts:
    return usable_mounts(find_mounts()) if sys.platform == "linux" else CgroupMounts({}, None, frozenset())


def _of_namespaces(choice: Choice | None) -> tuple[Finding, ...]:
    if choice is None or choice.way == "process":
        return ()
    return (cgroups(_cgroup_mounts()), seccomp(), loop_devices(), file_system_maker())


def kernel(system: str, release: str, machine: str) -> Finding:
    """Linux, of a version that has the mount calls we use."""
    detail = f"{system} {release} {machine}"
    if system != "Linux" or not is_new_enough(release):
        return Finding("kernel", "limited", detail, "Linux 5.12 or newer, or a virtual machine with it, has namespaces")
    return Finding("kernel", "ok", detail)


def sandbox(choice: Choice | None, why_none: str, uid: int) -> Finding:
    """How functions would be kept apart.

    Args:
        choice: None where the setting asks for what can't be had.
    """
    user = "root" if uid == 0 else f"uid {uid}"
    if choice is None:
        return Finding("sandbox", "missing", why_none, "choose another with --sandbox", required=True)
    match choice.way:
        case "namespaces":
            return Finding("sandbox", "ok", f"namespaces, as {user}", required=True)
        case "user namespace":
            detail = f"namespaces in a user namespace of {user}: {choice.reason}"
            return Finding("sandbox", "limited", detail, "started as root, all of the promises below hold")
        case _:
            remedy = "on Linux, start as root or allow user namespaces; a container needs to be privileged"
            return Finding("sandbox", "limited", f"plain processes of {user}, no walls: {choice.reason}", remedy)


def cgroups(mounts: CgroupMounts) -> Finding:
    """The controllers that hold memory, processor and process limits."""
    missing = mounts.missing()
    if missing:
        remedy = "start as root, or have them delegated: systemd-run --user --scope -p Delegate=yes lambent dev"
        return Finding("cgroups", "limited", f"none that can be used for {', '.join(missing)}", remedy)
    v1 = sorted(set(mounts.v1) & {"memory", "cpu", "pids"})
    v2 = sorted({"memory", "cpu", "pids"} - set(v1))
    parts = [f"version {number}: {', '.join(names)}" for number, names in ((1, v1), (2, v2)) if names]
    return Finding("cgroups", "ok", "; ".join(parts))


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
        return Finding("loop devices", "limited", f"{control} can't be used", remedy)
    return Finding("loop devices", "ok", str(control))


def file_system_maker() -> Finding:
    """The program that formats /tmp."""
    found = shutil.which("mkfs.ext4", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if found is None:
        return Finding("mkfs.ext4", "limited", "not found", "install e2fsprogs")
    return Finding("mkfs.ext4", "ok", found)


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
    """What functions are refused, and why: a line for each of the reasons, since a machine has few of all Pythons."""
    lines = []
    for state, reason, remedy in _REFUSED:
        identifiers = [status.identifier for status in runtimes if status.state == state]
        if identifiers:
            example = identifiers[0]
            help_with_it = remedy.format(runtime=example, version=example.removeprefix("python"))
            lines.append(f"{reason}: {', '.join(identifiers)}{help_with_it}")
    return Finding("refused runtimes", "ok", "\n".join(lines) or "none")


def node_sdk(note: str | None) -> Finding:
    """Whether Node.js functions can import the AWS SDK as on AWS."""
    if note is None:
        return Finding("node SDK", "ok", "the AWS SDK for JavaScript is installed")
    return Finding("node SDK", "limited", note)


def companion(setting: str) -> Finding:
    """Whether the other AWS services are behind the port, and what they keep."""
    try:
        version = importlib.metadata.version("moto")
    except importlib.metadata.PackageNotFoundError:
        return Finding("companion", "limited", "moto isn't installed", "install Lambent again, with what it needs")
    if setting == "off":
        return Finding("companion", "ok", "off: other services than Lambda are refused")
    detail = (
        f"moto {version}, started by the first request for another service than Lambda; 100 to 250 MB\n"
        "What it keeps (buckets, queues, tables, roles…) is in memory only, and gone when it or the server ends"
    )
    return Finding("companion", "ok", detail)


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
        "promises": [{"name": one.name, "held": one.held, "how": one.how} for one in report.promises],
        "findings": [_as_document(finding) for finding in report.findings],
        "kept_but_not_in_force": [{"setting": setting, "effect": effect} for setting, effect in report.not_in_force],
    }


def _as_document(finding: Finding) -> dict[str, object]:
    return {name: getattr(finding, name) for name in ("name", "status", "detail", "remedy", "required")}
