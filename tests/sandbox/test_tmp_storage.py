"""/tmp file systems: exact size, no name on the host, gone with their last descriptor."""

import errno
import os
from pathlib import Path

import pytest

from lambent.sandbox.errors import SandboxFailed
from lambent.sandbox.tmp_storage import TmpStorage

MEBIBYTE = 1024**2


def open_root(mounted: int) -> int:
    return os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=mounted)


def names(root: int) -> list[str]:
    return [entry.name for entry in os.scandir(root)]


def loop_devices_backed_by(directory: Path) -> list[str]:
    files = Path("/sys/block").glob("loop*/loop/backing_file")
    return [text for text in (file.read_text() for file in files) if str(directory) in text]


@pytest.fixture
def storage(tmp_path: Path) -> TmpStorage:
    return TmpStorage(tmp_path)


@pytest.mark.parametrize("size_mb", [512, 600])
def test_a_function_can_write_what_is_configured_and_little_more(storage: TmpStorage, size_mb: int) -> None:
    mounted = storage.create(size_mb)
    root = open_root(mounted)
    try:
        state = os.fstatvfs(root)
        available = state.f_bavail * state.f_frsize
        assert size_mb * MEBIBYTE <= available < (size_mb + 1) * MEBIBYTE
        file = os.open("all", os.O_CREAT | os.O_WRONLY, dir_fd=root)
        os.posix_fallocate(file, 0, (size_mb - 1) * MEBIBYTE)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            os.posix_fallocate(file, 0, (size_mb + 2) * MEBIBYTE)
        os.close(file)
    finally:
        os.close(root)
        os.close(mounted)


def test_it_begins_empty_and_everybody_may_write(storage: TmpStorage) -> None:
    mounted = storage.create(512)
    root = open_root(mounted)
    try:
        assert names(root) == []
        assert os.fstat(root).st_mode & 0o7777 == 0o1777
    finally:
        os.close(root)
        os.close(mounted)


def test_two_share_nothing(storage: TmpStorage) -> None:
    first, second = storage.create(512), storage.create(512)
    roots = [open_root(first), open_root(second)]
    try:
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=roots[0]))
        assert names(roots[1]) == []
    finally:
        for fd in (*roots, first, second):
            os.close(fd)


def test_nothing_of_it_has_a_name_on_the_host_and_nothing_stays(storage: TmpStorage, tmp_path: Path) -> None:
    mounted = storage.create(512)
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    os.close(mounted)
    assert loop_devices_backed_by(tmp_path) == []


def test_a_host_without_room_is_named(tmp_path: Path) -> None:
    with pytest.raises((SandboxFailed, FileNotFoundError), match="gone"):
        TmpStorage(tmp_path / "gone").create(512)
