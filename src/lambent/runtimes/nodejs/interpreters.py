"""The Node.js of this machine, as runtimes: nodejs22.x is only ever a Node.js 22.

They are looked for on PATH, in nvm, and where `lambent runtime install` puts them. Each candidate is asked what it
is. Of several releases of a major version the newest serves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lambent.runtimes.probes import Answer, ask, entries

IDENTIFIERS = ("nodejs20.x", "nodejs22.x", "nodejs24.x")
"""The identifiers that Lambent's Node.js client can serve."""

# Says what the interpreter is, as JSON. Started through a version manager's shim, it names the program behind it.
_PROBE = """
const libraries = require("fs").readFileSync("/proc/self/maps", "utf8").match(/\\/\\S+\\.so[.\\d]*$/gm) || [];
console.log(JSON.stringify({
  version: process.versions.node,
  release: process.release.name,
  arch: process.arch,
  executable: require("fs").realpathSync(process.execPath),
  libraries: [...new Set(libraries)],
}));
"""

# What a sandbox sees of the host: a Node.js that needs libraries from elsewhere (Homebrew, Nix) can't start in it.
_VISIBLE = ("/usr/", "/lib/", "/lib64/")
_HIDDEN = "/usr/local/"


@dataclass(frozen=True, slots=True)
class NodeInterpreter:
    """A Node.js on this machine that serves one runtime identifier.

    Attributes:
        identifier: "nodejs22.x".
        version: "22.20.0".
        executable: the program itself, no symbolic link and no shim.
    """

    identifier: str
    version: str
    executable: Path


def major_version(identifier: str) -> int:
    """22 for "nodejs22.x"."""
    return int(identifier.removeprefix("nodejs").removesuffix(".x"))


def missing_message(identifier: str) -> str:
    """What a user is told where an identifier can't be served, and what helps."""
    if identifier not in IDENTIFIERS:
        return f"The runtime {identifier} can't be served: Lambent's Node.js client runs {', '.join(IDENTIFIERS)}."
    major = major_version(identifier)
    return (
        f"The runtime {identifier} needs a Node.js {major} on this machine, and there is none on PATH or in nvm. "
        f"Run: lambent runtime install {identifier}. No other version is ever used in its place."
    )


def discover(
    cache_file: Path, *, architecture: str, environment: Mapping[str, str], home: Path, installed: Path
) -> dict[str, NodeInterpreter]:
    """Look for interpreters; by identifier.

    Args:
        cache_file: remembers what was found, see `probes.ask`.
        architecture: of the host, x86_64 or arm64; programs for another one are no runtimes.
        environment: PATH and NVM_DIR are read.
        home: whose nvm is looked at.
        installed: where `lambent runtime install` puts them.
    """
    best: dict[str, tuple[tuple[int, ...], NodeInterpreter]] = {}
    for answer in ask(cache_file, ("-e", _PROBE), _candidates(environment, home, installed)):
        interpreter = _interpreter(answer, architecture)
        if interpreter is None:
            continue
        release = tuple(map(int, interpreter.version.split(".")))
        # The first of equals stays: PATH goes before nvm and what was installed.
        if interpreter.identifier not in best or release > best[interpreter.identifier][0]:
            best[interpreter.identifier] = release, interpreter
    return {identifier: interpreter for identifier, (_, interpreter) in best.items()}


def _candidates(environment: Mapping[str, str], home: Path, installed: Path) -> Iterator[Path]:
    for directory in environment.get("PATH", "").split(os.pathsep):
        if directory:
            yield Path(directory, "node")
            yield Path(directory, "nodejs")  # Debian's name, before the other one was free
    nvm = Path(environment.get("NVM_DIR") or home / ".nvm")
    for installation in entries(nvm / "versions" / "node"):
        yield installation / "bin" / "node"
    for identifier in IDENTIFIERS:
        yield installed / identifier / "bin" / "node"


def _interpreter(answer: Answer, architecture: str) -> NodeInterpreter | None:
    """What an answer of the probe describes, if it is something that serves an identifier here."""
    match answer:
        case {
            "release": "node",
            "version": str(version),
            "arch": str(arch),
            "executable": str(executable),
            "libraries": list(libraries),
        } if {"x64": "x86_64"}.get(arch, arch) == architecture and all(map(_is_visible, libraries)):
            identifier = f"nodejs{version.partition('.')[0]}.x"
            # A nightly build has a hyphen in its version and is no release.
            if identifier in IDENTIFIERS and version.replace(".", "").isdigit():
                return NodeInterpreter(identifier, version, Path(executable))
    return None


def _is_visible(library: object) -> bool:
    return isinstance(library, str) and library.startswith(_VISIBLE) and not library.startswith(_HIDDEN)
