from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine
from sqlalchemy.schema import CreateTable

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
from lambent.store import functions as table
from lambent.store import removals
from lambent.store.database import Database
from lambent.store.errors import StoreConflict
from lambent.store.migrations import control
from lambent.store.tables import control_schema

SCOPE = Scope("123456789012", "eu-west-1")
OTHER_REGION = Scope("123456789012", "us-east-1")
SETTINGS = FunctionSettings(
    runtime="python3.13",
    role="role",
    handler="index.handler",
    logging=LoggingSettings(
        log_group="group", log_format="JSON", application_log_level="INFO", system_log_level="WARN"
    ),
    description="é",
    environment={"B": "1", "A": "2"},
)


def latest(name: str = "f", scope: Scope = SCOPE, size: int = 100) -> FunctionConfiguration:
    return FunctionConfiguration(
        scope=scope,
        function_name=name,
        version=LATEST,
        settings=SETTINGS,
        code=Code(sha256="00" * 32, size=size),
        last_modified_ms=1_700_000_000_123,
        revision_id="r1",
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    yield opened
    opened.close()


async def insert(database: Database, *versions: FunctionConfiguration, tags: dict[str, str] | None = None) -> None:
    record = FunctionRecord(scope=versions[0].scope, function_name=versions[0].function_name, tags=tags or {})
    await database.write(table.insert_function, record, versions)


async def publish(database: Database, configuration: FunctionConfiguration) -> FunctionConfiguration | None:
    return await database.write(
        table.publish,
        configuration,
        seen_revision=configuration.revision_id,
        make_version=lambda number: replace(configuration, version=number, published_from="fingerprint"),
    )


def test_the_migrations_make_the_tables_that_are_declared(tmp_path: Path) -> None:
    def tables(url: str) -> set[str]:
        engine = create_engine(url)
        try:
            with engine.connect() as connection:
                names = [table.functions.name, table.function_versions.name]
                made = MetaData()
                made.reflect(connection, only=names)
                return {str(CreateTable(made.tables[name])) for name in names}
        finally:
            engine.dispose()

    migrated, declared = f"sqlite:///{tmp_path / 'migrated.db'}", f"sqlite:///{tmp_path / 'declared.db'}"
    Database.open(migrated, control).close()
    engine = create_engine(declared)
    control_schema.create_all(engine, [table.functions, table.function_versions])
    engine.dispose()
    assert tables(migrated) == tables(declared)


@pytest.mark.parametrize("configuration", [latest(), activated(latest(), revision_id="r2")])
async def test_what_is_written_is_what_is_read(database: Database, configuration: FunctionConfiguration) -> None:
    await insert(database, configuration, tags={"key": "value"})
    found = await database.read(table.find_version, SCOPE, "f")
    assert found is not None
    assert found.configuration == configuration
    assert list(found.configuration.settings.environment or {}) == ["B", "A"]
    assert found.function == FunctionRecord(scope=SCOPE, function_name="f", tags={"key": "value"})


async def test_a_name_is_taken_once_in_a_scope(database: Database) -> None:
    await insert(database, latest())
    await insert(database, latest(scope=OTHER_REGION))
    with pytest.raises(StoreConflict):
        await insert(database, latest())


async def test_a_row_is_replaced_only_where_nobody_was_faster(database: Database) -> None:
    await insert(database, latest())
    changed = replace(latest(), revision_id="r2")
    assert await database.write(table.replace_configuration, changed, seen_revision="r1")
    assert not await database.write(table.replace_configuration, changed, seen_revision="r1")


async def test_version_numbers_ascend_and_are_not_used_again(database: Database) -> None:
    await insert(database, latest())
    for _ in range(2):
        await publish(database, latest())
    await database.write(removals.delete_version, SCOPE, "f", "2")
    third = await publish(database, latest())
    assert third is not None
    assert third.version == "3"
    newest = await database.read(table.newest_version, SCOPE, "f")
    assert newest == third
    versions = await database.read(table.list_versions, SCOPE, "f", after=None, limit=10)
    assert [version.version for version in versions] == [LATEST, "1", "3"]


async def test_publishing_what_was_changed_meanwhile_adds_nothing(database: Database) -> None:
    await insert(database, latest())
    assert await publish(database, replace(latest(), revision_id="stale")) is None
    assert await database.read(table.newest_version, SCOPE, "f") is None


@pytest.mark.parametrize("version", ["1", "01", "9" * 40])
async def test_a_number_that_was_never_given_finds_nothing(database: Database, version: str) -> None:
    await insert(database, latest())
    assert await database.read(table.find_version, SCOPE, "f", version) is None


async def test_a_function_is_deleted_with_its_versions(database: Database) -> None:
    await insert(database, latest(), replace(latest(), version="1"))
    assert await database.write(table.delete_function, SCOPE, "f")
    assert not await database.write(table.delete_function, SCOPE, "f")
    assert await database.read(table.all_versions, SCOPE, "f") == []
    assert await database.read(table.newest_version, SCOPE, "missing") is None


async def test_lists_are_cut_and_stay_in_their_scope(database: Database) -> None:
    for name in ("b", "a"):
        await insert(database, latest(name), replace(latest(name), version="1"))
    await insert(database, latest("a", OTHER_REGION))

    async def listed(after: tuple[str, int] | None, *, every_version: bool) -> list[tuple[str, str]]:
        found = await database.read(table.list_functions, SCOPE, every_version=every_version, after=after, limit=3)
        return [(one.function_name, one.version) for one in found]

    assert await listed(None, every_version=False) == [("a", LATEST), ("b", LATEST)]
    assert await listed(("a", 0), every_version=False) == [("b", LATEST)]
    assert await listed(None, every_version=True) == [("a", LATEST), ("a", "1"), ("b", LATEST)]
    assert await listed(("b", 0), every_version=True) == [("b", "1")]


async def test_unsettled_versions_of_every_account_are_found(database: Database) -> None:
    active = activated(latest("active"), revision_id="r2")
    updating = updated(
        activated(latest("updating"), revision_id="r2"),
        settings=SETTINGS,
        code=Code(sha256="11" * 32, size=1),
        now_ms=1,
        revision_id="r3",
    )
    for configuration in (active, updating, latest("pending", OTHER_REGION)):
        await insert(database, configuration)
    unsettled = await database.read(table.unsettled_versions)
    assert {one.function_name for one in unsettled} == {"updating", "pending"}
    assert await database.read(table.code_in_use) == {"00" * 32, "11" * 32}


async def test_each_version_counts_as_code(database: Database) -> None:
    await insert(database, latest(size=100), replace(latest(size=100), version="1"))
    await insert(database, latest("g", size=5))
    assert tuple(await database.read(table.account_usage, SCOPE)) == (2, 205)
    assert tuple(await database.read(table.account_usage, OTHER_REGION)) == (0, 0)
