"""boto3 for functions: what of it is mounted beside the runtime client, so that `import boto3` works as on AWS.

The setting `python_sdk` says which: "bundled" is the one that Lambent itself runs with, "none" is none,
anything else is a version of boto3, installed once for each interpreter into a cache directory. A function that
brings its own in its package or a layer gets that one: /var/task and /opt come first on its search path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lambent.runtimes.installation import InstallationFailed, install_wheels, whole_or_not
from lambent.runtimes.python.byte_code import Mount, PackageCopies
from lambent.runtimes.python.interpreters import Interpreter

BUNDLED, NONE = "bundled", "none"

_DISTRIBUTIONS = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
_VERSION = re.compile(r"\d+(\.\d+){1,3}\Z")
_AT_LEAST = re.compile(r">=\s*(\d+)\.(\d+)")
_NOT_PACKAGES = {"..", "__pycache__", "bin"}


class SdkUnavailable(Exception):
    """The version of boto3 that the setting asks for can't be had; the message says why."""


@dataclass(frozen=True, slots=True)
class SdkPlan:
    """What a sandbox of one interpreter shows below /var/runtime.

    Attributes:
        mounts: a directory or file of the host, and its name below /var/runtime.
        note: why boto3 isn't there, for the log and `lambent doctor`; None if it is.
    """

    mounts: tuple[Mount, ...]
    note: str | None = None


def sdk_mounts(interpreter: Interpreter, setting: str, cache_dir: Path, copies: PackageCopies) -> SdkPlan:
    """What to mount for functions of this interpreter.

    Blocks for as long as pip takes when a version is installed for the first time.

    Args:
        interpreter: whose functions.
        setting: "bundled", "none" or a version of boto3, such as "1.40.4".
        cache_dir: where versions are installed; made if missing.
        copies: make the bundled one have byte code for every interpreter; pip compiles what it installs.

    Raises:
        SdkUnavailable: the setting is none of these, or the version could not be installed.
    """
    if setting == NONE:
        return SdkPlan((), f"boto3 is not provided to {interpreter.identifier} functions: python_sdk is none.")
    if setting == BUNDLED:
        return _bundled(interpreter, copies)
    if not _VERSION.match(setting):
        raise SdkUnavailable(f"python_sdk is {setting!r}: use bundled, none or a version such as 1.40.4.")
    directory = cache_dir / f"boto3-{setting}-{interpreter.identifier}"
    if not directory.is_dir():
        _install(interpreter, setting, directory)
    return SdkPlan(tuple((path, path.name) for path in sorted(directory.iterdir()) if path.name not in _NOT_PACKAGES))


def _bundled(interpreter: Interpreter, copies: PackageCopies) -> SdkPlan:
    distributions = [metadata.distribution(name) for name in _DISTRIBUTIONS]
    for distribution in distributions:
        required = distribution.metadata["Requires-Python"]
        if interpreter.minor_version < _lowest_python(required):
            return SdkPlan(
                (),
                f"boto3 is not provided to {interpreter.identifier} functions: {distribution.name} "
                f"{distribution.version} needs Python {required}. Set python_sdk to a version of boto3 for it, or "
                "deploy one.",
            )
    key = repr([_installation(distribution) for distribution in distributions])
    return SdkPlan(tuple(copies.of("boto3", key, lambda: _packages(distributions))))


def _installation(distribution: metadata.Distribution) -> tuple[str, str, int]:
    """Another one after each installation: where it is, its version, and when its list of files was written."""
    place = Path(str(distribution.locate_file("")))
    record = place / f"{distribution.name.replace('-', '_')}-{distribution.version}.dist-info" / "RECORD"
    return str(place), distribution.version, record.stat().st_mtime_ns if record.is_file() else 0


def _packages(distributions: Iterable[metadata.Distribution]) -> list[Mount]:
    return [
        (Path(str(distribution.locate_file(name))), name)
        for distribution in distributions
        for name in _top_level(distribution.files or ())
    ]


def _lowest_python(required: str) -> tuple[int, int]:
    """The lower bound in a Requires-Python, the only part of it that these distributions differ in."""
    bounds = [(int(major), int(minor)) for major, minor in _AT_LEAST.findall(required)]
    return max(bounds, default=(0, 0))


def _top_level(files: Iterable[metadata.PackagePath]) -> list[str]:
    """Packages, modules and metadata of a distribution; not its scripts, which lie outside."""
    return sorted({file.parts[0] for file in files} - _NOT_PACKAGES)


def _install(interpreter: Interpreter, version: str, directory: Path) -> None:
    """Install with Lambent's pip for another interpreter, whose version decides what boto3 depends on."""
    try:
        with whole_or_not(directory) as new:
            install_wheels(
                f"boto3=={version}",
                new,
                python=interpreter.executable,
                dependencies=True,
                purpose=f"boto3 {version} could not be installed for {interpreter.identifier}",
            )
    except InstallationFailed as error:
        raise SdkUnavailable(str(error)) from error
