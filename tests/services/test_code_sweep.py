"""Code that no version refers to is deleted: not too early, and never what somebody is just putting."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.core.function import (
    LATEST,
    Code,
    FunctionConfiguration,
    FunctionRecord,
    FunctionSettings,
    LoggingSettings,
    activated,
    updated,
)
from lambent.core.scope import Scope
from lambent.services import code_sweep
from lambent.services.code_sweep import CodeSweep
from lambent.store import functions as table
from lambent.store.blobs import BlobStore
from lambent.store.code_store import CodeStore
from lambent.store.code_trees import CodeTrees
from lambent.store.database import Database
from lambent.store.errors import StoreUnavailable
from lambent.store.migrations import control

SCOPE = Scope("123456789012", "eu-west-1")
SETTINGS = FunctionSettings(
    runtime="python3.13", role="role", handler="index.handler", logging=LoggingSettings(log_group="group")
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    yield database
    database.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CodeStore]:
    for folder in ("packages", "code"):
        (tmp_path / folder).mkdir()
    store = CodeStore(BlobStore(tmp_path / "packages"), CodeTrees(tmp_path / "code"))
    yield store
    store.close()


@pytest.fixture
def sweep(database: Database, store: CodeStore) -> CodeSweep:
    return CodeSweep(database=database, store=store)


def version_of(name: str, sha256: str) -> FunctionConfiguration:
    version = FunctionConfiguration(
        scope=SCOPE,
        function_name=name,
        version=LATEST,
        settings=SETTINGS,
        code=Code(sha256, 7),
        last_modified_ms=1,
        revision_id="r1",
    )
    return activated(version, revision_id="r2")


async def create(database: Database, name: str, sha256: str) -> None:
    version = version_of(name, sha256)
    await database.write(table.insert_function, FunctionRecord(scope=SCOPE, function_name=name), [version])


async def test_unused_code_is_deleted_at_the_second_look(
    sweep: CodeSweep, database: Database, store: CodeStore
) -> None:
    used, unused = await store.put(b"used"), await store.put(b"unused")
    await create(database, "f", used)
    assert await sweep.delete_marked() == 0
    await sweep.mark()
    assert await sweep.delete_marked() == 1
    assert unused not in await store.stored()
    await sweep.mark()
    assert await sweep.delete_marked() == 0
    assert await store.read(used) == b"used"


async def test_code_that_still_runs_while_an_update_is_in_progress_is_used(
    sweep: CodeSweep, database: Database, store: CodeStore
) -> None:
    running, coming = await store.put(b"running"), await store.put(b"coming")
    await create(database, "f", running)
    changed = updated(version_of("f", running), settings=SETTINGS, code=Code(coming, 6), now_ms=2, revision_id="r3")
    assert await database.write(table.replace_configuration, changed, seen_revision="r2")
    await sweep.mark()
    assert await sweep.delete_marked() == 0


async def test_code_that_came_back_into_use_stays(sweep: CodeSweep, database: Database, store: CodeStore) -> None:
    sha256 = await store.put(b"code")
    await sweep.mark()
    await create(database, "f", sha256)  # of a request that had put its package before the look
    assert await sweep.delete_marked() == 0
    assert await store.read(sha256) == b"code"


async def test_code_that_is_put_again_stays_though_nothing_refers_to_it_yet(sweep: CodeSweep, store: CodeStore) -> None:
    sha256 = await store.put(b"code")
    before = await store.stored()
    await sweep.mark()
    while await store.stored() == before:  # the file system's clock has ticks of some milliseconds
        await store.put(b"code")
    assert await sweep.delete_marked() == 0
    assert await store.read(sha256) == b"code"


async def test_it_goes_on_after_the_disk_has_failed(
    sweep: CodeSweep, store: CodeStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(code_sweep, "SWEEP_SECONDS", 0)
    await store.put(b"unused")
    works, failures = store.stored, iter([StoreUnavailable("the disk failed")])

    async def stored() -> dict[str, int | None]:
        for failure in failures:
            raise failure
        return await works()

    monkeypatch.setattr(store, "stored", stored)
    running = asyncio.get_running_loop().create_task(sweep.run())
    async with asyncio.timeout(10):
        while await works():
            await asyncio.sleep(0.001)
    running.cancel()
    assert "Unused code could not be deleted" in caplog.text
