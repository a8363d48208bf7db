"""Packages and their trees: unpacked once, complete or not there, thrown away when they can't be trusted."""

import asyncio
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.store import code_trees
from lambent.store.blobs import BlobStore
from lambent.store.code_archive import ArchiveInfo, unpack_archive
from lambent.store.code_store import CodeStore
from lambent.store.code_trees import CodeTrees
from lambent.store.errors import StoreFull


def package(**files: str) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


GREET = package(app="greet")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("packages", "code"):
        (tmp_path / name).mkdir()
    return tmp_path


def make_store(folders: Path, boot_id: str = "boot 1") -> CodeStore:
    return CodeStore(BlobStore(folders / "packages"), CodeTrees(folders / "code", boot_id=boot_id))


@pytest.fixture
def store(folders: Path) -> Iterator[CodeStore]:
    store = make_store(folders)
    yield store
    store.close()


def trees(folders: Path) -> list[str]:
    return sorted(path.name for path in (folders / "code").iterdir() if path.is_dir())


async def test_a_package_is_checked_kept_read_and_unpacked(store: CodeStore) -> None:
    assert await store.check(GREET) == ArchiveInfo(unpacked_bytes=5, entries=1)
    sha256 = await store.put(GREET)
    assert await store.read(sha256) == GREET
    await store.unpack(sha256)
    assert (store.tree(sha256) / "app").read_text() == "greet"


async def test_a_broken_package_is_refused_when_it_is_checked(store: CodeStore, folders: Path) -> None:
    with pytest.raises(InvalidParameterValue):
        await store.check(GREET[:-1])
    assert list((folders / "packages").iterdir()) == []


async def test_many_who_want_a_tree_at_once_unpack_it_once(store: CodeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*arguments: Path) -> None:
        calls.append(arguments)
        unpack_archive(*arguments)

    monkeypatch.setattr(code_trees, "unpack_archive", counted)
    sha256 = await store.put(GREET)
    await asyncio.gather(*(store.unpack(sha256) for _ in range(20)))
    await store.unpack(sha256)
    assert len(calls) == 1


async def test_one_who_no_longer_waits_leaves_the_others_their_tree(store: CodeStore) -> None:
    sha256 = await store.put(GREET)
    async with asyncio.TaskGroup() as tasks:
        impatient = tasks.create_task(store.unpack(sha256))
        tasks.create_task(store.unpack(sha256))
        await asyncio.sleep(0)
        impatient.cancel()
    assert store.tree(sha256).is_dir()


async def test_two_stores_may_unpack_the_same_package(store: CodeStore, folders: Path) -> None:
    other = make_store(folders)
    sha256 = await store.put(GREET)
    await asyncio.gather(store.unpack(sha256), other.unpack(sha256))
    other.close()
    assert trees(folders) == [sha256]


async def test_without_a_package_there_is_no_tree(store: CodeStore, folders: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await store.unpack("0" * 64)
    assert trees(folders) == []


async def test_a_deleted_package_takes_its_tree_along(store: CodeStore, folders: Path) -> None:
    sha256 = await store.put(GREET)
    await store.unpack(sha256)
    last_put = (await store.stored())[sha256]
    assert await store.delete(sha256, last_put=last_put)
    assert not await store.delete(sha256, last_put=last_put)
    assert trees(folders) == []
    assert await store.stored() == {}
    with pytest.raises(FileNotFoundError):
        await store.read(sha256)


async def test_a_package_that_was_put_again_is_not_deleted(store: CodeStore, folders: Path) -> None:
    sha256 = await store.put(GREET)
    await store.unpack(sha256)
    before = (await store.stored())[sha256]
    while (await store.stored())[sha256] == before:  # the file system's clock has ticks of some milliseconds
        await store.put(GREET)
    assert not await store.delete(sha256, last_put=before)
    assert trees(folders) == [sha256]
    assert await store.read(sha256) == GREET


async def test_a_tree_without_a_package_is_known_and_can_be_deleted(store: CodeStore, folders: Path) -> None:
    sha256 = await store.put(GREET)
    await store.unpack(sha256)
    BlobStore(folders / "packages").delete(sha256)
    stored = await store.stored()
    assert list(stored) == [sha256]
    assert await store.delete(sha256, last_put=stored[sha256])
    assert trees(folders) == []


async def test_a_package_is_whole_or_gone_when_it_is_put_and_deleted_at_once(store: CodeStore) -> None:
    async def delete() -> None:
        for sha256, last_put in (await store.stored()).items():
            await store.delete(sha256, last_put=last_put)

    for _ in range(50):
        _, sha256, _ = await asyncio.gather(delete(), store.put(GREET), delete())
        last_put = (await store.stored()).get(sha256)
        if last_put is not None:
            assert await store.read(sha256) == GREET


async def test_a_disk_that_gets_full_leaves_no_tree(
    store: CodeStore, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(_package: Path, directory: Path) -> None:
        (directory / "half").write_text("written")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(code_trees, "unpack_archive", fill_up)
    sha256 = await store.put(GREET)
    with pytest.raises(StoreFull):
        await store.unpack(sha256)
    assert trees(folders) == []


async def test_trees_outlive_a_restart_of_the_server_but_not_of_the_machine(folders: Path) -> None:
    before = make_store(folders)
    sha256 = await before.put(GREET)
    await before.unpack(sha256)
    before.close()
    make_store(folders).close()
    assert trees(folders) == [sha256]
    make_store(folders, boot_id="boot 2").close()
    assert trees(folders) == []


def test_folders_that_their_owner_may_not_enter_can_be_removed(tmp_path: Path) -> None:
    locked = tmp_path / "tree" / "locked"
    locked.mkdir(parents=True)
    (locked / "file").touch()
    locked.chmod(0)
    code_trees._remove_tree(tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


UNPACKER = """
import sys
from pathlib import Path
from lambent.store.code_trees import CodeTrees
trees = CodeTrees(Path(sys.argv[1]), boot_id="boot 1")
print("ready", flush=True)
while True:
    trees.unpack("tree", Path(sys.argv[2]))
    for retired in trees.retire("tree"):
        trees.discard(retired)
"""


def test_after_a_sigkill_a_tree_is_complete_or_not_there(folders: Path) -> None:
    content = {f"file{number}": "x" * 5_000 for number in range(300)}
    path = folders / "package.zip"
    path.write_bytes(package(**content))
    command = [sys.executable, "-c", UNPACKER, str(folders / "code"), str(path)]
    for kill in range(6):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as unpacker:
            assert unpacker.stdout is not None
            unpacker.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                unpacker.wait(0.013 * kill)  # somewhere in the work: what must hold, holds wherever
            unpacker.send_signal(signal.SIGKILL)
        tree = folders / "code" / "tree"
        if tree.exists():
            assert len(list(tree.iterdir())) == 300
        CodeTrees(folders / "code", boot_id="boot 1")  # the next start
        assert [name for name in trees(folders) if name != "tree"] == []


async def test_layers_are_stacked_once_and_the_last_is_on_top(store: CodeStore) -> None:
    lower, upper = await store.put(package(a="1", b="1")), await store.put(package(b="2"))
    await asyncio.gather(*(store.stack([lower, upper]) for _ in range(5)))
    tree = store.stacked_tree([lower, upper])
    assert {path.name: path.read_text() for path in tree.iterdir()} == {"a": "1", "b": "2"}
    assert not store.stacked_tree([upper, lower]).exists()
    made = (await store.stored())[tree.name]
    assert made is not None
    await store.stack([lower, upper])
    assert ((await store.stored())[tree.name] or 0) >= made


async def test_one_layer_is_its_own_stack(store: CodeStore) -> None:
    sha256 = await store.put(GREET)
    await store.stack([sha256])
    assert store.stacked_tree([sha256]) == store.tree(sha256)
    assert store.tree(sha256).is_dir()


async def test_a_stack_that_comes_into_use_again_is_not_deleted(store: CodeStore) -> None:
    """The sweep has marked it; a function that has these layers was committed since, and is being activated."""
    layers = [await store.put(package(a=str(number))) for number in range(2)]
    await store.stack(layers)
    tree = store.stacked_tree(layers)
    marked = (await store.stored())[tree.name]
    while (await store.stored())[tree.name] == marked:  # the file system's clock has ticks of some milliseconds
        await store.stack(layers)
    assert not await store.delete(tree.name, last_put=marked)
    assert await store.delete(tree.name, last_put=(await store.stored())[tree.name])
    assert not tree.exists()
    await store.stack(layers)
    assert tree.is_dir()


async def test_the_unpacked_size_of_a_package_is_what_its_check_said(store: CodeStore) -> None:
    content = package(a="1" * 1000, b="2")
    sha256 = await store.put(content)
    assert await store.unpacked_bytes(sha256) == (await store.check(content)).unpacked_bytes == 1001
    with pytest.raises(FileNotFoundError):
        await store.unpacked_bytes("0" * 64)
