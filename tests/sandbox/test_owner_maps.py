"""A developer's private files, as a function's own."""

import os
from pathlib import Path

import pytest

from lambent.sandbox.owner_maps import OwnedFolder, clone_as_owner

pytestmark = pytest.mark.root

READER = 1_879_048_300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "private"
    path.mkdir(mode=0o700)
    file = path / "file"
    file.write_text("secret")
    file.chmod(0o600)
    for owned in (path, file):
        os.chown(owned, 1000, 1001)
    return path


def test_the_owner_is_the_reader(folder: Path) -> None:
    mount = clone_as_owner(OwnedFolder(folder), READER)
    try:
        found = os.stat("file", dir_fd=mount)
        assert (found.st_uid, found.st_gid) == (READER, READER)
        assert ((folder / "file").stat().st_uid, (folder / "file").stat().st_gid) == (1000, 1001)
        with pytest.raises(OSError, match="Read-only file system"):
            os.open("file", os.O_WRONLY, dir_fd=mount)
    finally:
        os.close(mount)


def test_where_owners_cannot_be_mapped_they_stay_and_the_log_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    mount = clone_as_owner(OwnedFolder(folder), READER)
    try:
        assert os.stat("file", dir_fd=mount).st_uid == 1000
    finally:
        os.close(mount)
    assert f"Files of {folder} that not everybody may read can't be read by functions" in caplog.text


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        clone_as_owner(OwnedFolder(tmp_path / "none"), READER)
