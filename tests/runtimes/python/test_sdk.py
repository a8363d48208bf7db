"""What of boto3 functions see."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from lambent.runtimes.python.byte_code import PackageCopies
from lambent.runtimes.python.interpreters import Interpreter, Interpreters
from lambent.runtimes.python.sdk import SdkUnavailable, sdk_mounts
from tests.runtimes.python.conftest import Start


def an_interpreter(version: str = "3.13.0", executable: str = sys.executable) -> Interpreter:
    identifier = "python" + version.rpartition(".")[0]
    return Interpreter(identifier, version, Path(executable), Path("/p"), Path("/p/lib"), None)


def test_bundled_is_what_lambent_itself_runs_with(tmp_path: Path) -> None:
    plan = sdk_mounts(an_interpreter(), "bundled", tmp_path, PackageCopies(tmp_path / "copies"))
    names = {name for _, name in plan.mounts}
    assert {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3"} <= names
    assert f"boto3-{version('boto3')}.dist-info" in names
    assert all(source.exists() and source.name == Path(name).name for source, name in plan.mounts)
    assert plan.note is None


def test_a_python_that_boto3_has_left_behind_gets_a_note_instead(tmp_path: Path) -> None:
    plan = sdk_mounts(an_interpreter("3.9.18"), "bundled", tmp_path, PackageCopies(tmp_path / "copies"))
    assert plan.mounts == ()
    assert plan.note is not None
    assert "boto3 is not provided to python3.9 functions" in plan.note
    assert "python_sdk" in plan.note


def test_none_is_none(tmp_path: Path) -> None:
    assert sdk_mounts(an_interpreter(), "none", tmp_path, PackageCopies(tmp_path / "copies")).mounts == ()


@pytest.mark.parametrize("setting", ["", "latest", "1.40.4; rm", "../1.40", "1"])
def test_a_setting_that_is_no_version_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(SdkUnavailable, match="use bundled, none or a version"):
        sdk_mounts(an_interpreter(), setting, tmp_path, PackageCopies(tmp_path / "copies"))


def test_a_version_that_is_in_the_cache_is_mounted_without_pip(tmp_path: Path) -> None:
    directory = tmp_path / "boto3-1.40.4-python3.13"
    for name in ("boto3", "botocore", "bin"):
        (directory / name).mkdir(parents=True)
    plan = sdk_mounts(an_interpreter(executable="/nowhere"), "1.40.4", tmp_path, PackageCopies(tmp_path / "copies"))
    assert plan.mounts == ((directory / "boto3", "boto3"), (directory / "botocore", "botocore"))


def test_a_version_that_cannot_be_installed_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(SdkUnavailable, match=r"boto3 1\.40\.4 could not be installed for python3\.13: "):
        sdk_mounts(
            an_interpreter(executable="/nowhere/python3.13"), "1.40.4", tmp_path, PackageCopies(tmp_path / "copies")
        )
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_function_can_import_what_is_mounted(
    start: Start, interpreter: Interpreter, interpreters: Interpreters, tmp_path: Path, layers_root: Path
) -> None:
    plan = sdk_mounts(interpreter, "bundled", tmp_path, PackageCopies(tmp_path / "copies"))
    if plan.note:
        pytest.skip(plan.note)
    root = layers_root / "python"  # stands for /var/runtime, whose place is the client's own here
    root.mkdir(parents=True)
    for source, name in plan.mounts:
        place = root / name
        if place.is_dir():  # data, mounted into the copy of their package
            place.rmdir()
        place.symlink_to(source)
    runtime = start("import boto3\ndef handler(event, context): return boto3.__version__\n")
    runtime.initialise()
    assert runtime.invoke().json == version("boto3")
