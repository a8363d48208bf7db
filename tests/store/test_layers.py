import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from lambent.core.function import (
    LATEST,
    Code,
    FunctionConfiguration,
    FunctionLayer,
    FunctionRecord,
    FunctionSettings,
    LoggingSettings,
    activated,
    updated,
)
from lambent.core.layers import LayerFilter, LayerReference, LayerVersion, LayerVersionReference, stack_digest
from lambent.core.policies import Policy
from lambent.core.scope import Scope
from lambent.store import functions
from lambent.store import layers as table
from lambent.store.database import Database
from lambent.store.errors import StoreConflict
from lambent.store.migrations import control

SCOPE = Scope("123456789012", "eu-west-1")
LAYER = LayerReference(SCOPE, "l")
EVERYBODY = Policy('{"Statement":[{"Sid":"s1"}]}', "r1")
ALL = LayerFilter()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    yield database
    database.close()


def maker(layer: LayerReference = LAYER, **more: object) -> Callable[[int], LayerVersion]:
    version = LayerVersion(
        scope=layer.scope,
        name=layer.name,
        version=0,
        description="d",
        code=Code("00" * 32, 10),
        unpacked_bytes=100,
        created_ms=1,
    )
    return lambda number: replace(version, version=number, **more)  # type: ignore[arg-type]


async def publish(database: Database, layer: LayerReference = LAYER, **more: object) -> LayerVersion:
    return await database.write(table.publish, layer, maker(layer, **more))


async def test_what_is_written_is_what_is_read(database: Database) -> None:
    written = await publish(database, compatible_runtimes=(), compatible_architectures=("x86_64",), license_info="MIT")
    found = await database.read(table.find_version, LayerVersionReference(SCOPE, "l", 1))
    assert found is not None
    assert found.layer_version == written
    assert found.policy is None


@pytest.mark.parametrize("number", [0, 2, 2**31, 10**30])
async def test_a_number_that_was_never_given_finds_nothing(database: Database, number: int) -> None:
    await publish(database)
    reference = LayerVersionReference(SCOPE, "l", number)
    assert await database.read(table.find_version, reference) is None
    await database.write(table.delete_version, reference)
    assert len(await database.read(table.list_versions, LAYER, ALL, before=None, limit=9)) == 1


async def test_numbers_are_never_used_again(database: Database) -> None:
    assert [(await publish(database)).version for _ in range(2)] == [1, 2]
    for number in (1, 2):
        await database.write(table.delete_version, LayerVersionReference(SCOPE, "l", number))
    assert await database.read(table.list_layers, SCOPE, ALL, after=None, limit=9) == []
    assert (await publish(database)).version == 3


async def test_each_of_many_publications_at_once_has_a_number_of_its_own(database: Database) -> None:
    versions = await asyncio.gather(*(publish(database) for _ in range(20)))
    assert sorted(version.version for version in versions) == list(range(1, 21))


async def test_layers_are_listed_by_name_with_their_newest_version(database: Database) -> None:
    for name in ("b", "a", "b", "c"):
        await publish(database, LayerReference(SCOPE, name))
    await publish(database, LayerReference(SCOPE._replace(region="us-east-1"), "elsewhere"))
    await publish(database, LayerReference(Scope("999999999999", "eu-west-1"), "b"))
    found = await database.read(table.list_layers, SCOPE, ALL, after=None, limit=2)
    assert [(version.name, version.version, version.scope) for version in found] == [("a", 1, SCOPE), ("b", 2, SCOPE)]
    rest = await database.read(table.list_layers, SCOPE, ALL, after="b", limit=2)
    assert [version.name for version in rest] == ["c"]


async def test_versions_are_listed_from_the_newest_on(database: Database) -> None:
    for _ in range(3):
        await publish(database)
    found = await database.read(table.list_versions, LAYER, ALL, before=None, limit=2)
    assert [version.version for version in found] == [3, 2]
    rest = await database.read(table.list_versions, LAYER, ALL, before=2, limit=2)
    assert [version.version for version in rest] == [1]


async def test_only_versions_that_say_that_they_match_are_found(database: Database) -> None:
    await publish(database, compatible_runtimes=("java8",), compatible_architectures=("arm64", "x86_64"))
    await publish(database, compatible_runtimes=("java8.al2",))
    await publish(database)

    async def found(wanted: LayerFilter) -> list[int]:
        versions = await database.read(table.list_versions, LAYER, wanted, before=None, limit=9)
        layers = await database.read(table.list_layers, SCOPE, wanted, after=None, limit=9)
        assert [version.version for version in layers] == [version.version for version in versions[:1]]
        return [version.version for version in versions]

    assert await found(LayerFilter("java8")) == [1]
    assert await found(LayerFilter("java8.al2")) == [2]
    assert await found(LayerFilter(architecture="x86_64")) == [1]
    assert await found(LayerFilter("java8.al2", "x86_64")) == []
    assert await found(ALL) == [3, 2, 1]


async def test_a_policy_is_replaced_only_where_nobody_was_faster(database: Database) -> None:
    await publish(database)
    reference = LayerVersionReference(SCOPE, "l", 1)
    assert not await database.write(table.replace_policy, reference, EVERYBODY, seen_revision="r0")
    assert await database.write(table.replace_policy, reference, EVERYBODY, seen_revision=None)
    assert not await database.write(table.replace_policy, reference, None, seen_revision=None)
    found = await database.read(table.find_version, reference)
    assert found is not None
    assert found.policy == EVERYBODY
    assert await database.write(table.replace_policy, reference, None, seen_revision="r1")
    found = await database.read(table.find_version, reference)
    assert found is not None
    assert found.policy is None


async def test_a_layer_is_made_once(database: Database) -> None:
    """What the second of two who make it at once is told, on a database that has several writers."""
    await publish(database)

    def insert_again(connection: Connection) -> None:
        connection.execute(
            insert(table.layers).values(account=SCOPE.account, region=SCOPE.region, name="l", last_version=1)
        )

    with pytest.raises(StoreConflict):
        await database.write(insert_again)


async def test_layer_versions_count_as_code(database: Database) -> None:
    for _ in range(2):
        await publish(database)
    await publish(database, LayerReference(SCOPE._replace(region="us-east-1"), "l"))
    assert (await database.read(functions.account_usage, SCOPE)).total_code_size == 20
    await database.write(table.delete_version, LayerVersionReference(SCOPE, "l", 1))
    assert (await database.read(functions.account_usage, SCOPE)).total_code_size == 10


def layer_of(digit: str) -> FunctionLayer:
    return FunctionLayer(f"arn:{digit}", digit * 64, 10, 100)


async def test_layers_of_functions_are_in_use_after_they_were_deleted(database: Database) -> None:
    """Those of the settings, those that still run while an update is under way, and the stacks they come to."""
    await publish(database, code=Code("f" * 64, 10))
    running, coming = (layer_of("1"), layer_of("2")), (layer_of("3"),)
    settings = FunctionSettings(
        runtime="python3.13",
        role="role",
        handler="index.handler",
        logging=LoggingSettings(log_group="g"),
        layers=running,
    )
    created = FunctionConfiguration(
        scope=SCOPE,
        function_name="f",
        version=LATEST,
        settings=settings,
        code=Code("0" * 64, 7),
        last_modified_ms=1,
        revision_id="r1",
    )
    active = activated(created, revision_id="r2")
    changed = updated(active, settings=replace(settings, layers=coming), code=created.code, now_ms=2, revision_id="r3")
    await database.write(insert_function, changed)
    found = await database.read(functions.find_version, SCOPE, "f")
    assert found is not None
    assert found.configuration == changed
    assert await database.read(functions.code_in_use) == {
        *(digit * 64 for digit in "0123f"),
        stack_digest(["1" * 64, "2" * 64]),
    }


def insert_function(connection: Connection, configuration: FunctionConfiguration) -> None:
    functions.insert_function(connection, FunctionRecord(scope=SCOPE, function_name="f"), [configuration])
