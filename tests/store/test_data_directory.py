"""Which folders a server may use, and what it says of the others."""

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lambent.store.data_directory import DataDirectory, DataDirectoryError


def test_it_is_made_with_what_is_needed_and_only_its_owner_may_look_inside(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "data"
    with DataDirectory.open(path) as data:
        assert data.packages.is_dir()
        assert data.code.is_dir()
        assert data.logs.is_dir()
        assert {data.control_database.parent, data.queue_database.parent} == {path}
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_databases_are_their_owners_in_a_folder_that_everybody_may_look_into(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir(mode=0o755)
    (path / "queue.db-wal").touch(mode=0o644)
    (path / "control.db").touch(mode=0o644)
    with DataDirectory.open(path) as data, contextlib.closing(sqlite3.connect(data.control_database)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE secrets (value TEXT)")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.glob("*.db*")}
    assert {"control.db", "control.db-wal", "control.db-shm", "queue.db", "queue.db-wal"} == set(modes)
    assert set(modes.values()) == {0o600}


def test_it_can_be_opened_again_after_it_was_closed(tmp_path: Path) -> None:
    data = DataDirectory.open(tmp_path)
    data.close()
    data.close()
    DataDirectory.open(tmp_path).close()


def test_in_use(tmp_path: Path) -> None:
    with (
        DataDirectory.open(tmp_path),
        pytest.raises(DataDirectoryError, match=rf"{tmp_path} is in use by another Lambent \(process {os.getpid()}\)"),
    ):
        DataDirectory.open(tmp_path)


def test_the_lock_of_a_killed_server_is_gone_with_it(tmp_path: Path) -> None:
    code = "import sys, os, signal; from pathlib import Path; from lambent.store.data_directory import DataDirectory\n"
    code += "data = DataDirectory.open(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    DataDirectory.open(tmp_path).close()


def test_a_child_of_a_server_does_not_keep_the_lock(tmp_path: Path) -> None:
    with DataDirectory.open(tmp_path), subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        pass
    assert child.returncode == 0
    data = DataDirectory.open(tmp_path)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE):
        data.close()
        DataDirectory.open(tmp_path).close()


@pytest.mark.parametrize("name", ["file", "file/inside"])
def test_not_a_directory(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError, match="is not a directory"):
        DataDirectory.open(tmp_path / name)


def test_unwritable() -> None:
    """/proc takes no files from anyone; root may write to whatever else a test could make."""
    with pytest.raises(DataDirectoryError, match=r"The data directory /proc can't be written to: "):
        DataDirectory.open(Path("/proc"))


def test_made_by_a_newer_lambent(tmp_path: Path) -> None:
    DataDirectory.open(tmp_path).close()
    (tmp_path / "layout").write_text("2\n")
    with pytest.raises(DataDirectoryError, match=r"made by a newer Lambent \(layout 2, this one knows 1\)"):
        DataDirectory.open(tmp_path)
    (tmp_path / "layout").write_text("1\n")
    DataDirectory.open(tmp_path).close()


@pytest.mark.parametrize("content", [b"", b"one", b"\xff\xfe"])
def test_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "layout").write_bytes(content)
    with pytest.raises(DataDirectoryError, match="damaged"):
        DataDirectory.open(tmp_path)
