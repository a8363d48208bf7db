from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from lambent.core.arn import FunctionReference
from lambent.core.errors import InvalidParameterValue, ResourceConflict
from lambent.core.function import Code, FunctionConfiguration, FunctionRecord, FunctionSettings, LoggingSettings
from lambent.core.mappings.mapping import EventSourceMapping, MappingState, created, deleted, settled, updated
from lambent.core.mappings.settings import (
    NOTHING,
    AccessConfiguration,
    DestinationConfig,
    Filter,
    FilterCriteria,
    KafkaConfig,
    MappingSettings,
    SelfManagedEventSource,
)
from lambent.core.mappings.sources import EventSource, SourceKind
from lambent.core.scope import Scope
from lambent.store import event_source_mappings as table
from lambent.store import functions
from lambent.store.database import Database
from lambent.store.errors import StoreConflict
from lambent.store.migrations import control

SCOPE = Scope("123456789012", "eu-west-1")
FUNCTION = FunctionReference("f", None)
QUEUE = EventSource(SourceKind.SQS, "arn:aws:sqs:eu-west-1:123456789012:q")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    for name in ("f", "g"):
        settings = FunctionSettings("python3.13", "role", "h", LoggingSettings("/aws/lambda/f"))
        latest = FunctionConfiguration(SCOPE, name, "$LATEST", settings, Code("00" * 32, 1), 1, "r")
        await database.write(functions.insert_function, FunctionRecord(SCOPE, name), [latest])
    yield database
    database.close()


def mapping(
    uuid: str = "u1",
    *,
    source: EventSource = QUEUE,
    settings: MappingSettings = NOTHING,
    function: FunctionReference = FUNCTION,
    enabled: bool = True,
) -> EventSourceMapping:
    return created(
        SCOPE,
        uuid,
        function=function,
        source=source,
        settings=settings,
        enabled=enabled,
        now_ms=5,
        tags={"k": "v"},
    )


def kafka(uuid: str) -> EventSourceMapping:
    settings = MappingSettings(
        batch_size=7,
        starting_position_timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        filter_criteria=FilterCriteria((Filter('{"a":[1]}'),)),
        destination_config=DestinationConfig(),
        topics=("t1",),
        source_access_configurations=(AccessConfiguration("BASIC_AUTH", "arn"),),
        self_managed_event_source=SelfManagedEventSource({"KAFKA_BOOTSTRAP_SERVERS": ("h:1",)}),
        self_managed_kafka_event_source_config=KafkaConfig(uuid),
    )
    return mapping(uuid, source=EventSource(SourceKind.SELF_MANAGED_KAFKA), settings=settings)


async def find(database: Database, uuid: str = "u1") -> EventSourceMapping | None:
    return await database.read(table.find_mapping, SCOPE, uuid)


async def test_what_is_written_is_what_is_read(database: Database) -> None:
    for written in (mapping("u1", function=FunctionReference("f", "$LATEST")), kafka("u2")):
        await database.write(table.insert_mapping, written)
        assert await find(database, written.uuid) == written
    assert await database.read(table.find_mapping, Scope("123456789012", "us-east-1"), "u1") is None


async def test_a_function_that_went_meanwhile(database: Database) -> None:
    with pytest.raises(InvalidParameterValue, match="Function does not exist"):
        await database.write(table.insert_mapping, mapping(function=FunctionReference("missing", None)))
    with pytest.raises(InvalidParameterValue, match="Function does not exist"):
        await database.write(table.insert_mapping, mapping(function=FunctionReference("f", "alias")))


async def test_a_duplicate_is_found_by_comparison(database: Database) -> None:
    await database.write(table.insert_mapping, mapping())
    with pytest.raises(ResourceConflict, match="UUID u1"):
        await database.write(table.insert_mapping, mapping("u2"))
    other = mapping("u2", function=FunctionReference("g", None))
    await database.write(table.insert_mapping, other)
    with pytest.raises(ResourceConflict, match="UUID u1"):
        await database.write(table.replace_mapping, replace(other, function=FUNCTION), seen=other)
    assert await find(database, "u2") == other


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (mapping(), mapping("u2")),
        (kafka("u1"), replace(kafka("u2"), settings=replace(kafka("u1").settings, topics=("t2",)))),
    ],
)
async def test_a_duplicate_of_another_host_is_refused_by_the_database(
    database: Database, first: EventSourceMapping, second: EventSourceMapping
) -> None:
    """Two hosts may compare before either has written: a constraint decides."""
    await database.write(table.insert_mapping, first)
    with pytest.raises(StoreConflict):
        await database.write(
            lambda connection: connection.execute(insert(table.event_source_mappings).values(**table._to_row(second)))
        )


async def test_a_change_that_was_decided_on_an_older_one_is_not_written(database: Database) -> None:
    first = mapping()
    await database.write(table.insert_mapping, first)
    second = updated(first, function=FUNCTION, settings=MappingSettings(batch_size=5), enabled=False, now_ms=6)
    assert await database.write(table.replace_mapping, second, seen=first)
    assert not await database.write(table.replace_mapping, deleted(first), seen=first)
    assert await find(database) == second


async def test_a_change_leaves_what_others_write(database: Database) -> None:
    first = mapping()
    await database.write(table.insert_mapping, first)
    assert await database.write(table.replace_tags, SCOPE, "u1", {"other": "tag"})
    second = updated(first, function=FUNCTION, settings=NOTHING, enabled=True, now_ms=6)
    assert await database.write(table.replace_mapping, second, seen=first)
    assert await database.read(table.find_tags, SCOPE, "u1") == {"other": "tag"}


async def test_tags_of_what_is_not_there(database: Database) -> None:
    assert await database.read(table.find_tags, SCOPE, "u1") is None
    assert not await database.write(table.replace_tags, SCOPE, "u1", {})


async def test_transitions_end(database: Database) -> None:
    new, off, gone = (
        mapping("u1"),
        mapping("u2", function=FunctionReference("g", None), enabled=False),
        kafka("u3"),
    )
    for one in (new, off, gone):
        await database.write(table.insert_mapping, one)
    assert await database.write(table.replace_mapping, deleted(gone), seen=gone)
    unsettled = await database.read(table.unsettled_mappings)
    assert {one.uuid for one in unsettled} == {"u1", "u3"}
    await database.write(table.settle_mappings, unsettled)
    assert await find(database, "u1") == settled(new)
    assert await find(database, "u2") == off
    assert await find(database, "u3") is None
    assert off.state is MappingState.DISABLED
    assert await database.read(table.unsettled_mappings) == []
    assert await database.read(table.enabled_mappings) == [settled(new)]


async def test_what_has_changed_since_it_was_seen_stays_in_transition(database: Database) -> None:
    new = mapping("u1")
    await database.write(table.insert_mapping, new)
    seen = await database.read(table.unsettled_mappings)
    changed = deleted(new)
    assert await database.write(table.replace_mapping, changed, seen=new)
    await database.write(table.settle_mappings, seen)
    assert await find(database, "u1") == changed
