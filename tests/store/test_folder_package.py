"""A folder as a deployment package."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.store import folder_package
from lambent.store.code_archive import inspect_archive, unpack_archive
from lambent.store.folder_package import zip_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    (path / "package").mkdir(parents=True)
    (path / "app.py").write_text("app")
    (path / "package" / "module.py").write_text("module")
    return path


def test_it_is_a_package_that_holds_what_the_folder_does(folder: Path, tmp_path: Path) -> None:
    (folder / "bootstrap").write_text("#!/bin/sh\n")
    (folder / "bootstrap").chmod(0o700)
    (folder / "app.py").chmod(0o600)
    (folder / "link").symlink_to("package/module.py")
    (folder / "folder").symlink_to("package")
    package = zip_folder(folder)
    inspect_archive(package)
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    unpack_archive(package, unpacked)
    assert (unpacked / "folder" / "module.py").read_text() == (unpacked / "link").read_text() == "module"
    modes = {name: (unpacked / name).stat().st_mode & 0o777 for name in ("bootstrap", "app.py")}
    assert modes == {"bootstrap": 0o755, "app.py": 0o644}


def test_the_same_content_is_the_same_package(folder: Path) -> None:
    before = zip_folder(folder)
    (folder / "app.py").unlink()
    (folder / "app.py").write_text("app")
    os.utime(folder / "app.py", (1, 1))
    assert zip_folder(folder) == before
    (folder / "app.py").write_text("App")
    assert zip_folder(folder) != before


def test_what_functions_do_not_run_is_left_out(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").touch()
    (folder / "app.py~").touch()
    (folder / "out").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    with zipfile.ZipFile(io.BytesIO(zip_folder(folder))) as archive:
        assert archive.namelist() == ["app.py", "package/module.py"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterValue, match="is empty"):
        zip_folder(tmp_path)


def test_more_than_a_function_may_have_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_package, "CODE_SIZE_UNZIPPED", 5)
    with pytest.raises(InvalidParameterValue, match="Unzipped size must be smaller than 5 bytes"):
        zip_folder(folder)
