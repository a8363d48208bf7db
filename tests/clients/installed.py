"""Libraries and programs that aren't dependencies of the tests: installed once into .cache, from their registries."""

import fcntl
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

_CACHE = Path(__file__).parent.parent.parent / ".cache"
_SECONDS = 300


def installed(name: str, key: str, install: Callable[[Path], None]) -> Path:
    """A folder of the cache, filled by `install` unless it is there; all workers of a test run share it.

    Args:
        key: what is installed, versions included; another one replaces it.
    """
    folder = _CACHE / name
    marker = folder / "installed"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists() or marker.read_text() != key:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            install(folder)
            marker.write_text(key)
    return folder


def python_libraries(name: str, *requirements: str, python: str = "3.13") -> Path:
    """A folder with libraries of PyPI, for one version of Python."""

    def install(folder: Path) -> None:
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
        options = ("--only-binary=:all:", "--python-version", python, "--target", str(folder))
        run(*pip, *options, *requirements)

    return installed(name, f"{python} {requirements}", install)


def node_modules(name: str, *packages: str) -> Path:
    """A folder whose node_modules has packages of npm."""
    if shutil.which("npm") is None:
        pytest.skip("packages of npm need Node.js and npm")

    def install(folder: Path) -> None:
        run("npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(folder), *packages)

    return installed(name, str(packages), install)


def run(*command: str, **variables: str) -> None:
    """Run a tool that has to succeed.

    Args:
        variables: of its environment, beside those that are there.
    """
    environment = {**os.environ, **variables}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@cache
def zip_of_folder(folder: Path, below: str = "", *, without: Sequence[str] = ()) -> bytes:
    """A folder as a zip file, its files in the folder `below` of it.

    Args:
        without: names of files and folders that are left out.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.is_file() and not set(without).intersection(inside.parts):
                entry = zipfile.ZipInfo(str(Path(below) / inside), (2026, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16  # as on AWS, what others can't read a function can't
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def with_files(package: bytes, files: Mapping[str, bytes]) -> bytes:
    """A zip file with more files in it."""
    buffer = io.BytesIO(package)
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
