"""The directory of `lambent runtime install`: what has its name there is whole.

Something new is made beside its place and renamed. What it replaces stays until the next installation, because
environments that run may still read it.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_SECONDS = 900.0
_NEW, _OLD = ".new-", ".old-"


class InstallationFailed(Exception):
    """Something could not be installed; the message is one line that says why."""


@contextmanager
def whole_or_not(place: Path) -> Iterator[Path]:
    """A directory for the block to fill. When the block succeeds it takes its place, otherwise it goes.

    One at a time: another waits until this one has ended.

    Raises:
        InstallationFailed: the directory can't be written to.
    """
    with _writing(place.parent):
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=place.parent))
        new.chmod(0o755)  # read by sandboxes under other uids; mkdtemp makes a private directory
        try:
            yield new
            _set_aside(place)
            new.rename(place)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def remove(place: Path) -> bool:
    """Remove what was installed; False if there is nothing.

    Raises:
        InstallationFailed: the directory can't be written to.
    """
    if not place.is_dir():
        return False
    with _writing(place.parent):
        _set_aside(place)
        _sweep(place.parent)
    return True


def run(command: Sequence[str | os.PathLike[str]], *, directory: Path, purpose: str) -> None:
    """Run an installer, with files that everybody can read.

    Args:
        directory: where it runs.
        purpose: such as "Node.js 22 could not be installed", for the message.

    Raises:
        InstallationFailed: it isn't there, or failed; with the last line that it said.
    """
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            capture_output=True,
            check=False,
            text=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            umask=0o022,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallationFailed(f"{purpose}: {error}") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise InstallationFailed(f"{purpose}: {said[-1] if said else f'{command[0]} gave no reason'}")


def install_wheels(requirement: str, target: Path, *, python: Path, dependencies: bool, purpose: str) -> None:
    """Install a Python package into a directory, with pip, or with uv where Lambent was installed without a pip.

    Args:
        requirement: such as "boto3==1.40.4".
        target: made if missing.
        python: the interpreter whose version decides what fits.
        dependencies: whether to install what the package depends on, too.
        purpose: as for `run`.

    Raises:
        InstallationFailed: it could not be had, or there is neither pip nor uv.
    """
    options = ["--quiet", "--only-binary=:all:", "--target", os.fspath(target)]
    if not dependencies:
        options.append("--no-deps")
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "--python", os.fspath(python), "--disable-pip-version-check", "--no-input"]
        run([*pip, "install", *options, requirement], directory=target.parent, purpose=purpose)
        return
    uv = shutil.which("uv")
    if uv is None:
        raise InstallationFailed(f"{purpose}: {sys.executable} has no pip, and there is no uv on PATH")
    options += ["--compile-bytecode", "--python", os.fspath(python)]
    run([uv, "pip", "install", *options, requirement], directory=target.parent, purpose=purpose)


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    """Guards the directory against other installations; what an interrupted one has left goes first."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise InstallationFailed(f"{directory} can't be written to: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _sweep(directory)
        yield
    finally:
        os.close(lock)


def _set_aside(place: Path) -> None:
    if place.exists():
        place.rename(tempfile.mkdtemp(prefix=_OLD, dir=place.parent))


def _sweep(directory: Path) -> None:
    for path in directory.iterdir():
        if path.name.startswith((_NEW, _OLD)):
            shutil.rmtree(path, ignore_errors=True)
