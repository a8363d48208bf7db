import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.core.aliases import Alias, Routing
from lambent.core.errors import ResourceConflict, ResourceNotFound
from lambent.core.function import (
    LATEST,
    Code,
    FunctionConfiguration,
    FunctionRecord,
    activated,
)
from lambent.services.catalogue_view import CatalogueView
from lambent.services.folders import Folders
from lambent.store import functions as table
from lambent.store.aliases import create_alias
from lambent.store.database import Database
from lambent.store.migrations import control
from lambent.store.recursion_configs import put_recursive_loop
from tests.one_function import CREATED, SCOPE

NO_FOLDERS = Folders(allowed=None, data_directory=Path("/nowhere"), on_changed=lambda scope, name: None)
ACTIVE = activated(CREATED, revision_id="r1")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    yield opened
    opened.close()


async def insert(database: Database, *versions: FunctionConfiguration) -> None:
    await database.write(table.insert_function, FunctionRecord(scope=SCOPE, function_name="f"), versions)


async def test_a_function_is_read_once_and_then_known(database: Database) -> None:
    await insert(database, ACTIVE, replace(CREATED, version="1"))
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    assert view.resolve(SCOPE, "f", None) is None
    loaded = await view.load(SCOPE, "f", None)
    assert view.resolve(SCOPE, "f", None) is loaded
    assert view.resolve(SCOPE, "f", LATEST) is loaded
    with pytest.raises(ResourceConflict, match="currently in the following state: Pending"):
        view.resolve(SCOPE, "f", "1")
    with pytest.raises(ResourceNotFound, match=r"function:f:2$"):
        view.resolve(SCOPE, "f", "2")


async def test_how_much_memory_a_function_has_is_told_without_waiting(database: Database) -> None:
    await insert(database, ACTIVE)
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    assert view.memory_mb(SCOPE, "f") is None
    loaded = await view.load(SCOPE, "f", None)
    assert view.memory_mb(SCOPE, "f") == loaded.memory_mb


async def test_what_does_not_exist_is_not_remembered(database: Database) -> None:
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    with pytest.raises(ResourceNotFound, match=r"function:f:\$LATEST$"):
        await view.load(SCOPE, "f", None)
    assert view.resolve(SCOPE, "f", None) is None


async def test_a_change_is_seen_by_the_next_invocation(database: Database) -> None:
    await insert(database, ACTIVE)
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    before = await view.load(SCOPE, "f", None)
    changed = activated(replace(ACTIVE, code=Code(sha256="11" * 32, size=1)), revision_id="r2")
    await database.write(table.replace_configuration, changed, seen_revision="r1")
    view.invalidate(SCOPE, "f")
    assert view.resolve(SCOPE, "f", None) is None
    after = await view.load(SCOPE, "f", None)
    assert (before.code_sha256, after.code_sha256) == ("00" * 32, "11" * 32)


async def test_a_load_that_a_change_overtook_is_not_kept(database: Database) -> None:
    await insert(database, ACTIVE)
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    async with asyncio.TaskGroup() as tasks:
        loading = tasks.create_task(view.load(SCOPE, "f", None), name="load")
        await asyncio.sleep(0)
        view.invalidate(SCOPE, "f")
    assert loading.result().revision == "r1"
    assert view.resolve(SCOPE, "f", None) is None


async def test_a_function_that_changed_is_known_before_anybody_asks(database: Database) -> None:
    await insert(database, ACTIVE)
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    assert [version.version for version in await view.expect(SCOPE, "f")] == [LATEST]
    assert view.resolve(SCOPE, "f", None) is not None
    view.invalidate(SCOPE, "f")
    assert view.resolve(SCOPE, "f", None) is None


async def test_what_a_change_overtook_is_not_kept(database: Database) -> None:
    await insert(database, ACTIVE)
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    async with asyncio.TaskGroup() as group:
        group.create_task(view.expect(SCOPE, "f"), name="expect")
        await asyncio.sleep(0)
        view.invalidate(SCOPE, "f")
    assert view.resolve(SCOPE, "f", None) is None


async def test_what_is_being_changed_is_read_from_the_store(database: Database) -> None:
    """Who has read the new configuration, before its writer knows of the commit, has the new one run."""
    await insert(database, ACTIVE)
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    await view.load(SCOPE, "f", None)
    view.begin_change(SCOPE, "f")
    assert view.resolve(SCOPE, "f", None) is None
    assert (await view.load(SCOPE, "f", None)).revision == "r1"
    await view.expect(SCOPE, "f")
    assert view.resolve(SCOPE, "f", None) is None
    changed = activated(replace(ACTIVE, code=Code(sha256="11" * 32, size=1)), revision_id="r2")
    await database.write(table.replace_configuration, changed, seen_revision="r1")
    assert view.resolve(SCOPE, "f", None) is None
    assert (await view.load(SCOPE, "f", None)).revision == "r2"
    view.begin_change(SCOPE, "f")
    view.end_change(SCOPE, "f")
    await view.load(SCOPE, "f", None)
    assert view.resolve(SCOPE, "f", None) is None, "another change is under way"
    view.end_change(SCOPE, "f")
    await view.load(SCOPE, "f", None)
    assert view.resolve(SCOPE, "f", None) is not None


async def test_few_functions_are_kept_that_nobody_has_invoked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambent.services.catalogue_view._EXPECTED", 1)
    await insert(database, ACTIVE)
    other = replace(ACTIVE, function_name="g", revision_id="r2")
    await database.write(table.insert_function, FunctionRecord(scope=SCOPE, function_name="g"), [other])
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    await view.expect(SCOPE, "f")
    await view.expect(SCOPE, "g")
    assert view.resolve(SCOPE, "f", None) is None
    assert view.resolve(SCOPE, "g", None) is not None


async def aliased(database: Database, *aliases: Alias) -> None:
    second = replace(activated(CREATED, revision_id="r2"), version="2")
    await insert(database, ACTIVE, replace(ACTIVE, version="1"), second, replace(CREATED, version="3"))
    for alias in aliases:
        await database.write(create_alias, alias)


LIVE = Alias(scope=SCOPE, function_name="f", name="live", version="1", description="", revision_id="a1")


async def test_that_a_function_allows_loops_is_in_all_of_its_targets(database: Database) -> None:
    await insert(database, ACTIVE, replace(ACTIVE, version="1"))
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    assert not (await view.load(SCOPE, "f", None)).allows_loops
    await database.write(put_recursive_loop, SCOPE, "f", "Allow")
    view.invalidate(SCOPE, "f")
    assert (await view.load(SCOPE, "f", None)).allows_loops
    assert (await view.load(SCOPE, "f", "1")).allows_loops


async def test_an_alias_is_the_target_of_its_version(database: Database) -> None:
    await aliased(database, LIVE, replace(LIVE, name="new", version="3"), replace(LIVE, name="dev", version=LATEST))
    view = CatalogueView(database=database, folders=NO_FOLDERS)
    assert (await view.load(SCOPE, "f", "live")).version == "1"
    assert view.resolve(SCOPE, "f", "live") is view.resolve(SCOPE, "f", "1")
    assert view.resolve(SCOPE, "f", "dev") is view.resolve(SCOPE, "f", None)
    with pytest.raises(ResourceConflict, match="currently in the following state: Pending"):
        view.resolve(SCOPE, "f", "new")
    with pytest.raises(ResourceNotFound, match=r"function:f:other$"):
        view.resolve(SCOPE, "f", "other")


async def test_an_alias_that_routes_draws_a_version_for_each_invocation(database: Database) -> None:
    await aliased(database, replace(LIVE, routing=Routing("2", 0.5)), replace(LIVE, name="w", routing=Routing("3", 1)))
    draws = iter([0.4, 0.5, 0.0, 0.99, 0.7])
    view = CatalogueView(database=database, folders=NO_FOLDERS, draw=lambda: next(draws))
    versions = [(await view.load(SCOPE, "f", "live")).version]
    for _ in range(3):
        target = view.resolve(SCOPE, "f", "live")
        assert target is not None
        versions.append(target.version)
    assert versions == ["2", "1", "2", "1"]
    with pytest.raises(ResourceConflict, match="Pending"):
        view.resolve(SCOPE, "f", "w")
