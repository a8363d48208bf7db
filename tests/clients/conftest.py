"""Clients that aren't dependencies of the tests: installed once into .cache."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PACKAGE = "@aws-sdk/client-lambda"
_VERSION = "3.1162.0"
_CACHE = Path(__file__).parent.parent.parent / ".cache" / "sdk-for-javascript"
_CHALICE = Path(__file__).parent.parent.parent / ".cache" / "chalice"
_INSTALL_CHALICE = ("install", "--quiet", "chalice==1.32.0", "setuptools<81")


@pytest.fixture(scope="session")
def sdk_for_javascript() -> Path:
    """A folder whose node_modules has the SDK; modules in it can import the SDK by its name."""
    if shutil.which("npm") is None:
        pytest.skip("the SDK for JavaScript needs Node.js and npm")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:  # the workers of a test run share the folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_CACHE / "node_modules" / _PACKAGE / "package.json").exists():
            command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(_CACHE)]
            installed = subprocess.run(
                [*command, f"{_PACKAGE}@{_VERSION}"], capture_output=True, text=True, timeout=300, check=False
            )
            assert installed.returncode == 0, installed.stderr
    return _CACHE


@pytest.fixture(scope="session")
def chalice() -> Path:
    """The program of AWS Chalice, in an environment of its own: it pins other versions of what Lambent needs."""
    _CHALICE.mkdir(parents=True, exist_ok=True)
    program = _CHALICE / "bin" / "chalice"
    with (_CHALICE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_CHALICE / "installed").exists():
            make = [sys.executable, "-m", "venv", str(_CHALICE)]
            install = [str(_CHALICE / "bin" / "pip"), *_INSTALL_CHALICE]
            for command in (make, install):
                made = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
                assert made.returncode == 0, made.stderr
            (_CHALICE / "installed").touch()
    return program
