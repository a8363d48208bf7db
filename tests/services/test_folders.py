"""How watched folders count their changes, and who is told."""

import asyncio
import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.core.errors import InvalidParameterValue, InvalidZipFile, ServiceFault
from lambent.core.function import FunctionTarget
from lambent.core.scope import Scope
from lambent.services.folders import Folders
from tests.environments.fakes import target

SCOPE = Scope("123456789012", "eu-west-1")


class Told(list[str]):
    """Names of functions in the order in which they were said to have changed."""

    def __call__(self, _scope: Scope, name: str) -> None:
        self.append(name)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
async def folders(folder: Path, told: Told) -> "Folders":
    return Folders(allowed=[folder.parent], data_directory=folder.parent / "data", on_changed=told)


@pytest.mark.parametrize("place", ["data", "data/code", "link", "."])
async def test_no_function_is_made_from_the_servers_data(folders: Folders, folder: Path, place: str) -> None:
    (folder.parent / "data" / "code").mkdir(parents=True)
    (folder.parent / "link").symlink_to("data")
    with pytest.raises(InvalidParameterValue, match="they would see Lambent's data directory"):
        folders.code(str(folder.parent / place))
    assert folders.code(str(folder)).folder == str(folder)


def of(folder: Path, name: str = "f") -> FunctionTarget:
    return replace(target(), scope=SCOPE, function_name=name, code_folder=str(folder), revision="r")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_changes_without_an_invocation_in_between_count_once(folders: Folders, folder: Path, told: Told) -> None:
    await folders.open(of(folder))
    assert folders.now(of(folder)).revision == "r+0"
    for name in ("a", "b", "c"):
        (folder / name).touch()
        await asyncio.sleep(0)
    assert [folders.now(of(folder)).revision, folders.now(of(folder)).revision] == ["r+1", "r+1"]
    assert told == ["f"]
    folders.close()


async def test_a_change_is_told_before_anybody_asks(folders: Folders, folder: Path, told: Told) -> None:
    await folders.open(of(folder))
    folders.now(of(folder))
    (folder / "a").touch()
    async with asyncio.timeout(5):
        while not told:
            await asyncio.sleep(0.001)
    assert folders.last_seen(of(folder)).revision == "r+1"
    folders.close()


async def test_every_function_of_a_folder_is_told_until_it_has_another(
    folders: Folders, folder: Path, told: Told
) -> None:
    before = descriptors()
    for name in ("f", "g"):
        await folders.open(of(folder, name))
    folders.close_unused(SCOPE, "f", {""})
    folders.now(of(folder, "g"))
    (folder / "a").touch()
    folders.now(of(folder, "g"))
    assert told == ["g"]
    folders.close_unused(SCOPE, "g", {str(folder)})
    assert descriptors() > before
    folders.close_unused(SCOPE, "g", ())
    assert descriptors() == before
    assert folders.last_seen(of(folder)).revision == "r"


async def test_what_cannot_be_watched_is_new_at_every_invocation(
    folders: Folders, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("inotify_simple.INotify.add_watch", full)
    await folders.open(of(folder))
    assert [folders.now(of(folder)).revision for _ in range(3)] == ["r+0", "r+1", "r+2"]
    assert "fs.inotify.max_user_watches" in caplog.text
    folders.close()


async def test_one_folder_too_many_says_which_limit_it_is(
    folders: Folders, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("lambent.services.folders.FolderWatch", full)
    with pytest.raises(ServiceFault, match=r"fs\.inotify\.max_user_instances"):
        await folders.open(of(folder))


async def test_a_folder_that_cannot_be_read_is_no_version(folders: Folders, folder: Path) -> None:
    code = folders.code(str(folder))
    with pytest.raises(InvalidParameterValue, match="is empty"):
        await folders.package(code)
    folder.rmdir()
    with pytest.raises(InvalidParameterValue, match="There is no folder"):
        await folders.package(code)
    with pytest.raises(InvalidZipFile):
        folders.directory(of(folder))


async def test_paths_are_made_plain(folders: Folders, folder: Path) -> None:
    """Two ways to write one folder are one folder, which is watched once."""
    assert folders.code(f"{folder}/") == folders.code(f"{folder}/../folder") == folders.code(str(folder))


@pytest.fixture(autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() <= before
