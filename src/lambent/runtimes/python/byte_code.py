"""Packages that sandboxes mount, with byte code for every interpreter that imports them.

An installer compiles packages for the Python that Lambent runs with, and for no other; a sandbox sees them read-only,
so each cold start of another version would compile them again: 420 ms of boto3's 580. So their modules are copied
into the data directory, once for all versions, and each interpreter in use compiles the copies behind the start of
its first environment. Folders without modules (botocore's data are 30 MB) aren't copied but mounted into the copies.

A copy appears by a rename when it is complete. Byte code appears in it file by file, each by a rename: an environment
uses what is there when it imports, those included that were made before. Nothing is synced; after a restart of the
machine, which another boot id tells, everything is copied again.
"""

import asyncio
import hashlib
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from lambent.runtimes.python.interpreters import Interpreter

Mount: TypeAlias = tuple[Path, str]
"""A file or directory of the host, and its name below /var/runtime."""

_NEW = "new-"
_BYTE_CODE = "__pycache__"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# Compiles the directories that it reads, one a line, and ends with its server, whose end of the pipe then closes.
_COMPILE = """
import compileall, os, sys
os.nice(19)
for line in sys.stdin.buffer:
    name = os.fsdecode(line.rstrip(b"\\n"))
    compileall.compile_dir(name, maxlevels=0, quiet=2)
    os.write(1, b".")
"""

_log = logging.getLogger(__name__)


class PackageCopies:
    """The copies of one data directory: `<directory>/<group>-<key>/`."""

    def __init__(self, directory: Path) -> None:
        """Args: directory: for these copies alone; made when needed."""
        self._directory = directory
        self._copies: list[Path] = []
        self._copying = threading.Lock()  # guards _copies and the directory; nothing else is taken under it
        self._compiled: set[tuple[str, Path]] = set()
        self._compiling = asyncio.Lock()

    def of(self, group: str, mounts: Iterable[Mount]) -> list[Mount]:
        """The same packages with modules that can have byte code, to be mounted in the order of their names.

        Blocks, for some 50 ms when a group is new. What can't be copied is mounted as it is.
        """
        mounts = list(mounts)
        packages = [(source, name) for source, name in mounts if _has_modules(source)]
        try:
            copy = self._copy(group, packages)
        except OSError as error:
            _log.warning("No byte code for what functions import from the runtime: %s", error)
            return mounts
        copied = [(copy / name, name) for _, name in packages]
        if any(source.is_file() for source, _ in packages):
            copied.append((copy / _BYTE_CODE, _BYTE_CODE))
        data = [(folder, f"{name}/{path}") for source, name in packages for folder, path in _data_folders(source)]
        return [*copied, *data, *(mount for mount in mounts if mount not in packages)]

    async def compile(self, interpreter: Interpreter) -> None:
        """Give the copies byte code for an interpreter; what has been done isn't done again.

        Runs at the lowest priority, one interpreter at a time.
        """
        async with self._compiling:
            for copy in list(self._copies):
                if (interpreter.identifier, copy) not in self._compiled:
                    await _compile(interpreter, copy)
                    self._compiled.add((interpreter.identifier, copy))

    def _copy(self, group: str, packages: list[Mount]) -> Path:
        copy = self._directory / f"{group}-{_key(packages)}"
        with self._copying:
            if copy not in self._copies:
                if not copy.is_dir():
                    self._make(group, packages, copy)
                self._copies.append(copy)
        return copy

    def _make(self, group: str, packages: list[Mount], copy: Path) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        for old in self._directory.glob(f"*{group}-*"):  # of another version, or left half-way by a killed server
            if old not in self._copies:
                shutil.rmtree(old, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(prefix=f"{_NEW}{group}-", dir=self._directory))
        try:
            _copy_modules(packages, temporary)
            temporary.rename(copy)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _copy_modules(packages: Iterable[Mount], target: Path) -> None:
    for source, name in packages:
        if source.is_file():
            shutil.copy2(source, target / name)
        else:
            shutil.copytree(source, target / name, ignore=_contents_of_data_folders)
    (target / _BYTE_CODE).mkdir()
    target.chmod(0o755)  # read by sandboxes under other uids; mkdtemp makes a private directory


def _contents_of_data_folders(folder: str, names: list[str]) -> list[str]:
    """For shutil.copytree: of a folder without modules only the folder itself, to be mounted on."""
    return [] if _has_modules(Path(folder)) else names


def _data_folders(package: Path) -> Iterator[tuple[Path, str]]:
    """The topmost folders of a package that have no modules below: (folder, path in the package)."""
    for folder, names, _ in os.walk(package):
        for name in list(names):
            path = Path(folder, name)
            if name == _BYTE_CODE:
                names.remove(name)
            elif not _has_modules(path):
                names.remove(name)
                yield path, str(path.relative_to(package))


def _has_modules(path: Path) -> bool:
    if path.is_file():
        return path.suffix == ".py"
    return path.name == _BYTE_CODE or any(path.rglob("*.py"))


def _modules(packages: Iterable[Mount]) -> Iterator[Path]:
    for source, _ in packages:
        yield from [source] if source.is_file() else sorted(source.rglob("*.py"))


def _key(packages: Iterable[Mount]) -> str:
    """Changes with every change of a module, and with the machine's restart."""
    digest = hashlib.sha256(_boot_id())
    for module in _modules(packages):
        status = module.stat()
        digest.update(f"{module}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:16]


def _boot_id() -> bytes:
    try:
        return _BOOT_ID.read_bytes()
    except OSError:  # not Linux
        return b""


async def _compile(interpreter: Interpreter, copy: Path) -> None:
    """Feed the copy's folders to the interpreter, one by one: cancelled, or killed with its server, it ends."""
    process = await asyncio.create_subprocess_exec(
        interpreter.executable,
        *("-I", "-S", "-B", "-c", _COMPILE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for folder, names, _ in os.walk(copy):
            names[:] = [name for name in names if name != _BYTE_CODE]
            process.stdin.write(os.fsencode(folder) + b"\n")
            if not await process.stdout.read(1):
                break
        process.stdin.close()
    finally:
        if process.returncode is None and not process.stdin.is_closing():
            process.kill()
        status = await process.wait()
    if status != 0:
        _log.warning("%s can't compile what functions import from the runtime.", interpreter.identifier)
