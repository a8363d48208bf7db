"""What a watch on a folder says has changed, right after it has."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.store.folder_watch import FolderWatch, is_ignored, leads_outside

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="inotify is Linux's")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    (path / "package").mkdir(parents=True)
    (path / "app.py").write_text("1")
    return path


@pytest.fixture
def watch(folder: Path) -> Iterator[FolderWatch]:
    watch = FolderWatch(folder)
    yield watch
    watch.close()


def test_nothing_has_changed_at_first(watch: FolderWatch) -> None:
    assert watch.there
    assert not watch.poll()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "app.py").write_text("2"),
        lambda folder: (folder / "new.py").touch(),
        lambda folder: (folder / "app.py").unlink(),
        lambda folder: (folder / "app.py").chmod(0o600),
        lambda folder: (folder / "app.py").rename(folder / "main.py"),
        lambda folder: (folder / "package" / "deep.py").touch(),
        lambda folder: (folder / "package").rmdir(),
        lambda folder: (folder / "link").symlink_to("app.py"),
    ],
    ids=["write", "create", "delete", "mode", "rename", "below", "remove", "link"],
)
def test_every_change_is_seen_once(watch: FolderWatch, folder: Path, change: object) -> None:
    assert callable(change)
    change(folder)
    assert watch.poll()
    assert not watch.poll()


def test_reading_is_no_change(watch: FolderWatch, folder: Path) -> None:
    (folder / "app.py").read_text()
    list((folder / "package").iterdir())
    assert not watch.poll()


def test_folders_that_are_made_are_watched_with_all_in_them(watch: FolderWatch, folder: Path) -> None:
    (folder / "a" / "b" / "c").mkdir(parents=True)
    assert watch.poll()
    (folder / "a" / "b" / "c" / "module.py").touch()
    assert watch.poll()


def test_folders_that_are_moved_are_watched_where_they_are(watch: FolderWatch, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other" / "inner").mkdir(parents=True)
    (tmp_path / "other").rename(folder / "other")
    assert watch.poll()
    (folder / "other").rename(folder / "renamed")
    assert watch.poll()
    (folder / "renamed" / "inner" / "new").mkdir()
    assert watch.poll()
    (folder / "renamed" / "inner" / "new" / "module.py").touch()
    assert watch.poll()


def test_a_folder_that_goes_and_comes_back(watch: FolderWatch, folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "elsewhere")
    assert [watch.poll(), watch.there] == [True, False]
    assert not watch.poll()
    folder.mkdir()
    assert [watch.poll(), watch.there] == [True, True]
    (folder / "app.py").touch()
    assert watch.poll()
    (tmp_path / "elsewhere" / "app.py").write_text("nobody's")
    assert not watch.poll()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    watch = FolderWatch(tmp_path / "file")
    assert not watch.there
    watch.close()


def test_more_changes_than_the_kernel_remembers_are_a_change(watch: FolderWatch, folder: Path) -> None:
    remembered = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
    names = ("a", "b")
    for number in range(remembered + 10):  # equal events that follow one another are one
        (folder / names[number % 2]).touch()
    (folder / "late").mkdir()
    assert watch.poll()
    assert not watch.poll()
    (folder / "late" / "module.py").touch()
    assert watch.poll()


def test_what_cannot_be_watched_may_have_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("inotify_simple.INotify.add_watch", full)
    watch = FolderWatch(folder)
    assert watch.incomplete is not None
    assert [watch.poll(), watch.poll()] == [True, True]
    watch.close()


@pytest.mark.parametrize("name", [".git", "__pycache__", ".cache", ".app.py.swp", ".app.py.swx", "4913", "app.py~"])
def test_ignored(name: str) -> None:
    assert is_ignored(name)


@pytest.mark.parametrize("name", ["app.py", ".env", "git", "swp", "node_modules", ".venv", "49130", "data.cache"])
def test_not_ignored(name: str) -> None:
    assert not is_ignored(name)


def test_links_that_lead_out(folder: Path) -> None:
    inside = {"app": "app.py", "up": "package/../app.py", "task": "/var/task/app.py", "nowhere": "none"}
    outside = {"above": "../other", "absolute": str(folder / "app.py"), "climbs": "package/../../x"}
    for name, target in {**inside, **outside}.items():
        (folder / name).symlink_to(target)
    assert {name for name in [*inside, *outside] if leads_outside(folder / name, folder)} == set(outside)
    watch = FolderWatch(folder)
    assert set(watch.links_outside) == set(outside)
    watch.close()
