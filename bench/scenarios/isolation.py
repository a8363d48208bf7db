"""That nothing was bought by weakening isolation: looked at from outside and tried from inside, on the same server.

It covers the ways a runtime process begins: forked, executed, from a stem, and brought along. The tests in
tests/sandbox try much more; this proves that what is measured is what they test.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import load, packages, processes
from bench.deployment import SMALL_MEMORY_MB
from bench.packages import Package
from bench.results import Isolation, Results
from bench.run import Run
from lambent.commands.client import RequestFailed
from lambent.sandbox.cgroup import find_mounts

_ENVIRONMENTS = 10
_BUSY_SECONDS = 0.5
_NAMESPACES = ("mnt", "pid", "net", "ipc", "uts", "cgroup", "user")
_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_PROBE_MEMORY_MB = 256
_LARGEST_LIMIT_BYTES = (SMALL_MEMORY_MB + 4) << 20
"""MemorySize, and what the sandbox's own processes may take beside it."""


@dataclass(frozen=True, slots=True)
class _Process:
    """A runtime process as the host sees it."""

    pid: int
    status: dict[str, str]
    namespaces: dict[str, str]
    root: Path


def isolation(run: Run, results: Results) -> None:
    """Have environments of every kind, look at each of their processes, and try what must be refused."""
    before = set(_pids(run))
    kinds = tuple(kind for kind, package in _packages(run).items() if _start(run, kind, package))
    seen = _runtime_processes(run, before)
    findings = [finding for process in seen for finding in _findings(process, run)]
    findings += _shared(seen)
    attempts, possible = _tried(run)
    results.isolation = Isolation(kinds, len(seen), attempts, tuple(findings + possible))


def _packages(run: Run) -> dict[str, Package]:
    python, node = run.options.python, run.options.node
    return {
        "Python, forked": packages.python(python, "isolation"),
        "Python, executed": packages.python_executed(python, "isolation"),
        "Node, from a stem": packages.node(node, "isolation"),
        "Node, executed": packages.node(node, "isolation", executed=True),
        "provided": packages.provided(packages.compiled_bootstrap(), "isolation"),
    }


def _name(kind: str) -> str:
    return "isolation-" + "".join(letter for letter in kind if letter.isalpha())


def _start(run: Run, kind: str, package: Package) -> bool:
    """Some environments of a kind at the same time; False where this server doesn't have it."""
    try:
        run.functions.create(_name(kind), package, memory_mb=SMALL_MEMORY_MB)
    except RequestFailed:
        return False
    requests = run.functions.requests(_name(kind), _ENVIRONMENTS, seconds=_BUSY_SECONDS)
    load.run_once(run.lambent.target.port, requests)
    return True


def _pids(run: Run) -> list[int]:
    return processes.environment_processes(run.lambent.pid)[1]


def _runtime_processes(run: Run, before: set[int]) -> list[_Process]:
    """The new ones that have a function's code; the blanks in stock wait for theirs."""
    found = []
    for pid in set(_pids(run)) - before:
        with contextlib.suppress(OSError):
            if any(os.scandir(f"/proc/{pid}/root/var/task")):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
                namespaces = {name: str(Path(f"/proc/{pid}/ns/{name}").readlink()) for name in _NAMESPACES}
                found.append(_Process(pid, status, namespaces, Path(f"/proc/{pid}/root")))
    return found


def _findings(process: _Process, run: Run) -> Iterator[str]:
    """What of one process isn't as it must be."""
    who = f"{process.status['Name']} ({process.pid})"
    for name in _CAPABILITIES:
        if int(process.status[name], 16):
            yield f"{who} has {name} {process.status[name]}"
    for name, value in {"NoNewPrivs": "1", "Seccomp": "2"}.items():
        if process.status[name] != value:
            yield f"{who} has {name} {process.status[name]}"
    if "0" in process.status["Uid"].split():
        yield f"{who} runs as root"
    for name, namespace in process.namespaces.items():
        if namespace == str(Path(f"/proc/self/ns/{name}").readlink()):
            yield f"{who} is in the host's {name} namespace"
    for path in _hidden(run):
        if os.path.lexists(f"{process.root}{path}"):
            yield f"{who} sees {path}"
    neighbours = [entry.name for entry in os.scandir(process.root / "proc") if entry.name.isdecimal()]
    if len(neighbours) > 2:
        yield f"{who} sees {len(neighbours)} processes"
    limit = _memory_limit(process.pid)
    if not 0 < limit <= _LARGEST_LIMIT_BYTES:
        yield f"{who} has a memory limit of {limit} bytes"


def _hidden(run: Run) -> list[str]:
    return ["/root", "/home", "/sys", "/etc/shadow", str(run.lambent.data_directory), str(Path(__file__).parent)]


def _memory_limit(pid: int) -> int:
    """In bytes, by the control group of version 1 or 2."""
    mounts = find_mounts()
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return int(Path(f"{mounts.v1['memory']}{path}", "memory.limit_in_bytes").read_text())
        if not controllers and "memory" in mounts.v2_controllers:
            text = Path(f"{mounts.v2}{path}", "memory.max").read_text().strip()
            return int(text) if text.isdecimal() else 0
    return 0


def _shared(seen: list[_Process]) -> Iterator[str]:
    """What two environments have in common that each must have for itself."""
    for name in _NAMESPACES:
        if len({process.namespaces[name] for process in seen}) < len(seen):
            yield f"environments share a {name} namespace"
    if len({process.status["Uid"] for process in seen}) < len(seen):
        yield "environments share a user"


def _tried(run: Run) -> tuple[int, list[str]]:
    """How many attempts were made from inside, and those that worked."""
    run.functions.create("probe", packages.probe(run.options.python), memory_mb=_PROBE_MEMORY_MB)
    answer = run.functions.invoke("probe", {"port": run.hello_port, "paths": _hidden(run)}).payload
    assert isinstance(answer, dict)
    possible = [f"a function can {name}" for name in answer["possible"]]
    with contextlib.suppress(load.WrongAnswer):
        run.functions.invoke("probe", {"megabytes": 2 * _PROBE_MEMORY_MB})
        possible.append("a function can take more memory than it has")
    return answer["attempts"] + 1, possible
