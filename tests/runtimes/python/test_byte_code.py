"""Packages that sandboxes mount have byte code for the interpreter that imports them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from lambent.runtimes.python.byte_code import PackageCopies
from lambent.runtimes.python.interpreters import Interpreter


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with modules in two folders and with data, beside a module, as an installer leaves them."""
    site = tmp_path / "site-packages"
    for path in ("sdk/__init__.py", "sdk/deep/er/__init__.py", "sdk/data/s3/service.json", "sdk/ca.pem", "six.py"):
        file = site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    return site


def mounts_of(site: Path) -> list[tuple[Path, str]]:
    return [(site / name, name) for name in ("sdk", "six.py")]


def test_modules_are_copied_and_data_are_mounted_into_the_copies(package: Path, tmp_path: Path) -> None:
    mounts = {name: path for path, name in PackageCopies(tmp_path / "copies").of("sdk", mounts_of(package))}
    assert set(mounts) == {"sdk", "six.py", "__pycache__", "sdk/data"}
    assert mounts["sdk/data"] == package / "sdk" / "data"
    copy = mounts["sdk"]
    assert copy.is_relative_to(tmp_path / "copies")
    assert sorted(str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()) == [
        "__init__.py",
        "ca.pem",
        "deep/er/__init__.py",
    ]
    assert list((copy / "data").iterdir()) == []


async def test_an_interpreter_finds_byte_code_in_copies_that_are_mounted_already(
    package: Path, tmp_path: Path, interpreter: Interpreter
) -> None:
    copies = PackageCopies(tmp_path / "copies")
    root = {name: path for path, name in copies.of("sdk", mounts_of(package))}["sdk"].parent
    await copies.compile(interpreter)
    show = "import six, sdk.deep.er; print(six.__cached__, sdk.deep.er.__cached__)"
    command = [interpreter.executable, "-I", "-B", "-c", f"import sys; sys.path.insert(0, {str(root)!r}); {show}"]
    cached = (await asyncio.to_thread(subprocess.check_output, command, text=True)).split()
    assert len(cached) == 2
    assert all(Path(file).is_relative_to(root) and Path(file).is_file() for file in cached)
    assert not list(package.rglob("*.pyc"))


async def test_an_interpreter_that_does_not_run_leaves_the_copies_as_they_are(
    package: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "python3.13"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    copies = PackageCopies(tmp_path / "copies")
    copies.of("sdk", mounts_of(package))
    await copies.compile(Interpreter("python3.13", "3.13.0", broken, tmp_path, tmp_path, None))
    assert "python3.13 can't compile" in caplog.text


def test_a_second_server_on_the_directory_uses_what_the_first_has_made(package: Path, tmp_path: Path) -> None:
    first = PackageCopies(tmp_path / "copies").of("sdk", mounts_of(package))
    assert PackageCopies(tmp_path / "copies").of("sdk", mounts_of(package)) == first


def test_an_upgrade_makes_new_copies_and_removes_the_old(package: Path, tmp_path: Path) -> None:
    directory = tmp_path / "copies"
    PackageCopies(directory).of("sdk", mounts_of(package))
    PackageCopies(directory).of("client", [(package / "sdk", "sdk")])
    (directory / "new-sdk-left-by-a-killed-server").mkdir()
    (package / "six.py").write_text("version = 2\n")
    mounts = {name: path for path, name in PackageCopies(directory).of("sdk", mounts_of(package))}
    assert mounts["six.py"].read_text() == "version = 2\n"
    assert len(list(directory.glob("sdk-*"))) == 1
    assert len(list(directory.iterdir())) == 2


def test_where_nothing_can_be_copied_packages_are_mounted_as_they_are(
    package: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "copies").write_text("a file is in the way")
    mounts = PackageCopies(tmp_path / "copies").of("sdk", mounts_of(package))
    assert mounts == mounts_of(package)
    assert "No byte code" in caplog.text


async def test_byte_code_that_an_installer_made_is_taken_over(
    package: Path, tmp_path: Path, interpreter: Interpreter
) -> None:
    compile_all = [interpreter.executable, "-m", "compileall", "-q", package]
    await asyncio.to_thread(subprocess.check_call, compile_all)
    copies = PackageCopies(tmp_path / "copies")
    copy = {name: path for path, name in copies.of("sdk", [(package / "sdk", "sdk")])}["sdk"]
    (made,) = (copy / "__pycache__").glob("*.pyc")
    before = made.stat().st_mtime_ns
    shutil.rmtree(package)
    await copies.compile(interpreter)
    assert made.stat().st_mtime_ns == before
