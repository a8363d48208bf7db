"""What a sandbox holds on this machine, promise by promise: the same list for the start, `lambent doctor` and the docs.

The names are those of docs/how-to/ordinary-user.md.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["namespaces", "process"]
Held = Literal["ok", "limited", "missing"]


@dataclass(frozen=True, slots=True)
class Means:
    """What this machine and this user have to build sandboxes with.

    Attributes:
        kind: which sandbox.
        own_uids: each environment can have a host user of its own.
        loop_devices: /tmp can be a file system on a disk image.
        controllers: control group controllers that this user can use: "memory", "cpu", "pids".
        freezer: control groups that can be frozen.
        host_proc: environments' /proc can be made only beside the host's.
        peers_known: the system tells which process has connected.
    """

    kind: Kind
    own_uids: bool = False
    loop_devices: bool = False
    controllers: frozenset[str] = frozenset()
    freezer: bool = False
    host_proc: bool = False
    peers_known: bool = True


@dataclass(frozen=True, slots=True)
class Promise:
    """How one promise is held: "ok", "limited" (by other means, less exactly) or "missing"."""

    name: str
    held: Held
    how: str


def promises(means: Means) -> list[Promise]:
    """Each promise, in the order of the documentation."""
    return _in_process(means) if means.kind == "process" else _in_namespaces(means)


def _in_namespaces(means: Means) -> list[Promise]:
    return [
        Promise("files", "ok", "a root file system of its own"),
        Promise("processes", "ok", "a PID namespace of its own, no capabilities, a seccomp filter"),
        Promise("network", "ok", "a network namespace of its own; the Runtime API listens inside"),
        Promise("egress", "ok", "through the server, by its policy"),
        Promise("user", "ok", "one on the host for each environment")
        if means.own_uids
        else Promise("user", "limited", "on the host all environments are the user who started Lambent"),
        Promise("memory", "ok", "control group")
        if "memory" in means.controllers
        else Promise("memory", "limited", "looked at ten times a second: what grows faster is ended late"),
        Promise("processor", "ok", "control group")
        if "cpu" in means.controllers
        else Promise("processor", "limited", "nice values by MemorySize, for each process alone"),
        Promise("process count", "ok", "control group and limits")
        if "pids" in means.controllers
        else Promise("process count", "limited", "1,024 for each environment by its user namespace"),
        Promise("temporary files", "ok", "a file system of exactly EphemeralStorage, on disk")
        if means.loop_devices
        else Promise("temporary files", "limited", "exactly EphemeralStorage, but in the machine's memory (tmpfs)"),
        Promise("kill", "ok", "all that a function started ends with its PID namespace"),
        Promise("freeze", "ok", "control group")
        if means.freezer
        else Promise("freeze", "limited", "SIGSTOP and SIGCONT, which a function's parents can see"),
    ]


def _in_process(means: Means) -> list[Promise]:
    linux = means.peers_known
    return [
        Promise("files", "missing", "a function reads and writes what the user who started Lambent can"),
        Promise("processes", "missing", "it sees and can signal that user's processes"),
        Promise("network", "limited", "the machine's own; the Runtime API hears the environment's processes only")
        if linux
        else Promise("network", "missing", "the machine's own; every program of the machine reaches the Runtime API"),
        Promise("egress", "missing", "everything that the machine reaches"),
        Promise("user", "missing", "the user who started Lambent"),
        Promise("memory", "limited", "looked at ten times a second: what grows faster is ended late")
        if linux
        else Promise("memory", "limited", "looked at every second: what grows faster is ended late"),
        Promise("processor", "limited", "nice values by MemorySize, for each process alone"),
        Promise("process count", "missing", "the user's own limit"),
        Promise("temporary files", "missing", "a directory of its own, TMPDIR, without a limit; /tmp is the machine's"),
        Promise("kill", "ok", "the process group, and what left it but is still below its keeper")
        if linux
        else Promise("kill", "limited", "the process group: what leaves it stays"),
        Promise("freeze", "limited", "SIGSTOP and SIGCONT, which a function's parents can see"),
    ]


def warnings(means: Means) -> list[str]:
    """What to say at the start, in lines; nothing where everything holds."""
    found = promises(means)
    missing = [f"{promise.name}: {promise.how}" for promise in found if promise.held == "missing"]
    limited = [promise.name for promise in found if promise.held == "limited"]
    lines = []
    if means.kind == "process":
        lines.append("Functions run as plain processes, with nothing between them and what their user can do.")
    lines += [f"Not held here: {line}." for line in missing]
    if limited:
        lines.append(f"Held less exactly here: {', '.join(limited)}; lambent doctor says how.")
    return lines
