"""Lambent as a user without rights would have it: an installation that user can read, in folders of that user's own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import lambent
from tests.lambent_server import LambentServer

UID = 60_123 if os.geteuid() == 0 else os.geteuid()
"""Nobody's on a usual machine; where the tests themselves aren't run by root, whoever runs them."""
GID = 60_123 if os.geteuid() == 0 else os.getegid()
RUNTIME = f"python3.{sys.version_info.minor}"
"""The only interpreter that such a user is certain to have is the one that runs Lambent."""


class OrdinaryServer(LambentServer):
    """A `lambent dev` of that user; a test run by root gives itself up for it."""

    def __init__(self, folder: Path, *, flags: list[str]) -> None:
        """Args: folder: empty; it becomes the user's, and everybody can look into it."""
        folder.chmod(0o755)
        home = folder / "home"
        home.mkdir()
        super().__init__(home / "data", flags=flags)
        self.python = _readable_python(folder)
        self.environment = {
            "HOME": str(home),
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(str(path) for path in _readable_packages(folder)),
        }
        if os.geteuid() == 0:
            self.options: dict[str, Any] = {"user": UID, "group": GID, "extra_groups": []}
            self.temporary_directory.mkdir()
            for path in (home, self.temporary_directory):
                os.chown(path, UID, GID)


def _readable_python(folder: Path) -> Path:
    """That of the tests, else the machine's of the same version, else a copy (which needs a libpython linked in)."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for program in (Path(sys.base_prefix, "bin", name), Path("/usr/bin", name)):
        if _is_readable(program):
            return program
    return _copy(Path(sys.base_prefix), folder / "python") / "bin" / name


def _readable_packages(folder: Path) -> list[Path]:
    if os.geteuid() != 0:
        return [Path(entry) for entry in sys.path if entry]
    source, packages = Path(lambent.__file__).parent.parent, Path(sysconfig.get_path("purelib"))
    places = {"source": source, "packages": packages}
    return [path if _is_readable(path) else _copy(path, folder / name) for name, path in places.items()]


def _is_readable(path: Path) -> bool:
    if os.geteuid() != 0:
        return path.exists()
    return not subprocess.run(
        ["ls", str(path)], user=UID, group=GID, extra_groups=[], capture_output=True, check=False
    ).returncode


def _copy(source: Path, target: Path) -> Path:
    """By links, where the file system allows: an interpreter has many megabytes."""
    shutil.copytree(source, target, symlinks=True, copy_function=_link, ignore=shutil.ignore_patterns("test", "tests"))
    return target


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)
