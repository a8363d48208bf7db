"""The Python interpreters of this machine, as runtimes: python3.13 is only ever a CPython 3.13.

They are looked for where people have them: on PATH, in pyenv, in uv, and the one that runs Lambent. Each
candidate is asked what it is. Of several patch releases the newest serves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lambent.runtimes.errors import RuntimeMissing
from lambent.runtimes.probes import Answer, ask, entries

FIRST_MINOR, LAST_MINOR = 9, 14
IDENTIFIERS = tuple(f"python3.{minor}" for minor in range(FIRST_MINOR, LAST_MINOR + 1))
"""The identifiers that Lambent's Python client can serve."""

# Says what the interpreter is, as JSON. A virtual environment's answers for the interpreter it was made from.
_PROBE = """
import json, os, sys, sysconfig
library = None
if os.path.exists("/proc/self/maps"):
    for line in open("/proc/self/maps"):
        path = line.split(None, 5)[5].strip() if len(line.split(None, 5)) == 6 else ""
        if os.path.basename(path).startswith("libpython%d.%d" % sys.version_info[:2]):
            library = path
            break
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": list(sys.version_info),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "base_prefix": sys.base_prefix,
    "stdlib": sysconfig.get_path("stdlib"),
    "shared_library": library,
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A CPython on this machine that serves one runtime identifier.

    Attributes:
        identifier: "python3.13".
        version: "3.13.0".
        executable: the program itself, no symbolic link and no virtual environment's.
        base_prefix: the installation that has to be visible in a sandbox.
        stdlib: the standard library's directory, usually below base_prefix.
        shared_library: the libpython that the program loads, None if it is linked in.
    """

    identifier: str
    version: str
    executable: Path
    base_prefix: Path
    stdlib: Path
    shared_library: Path | None

    @property
    def minor_version(self) -> tuple[int, int]:
        """(3, 13)."""
        major, minor, _ = self.version.split(".")
        return int(major), int(minor)


class Interpreters:
    """Those found on this machine, by runtime identifier."""

    def __init__(self, found: Mapping[str, Interpreter]) -> None:
        self._found = dict(found)

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The identifiers that can be served here, oldest first."""
        return tuple(name for name in IDENTIFIERS if name in self._found)

    def get(self, identifier: str) -> Interpreter:
        """The interpreter of exactly this identifier's version.

        Raises:
            RuntimeMissing: there is none.
        """
        interpreter = self._found.get(identifier)
        if interpreter is None:
            raise RuntimeMissing(missing_message(identifier))
        return interpreter


def missing_message(identifier: str) -> str:
    """What a user is told where an identifier can't be served, and what helps."""
    if identifier not in IDENTIFIERS:
        return f"The runtime {identifier} can't be served: Lambent's Python client runs {', '.join(IDENTIFIERS)}."
    version = identifier.removeprefix("python")
    return (
        f"The runtime {identifier} needs a Python {version} on this machine, and there is none on PATH, in pyenv or "
        f"in uv. Install it, for example with `uv python install {version}` or `pyenv install {version}`. "
        "No other version is ever used in its place."
    )


def discover(cache_file: Path, *, environment: Mapping[str, str], home: Path) -> Interpreters:
    """Look for interpreters.

    Args:
        cache_file: remembers what was found, see `probes.ask`.
        environment: PATH, PYENV_ROOT, UV_PYTHON_INSTALL_DIR and XDG_DATA_HOME are read.
        home: whose pyenv and uv are looked at.
    """
    best: dict[str, tuple[tuple[int, ...], Interpreter]] = {}
    # A virtual environment's python is a link to the real one, which knows nothing of the environment.
    for answer in ask(cache_file, ("-I", "-S", "-c", _PROBE), _candidates(environment, home)):
        interpreter = _interpreter(answer)
        if interpreter is None:
            continue
        release = tuple(map(int, interpreter.version.split(".")))
        # The first of equals stays: PATH goes before pyenv and uv.
        if interpreter.identifier not in best or release > best[interpreter.identifier][0]:
            best[interpreter.identifier] = release, interpreter
    return Interpreters({identifier: interpreter for identifier, (_, interpreter) in best.items()})


def _candidates(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    pyenv = Path(environment.get("PYENV_ROOT") or home / ".pyenv")
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    uv = Path(environment.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    for directory in environment.get("PATH", "").split(os.pathsep):
        # A shim is a shell script that starts whichever version pyenv has been told to.
        if directory and Path(directory) != pyenv / "shims":
            for name in (*IDENTIFIERS, "python3"):
                yield Path(directory, name)
    for root in (pyenv / "versions", uv):
        for installation in entries(root):
            for name in IDENTIFIERS:
                yield installation / "bin" / name
    yield Path(getattr(sys, "_base_executable", None) or sys.executable)


def _interpreter(answer: Answer) -> Interpreter | None:
    """What an answer of the probe describes, if it is something that serves an identifier."""
    match answer:
        case {
            "implementation": "cpython",
            "version": [int(major), int(minor), int(micro), "final", _],
            "free_threaded": False,
            "executable": str(executable),
            "base_prefix": str(base_prefix),
            "stdlib": str(stdlib),
            "shared_library": None | str() as library,
        } if f"python{major}.{minor}" in IDENTIFIERS:
            return Interpreter(
                identifier=f"python{major}.{minor}",
                version=f"{major}.{minor}.{micro}",
                executable=Path(executable),
                base_prefix=Path(base_prefix),
                stdlib=Path(stdlib),
                shared_library=None if library is None else Path(library),
            )
    return None
