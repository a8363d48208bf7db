"""Packages that sandboxes mount have byte code for the interpreter that imports them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from lambent.runtimes.python.byte_code import Mount, PackageCopies
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


def mounts_of(site: Path) -> list[Mount]:
    return [(site / name, name) for name in ("sdk", "six.py")]


def copied(directory: Path, site: Path, key: str = "1") -> dict[str, Path]:
    """What to mount, by name."""
    return {name: path for path, name in PackageCopies(directory).of("sdk", key, lambda: mounts_of(site))}


def test_modules_are_copied_and_data_are_mounted_into_the_copies(package: Path, tmp_path: Path) -> None:
    mounts = copied(tmp_path / "copies", package)
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
    root = copies.of("sdk", "1", lambda: mounts_of(package))[0][0].parent
    await copies.compile(interpreter)
    show = "import six, sdk.deep.er; print(six.__cached__, sdk.deep.er.__cached__)"
    code = f"import sys; sys.path.insert(0, {str(root)!r}); {show}"
    command: list[str | Path] = [interpreter.executable, "-I", "-B", "-c", code]
    cached = (await asyncio.to_thread(subprocess.check_output, command)).decode().split()
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
    copies.of("sdk", "1", lambda: mounts_of(package))
    await copies.compile(Interpreter("python3.13", "3.13.0", broken, tmp_path, tmp_path, None))
    assert "python3.13 can't compile" in caplog.text


def test_a_second_server_on_the_directory_uses_what_the_first_has_made(package: Path, tmp_path: Path) -> None:
    assert copied(tmp_path / "copies", package) == copied(tmp_path / "copies", tmp_path / "not read")


def test_an_upgrade_makes_new_copies_and_removes_the_old(package: Path, tmp_path: Path) -> None:
    directory = tmp_path / "copies"
    copied(directory, package)
    PackageCopies(directory).of_folder("client", package / "sdk")
    (directory / "new-sdk-left-by-a-killed-server").mkdir()
    (package / "six.py").write_text("version = 2\n")
    assert copied(directory, package, key="2")["six.py"].read_text() == "version = 2\n"
    assert len(list(directory.glob("sdk-*"))) == 1
    assert len(list(directory.iterdir())) == 2


def test_a_change_of_a_folder_is_seen(package: Path, tmp_path: Path) -> None:
    (before,) = [path for path, name in PackageCopies(tmp_path / "c").of_folder("g", package / "sdk") if name == "sdk"]
    (package / "sdk" / "deep" / "new.py").write_text("")
    (after,) = [path for path, name in PackageCopies(tmp_path / "c").of_folder("g", package / "sdk") if name == "sdk"]
    assert after != before
    assert (after / "deep" / "new.py").is_file()


def test_where_nothing_can_be_copied_packages_are_mounted_as_they_are(
    package: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "copies").write_text("a file is in the way")
    mounts = copied(tmp_path / "copies", package)
    assert mounts == {name: path for path, name in mounts_of(package)}
    assert "No byte code" in caplog.text


async def test_byte_code_that_an_installer_made_is_taken_over(
    package: Path, tmp_path: Path, interpreter: Interpreter
) -> None:
    compile_all: list[str | Path] = [interpreter.executable, "-m", "compileall", "-q", package]
    await asyncio.to_thread(subprocess.check_call, compile_all)
    copies = PackageCopies(tmp_path / "copies")
    copy = copies.of_folder("sdk", package / "sdk")[0][0]
    (made,) = (copy / "__pycache__").glob("*.pyc")
    before = made.stat().st_mtime_ns
    shutil.rmtree(package)
    await copies.compile(interpreter)
    assert made.stat().st_mtime_ns == before
