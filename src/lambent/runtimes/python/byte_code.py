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
import json
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from lambent.runtimes.python.interpreters import Interpreter

Mount: TypeAlias = tuple[Path, str]
"""A file or directory of the host, and its name below /var/runtime."""

_NEW = "new-"
_BYTE_CODE = "__pycache__"
_MOUNTS = "mounts.json"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# Compiles the files that it reads, one a line. It is killed when its server ends: PR_SET_PDEATHSIG is 1.
_COMPILE = """
import ctypes, signal
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
import compileall, os, sys
os.nice(19)
for line in sys.stdin.buffer:
    name = os.fsdecode(line.rstrip(b"\\n"))
    compileall.compile_file(name, quiet=2)
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
        self._compiling = asyncio.Lock()

    def of(self, group: str, key: str, packages: Callable[[], Iterable[Mount]]) -> list[Mount]:
        """The same packages with modules that can have byte code, to be mounted in the order of their names.

        Blocks, for some 100 ms when a group is new. What can't be copied is mounted as it is.

        Args:
            group: what these packages are; one group has one key at a time.
            key: another one where a file of the packages may be another.
            packages: called if there is no copy yet.
        """
        name = hashlib.sha256(_boot_id() + key.encode()).hexdigest()[:16]
        copy = self._directory / f"{group}-{name}"
        with self._copying:
            if copy not in self._copies:
                if not copy.is_dir():
                    found = list(packages())
                    try:
                        self._make(group, found, copy)
                    except OSError as error:
                        _log.warning("No byte code for what functions import from the runtime: %s", error)
                        return found
                self._copies.append(copy)
        mounts = json.loads((copy / _MOUNTS).read_text("utf-8"))
        return [(copy / source, name) for source, name in mounts]

    def of_folder(self, group: str, folder: Path) -> list[Mount]:
        """The mounts of one package, whose key are the times and sizes of its modules."""
        status = [(str(module), module.stat()) for module in sorted(folder.rglob("*.py"))]
        key = repr([(module, file.st_size, file.st_mtime_ns) for module, file in status])
        return self.of(group, key, lambda: [(folder, folder.name)])

    async def compile(self, interpreter: Interpreter) -> None:
        """Give the copies byte code for an interpreter; what has been done isn't done again.

        Runs at the lowest priority, one interpreter at a time.
        """
        async with self._compiling:
            for copy in list(self._copies):
                compiled = copy / f"compiled-{interpreter.identifier}"
                if not compiled.exists():
                    await _compile(interpreter, copy)
                    compiled.touch()

    def _make(self, group: str, packages: list[Mount], copy: Path) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        for old in self._directory.glob(f"*{group}-*"):  # of another version, or left half-way by a killed server
            if old not in self._copies:
                shutil.rmtree(old, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(prefix=f"{_NEW}{group}-", dir=self._directory))
        try:
            mounts = _copy_modules(packages, temporary)
            (temporary / _MOUNTS).write_text(json.dumps(mounts, indent=1), "utf-8")
            temporary.chmod(0o755)  # read by sandboxes under other uids; mkdtemp makes a private directory
            temporary.rename(copy)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _copy_modules(packages: Iterable[Mount], target: Path) -> list[tuple[str, str]]:
    """Copy what has modules; gives what to mount where, relative to the target or absolute."""
    mounts = []
    for source, name in packages:
        if source.is_file():
            shutil.copy2(source, target / name)
            (target / _BYTE_CODE).mkdir(exist_ok=True)
            mounts += [(name, name), (_BYTE_CODE, _BYTE_CODE)]
        elif _has_modules(source):
            data = _copy_tree(source, target / name)
            mounts += [(name, name), *((str(folder), f"{name}/{folder.relative_to(source)}") for folder in data)]
        else:
            mounts.append((str(source), name))
    return sorted(set(mounts), key=lambda mount: mount[1])


def _copy_tree(source: Path, target: Path) -> list[Path]:
    """Copy a package; of its topmost folders without modules, which are returned, only the folder itself."""
    target.mkdir()
    data = []
    for entry in source.iterdir():
        if not entry.is_dir():
            shutil.copy2(entry, target / entry.name)
        elif _has_modules(entry):
            data += _copy_tree(entry, target / entry.name)
        else:
            (target / entry.name).mkdir()
            data.append(entry)
    return data


def _has_modules(folder: Path) -> bool:
    return folder.name == _BYTE_CODE or any(folder.rglob("*.py"))


def _boot_id() -> bytes:
    try:
        return _BOOT_ID.read_bytes()
    except OSError:  # not Linux
        return b""


async def _compile(interpreter: Interpreter, copy: Path) -> None:
    """Have the interpreter compile the copy's modules; cancelled, the interpreter is killed."""
    modules = await asyncio.to_thread(lambda: sorted(copy.rglob("*.py")))
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
        for module in modules:
            process.stdin.write(os.fsencode(module) + b"\n")
            if not await process.stdout.read(1):
                break
        process.stdin.close()
    finally:
        if process.returncode is None and not process.stdin.is_closing():
            process.kill()
        status = await process.wait()
    if status != 0:
        _log.warning("%s can't compile what functions import from the runtime.", interpreter.identifier)
