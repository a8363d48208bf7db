from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from lambent.core.aliases import Alias, AliasChange, Routing
from lambent.core.errors import InvalidParameterValue, PreconditionFailed, ResourceConflict, ResourceNotFound
from lambent.core.function import (
    LATEST,
    FunctionRecord,
    activated,
)
from lambent.core.scope import Scope
from lambent.store import aliases as table
from lambent.store import functions, qualified, removals
from lambent.store.alias_changes import update_alias
from lambent.store.database import Database
from lambent.store.errors import StoreConflict
from lambent.store.migrations import control
from lambent.store.qualified import Existence
from tests.one_function import CREATED, SCOPE

LATEST_OF_F = activated(CREATED, revision_id="r1")
LIVE = Alias(scope=SCOPE, function_name="f", name="live", version="1", description="d", revision_id="a1")
SPLIT = replace(LIVE, routing=Routing("2", 0.25))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """The function f with its versions 1 and 2, and 3 that has another role."""
    opened = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    other = replace(LATEST_OF_F, version="3", settings=replace(LATEST_OF_F.settings, role="another"))
    versions = [LATEST_OF_F, *(replace(LATEST_OF_F, version=number) for number in ("1", "2")), other]
    await opened.write(functions.insert_function, FunctionRecord(scope=SCOPE, function_name="f"), versions)
    yield opened
    opened.close()


async def found(database: Database, name: str = "live") -> Alias | None:
    return await database.read(table.find_alias, SCOPE, "f", name)


async def update(database: Database, **change: Any) -> Alias | None:
    return await database.write(update_alias, SCOPE, "f", "live", AliasChange(**change), revision_id="a2")


@pytest.mark.parametrize("alias", [LIVE, SPLIT, replace(LIVE, version=LATEST)])
async def test_what_is_written_is_what_is_read(database: Database, alias: Alias) -> None:
    await database.write(table.create_alias, alias)
    assert await found(database) == alias


async def test_a_name_is_given_once_in_a_function(database: Database) -> None:
    await database.write(table.create_alias, LIVE)
    with pytest.raises(StoreConflict):
        await database.write(table.create_alias, replace(LIVE, version="2"))
    assert await found(database) == LIVE


@pytest.mark.parametrize("missing", ["4", "01", "9" * 100, "$LATEST.PUBLISHED"])
async def test_versions_that_arent_there_have_no_aliases(database: Database, missing: str) -> None:
    for alias in (replace(LIVE, version=missing), replace(LIVE, routing=Routing(missing, 0.5))):
        with pytest.raises(ResourceNotFound, match=r"Function not found: .*:f:"):
            await database.write(table.create_alias, alias)
    assert await database.read(table.list_aliases, SCOPE, "f", version=missing) == []


async def test_versions_with_different_roles_share_no_alias(database: Database) -> None:
    with pytest.raises(InvalidParameterValue):
        await database.write(table.create_alias, replace(LIVE, routing=Routing("3", 0.5)))
    await database.write(table.create_alias, SPLIT)
    with pytest.raises(InvalidParameterValue):
        await update(database, version="3")
    assert await found(database) == SPLIT


async def test_an_update_is_made_on_what_is_there(database: Database) -> None:
    await database.write(table.create_alias, SPLIT)
    assert await update(database, version="2", weights={"1": 0.5}, revision_id="a1") == replace(
        SPLIT, version="2", routing=Routing("1", 0.5), revision_id="a2"
    )
    assert await found(database) == replace(SPLIT, version="2", routing=Routing("1", 0.5), revision_id="a2")


async def test_an_update_that_is_refused_changes_nothing(database: Database) -> None:
    with pytest.raises(ResourceNotFound, match="Alias not found"):
        await update(database)
    await database.write(table.create_alias, SPLIT)
    with pytest.raises(PreconditionFailed):
        await update(database, description="new", revision_id="a0")
    with pytest.raises(ResourceNotFound, match="Function not found"):
        await update(database, version="4", revision_id="a0")  # existence before revision: api-errors.md section 15
    assert await found(database) == SPLIT


async def test_aliases_are_listed_by_name_in_pages_and_by_version(database: Database) -> None:
    for name, version in (("c", "1"), ("a", "1"), ("b", "2"), ("B", "1")):
        await database.write(table.create_alias, replace(LIVE, name=name, version=version))

    async def names(**which: Any) -> list[str]:
        return [alias.name for alias in await database.read(table.list_aliases, SCOPE, "f", **which)]

    assert await names() == ["B", "a", "b", "c"]
    assert await names(after="B", limit=2) == ["a", "b"]
    assert await names(version="1") == ["B", "a", "c"]
    assert await database.read(table.list_aliases, Scope("210987654321", "eu-west-1"), "f") == []


async def test_a_version_that_an_alias_refers_to_stays(database: Database) -> None:
    await database.write(table.create_alias, SPLIT)
    await database.write(table.create_alias, replace(SPLIT, name="b", version="2", routing=None))
    for version, names in (("1", "[live]"), ("2", "[b, live]")):
        with pytest.raises(ResourceConflict) as refused:
            await database.write(removals.delete_version, SCOPE, "f", version)
        assert str(refused.value).endswith(names)
    for name in ("live", "b", "never there"):
        await database.write(removals.delete_alias, SCOPE, "f", name)
    await database.write(removals.delete_version, SCOPE, "f", "1")
    assert await database.read(functions.find_version, SCOPE, "f", "1") is None
    with pytest.raises(ResourceNotFound):
        await database.write(removals.delete_version, SCOPE, "g", "1")


async def test_a_functions_aliases_go_with_it(database: Database) -> None:
    await database.write(table.create_alias, SPLIT)
    await database.write(functions.delete_function, SCOPE, "f")
    assert await found(database) is None


@pytest.mark.parametrize(
    ("name", "qualifier", "there", "version"),
    [
        ("f", None, Existence.THERE, LATEST),
        ("f", LATEST, Existence.THERE, LATEST),
        ("f", "2", Existence.THERE, "2"),
        ("f", "live", Existence.THERE, "1"),
        ("f", "4", Existence.NO_SUCH_VERSION, None),
        ("f", "$latest", Existence.NO_SUCH_VERSION, None),
        ("f", "$LATEST.PUBLISHED", Existence.NO_SUCH_VERSION, None),
        ("f", "dead", Existence.NO_SUCH_ALIAS, None),
        ("g", "live", Existence.NO_SUCH_FUNCTION, None),
    ],
)
async def test_a_qualifier_stands_for_a_version(
    database: Database, name: str, qualifier: str | None, there: Existence, version: str | None
) -> None:
    await database.write(table.create_alias, SPLIT)
    assert await database.read(qualified.existence, SCOPE, name, qualifier) is there
    resolved = await database.read(qualified.find_qualified, SCOPE, name, qualifier)
    assert (None if resolved is None else resolved.configuration.version) == version


async def test_resources_of_a_qualifier_name_the_columns_that_its_end_looks_for() -> None:
    for one in removals.QUALIFIED_TABLES:
        assert {"account", "region", "name", "qualifier"} <= set(one.c.keys())
        assert str(delete(one).where(one.c.qualifier == "1"))
