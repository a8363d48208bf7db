"""What functions set aside of their account, in a real database."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.core.aliases import Alias
from lambent.core.concurrency import AccountLimits, UnreservedBelowMinimum
from lambent.core.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from lambent.core.provisioned import ProvisionedConfig
from lambent.core.scope import Scope
from lambent.store import aliases, functions, removals
from lambent.store import concurrency as table
from lambent.store.database import Database
from lambent.store.migrations import control
from tests.store.test_functions import OTHER_REGION, SCOPE, insert, latest

LIMITS = AccountLimits()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    yield opened
    opened.close()


async def reserve(database: Database, name: str, reserved: int | None, scope: Scope = SCOPE) -> bool:
    return await database.write(table.reserve_concurrency, scope, name, reserved=reserved, limits=LIMITS)


async def put(database: Database, qualifier: str, requested: int, name: str = "a", asked_ms: int = 1) -> None:
    config = ProvisionedConfig(SCOPE, name, qualifier, requested, asked_ms)
    await database.write(table.put_provisioned, config, limits=LIMITS)


async def published(database: Database, name: str, *numbers: str) -> None:
    first = latest(name)
    await insert(database, first, *(replace(first, version=number) for number in numbers))


async def test_reservations_share_what_can_be_reserved(database: Database) -> None:
    for name in ("a", "b"):
        await insert(database, latest(name))
    await insert(database, latest("a", OTHER_REGION))
    assert await reserve(database, "a", 600)
    with pytest.raises(UnreservedBelowMinimum):
        await reserve(database, "b", 301)
    assert await reserve(database, "b", 300)
    assert await reserve(database, "a", 600)
    assert not await reserve(database, "missing", 1)
    assert await reserve(database, "a", 900, OTHER_REGION)
    assert await reserve(database, "a", None)
    assert set(await database.read(table.reservations)) == {(SCOPE, "b", 300), (OTHER_REGION, "a", 900)}
    assert await database.read(table.claimed_concurrency, SCOPE) == 300


async def test_a_function_claims_the_larger_of_what_is_reserved_and_what_is_provisioned(database: Database) -> None:
    await published(database, "a", "1", "2")
    await put(database, "1", 10)
    await put(database, "2", 20)
    assert await database.read(table.claimed_concurrency, SCOPE) == 30
    await reserve(database, "a", 40)
    assert await database.read(table.claimed_concurrency, SCOPE) == 40
    assert await database.read(table.claimed_concurrency, OTHER_REGION) == 0


async def test_what_is_refused_changes_nothing(database: Database) -> None:
    await published(database, "a", "1")
    await put(database, "1", 10)
    with pytest.raises(InvalidParameterValue):
        await put(database, "1", 901, asked_ms=2)
    with pytest.raises(ResourceNotFound):
        await put(database, "2", 1)
    with pytest.raises(InvalidParameterValue):
        await reserve(database, "a", 9)
    found = await database.read(table.provisioned_function, SCOPE, "a")
    assert found.configs == [ProvisionedConfig(SCOPE, "a", "1", 10, 1)]
    assert await database.read(table.reservations) == []


async def test_a_config_ends_with_what_it_belongs_to(database: Database) -> None:
    await published(database, "a", "1", "2")
    await database.write(aliases.create_alias, Alias(SCOPE, "a", "live", "2", "", "r"))
    await put(database, "1", 1)
    await put(database, "live", 2)
    with pytest.raises(ResourceConflict):
        await put(database, "2", 1)
    assert await database.read(table.provisioned_functions) == [(SCOPE, "a")]
    await database.write(removals.delete_version, SCOPE, "a", "1")
    await database.write(removals.delete_alias, SCOPE, "a", "live")
    found = await database.read(table.provisioned_function, SCOPE, "a")
    assert (found.configs, found.aliases, found.versions) == ([], [], [])
    await put(database, "2", 1)
    await database.write(functions.delete_function, SCOPE, "a")
    assert await database.read(table.provisioned_functions) == []
