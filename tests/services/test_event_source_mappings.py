"""What the real server can't be made to show: a database that fails, and another host that is first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from lambent.clock import Clock
from lambent.core.arn import FunctionReference
from lambent.core.errors import ResourceConflict, ResourceInUse
from lambent.core.function import Code, FunctionConfiguration, FunctionRecord, FunctionSettings, LoggingSettings
from lambent.core.mappings.mapping import MappingState
from lambent.core.mappings.settings import MappingSettings
from lambent.core.mappings.sources import EventSource
from lambent.core.scope import Scope
from lambent.ids import IdMaker
from lambent.services import event_source_mappings
from lambent.services.event_source_mappings import EventSourceMappings, MappingUpdate, NewMapping
from lambent.store import event_source_mappings as table
from lambent.store import functions
from lambent.store.database import Database
from lambent.store.errors import StoreConflict, StoreFull
from lambent.store.migrations import control

SCOPE = Scope("123456789012", "eu-west-1")
NEW = NewMapping(FunctionReference("f", None), "arn:aws:sqs:eu-west-1:123456789012:q", MappingSettings())


class AnySource:
    """Every event source is there."""

    async def check(self, source: EventSource, *, function_timeout_seconds: int) -> None:
        """Nothing is wrong with it."""


class FullAtFirst:
    """A database whose first write fails."""

    def __init__(self) -> None:
        self.writes: list[str] = []
        self.written = asyncio.Event()

    async def write(self, unit: Callable[..., Any], *_: object) -> int:
        self.writes.append(unit.__name__)
        if len(self.writes) == 1:
            raise StoreFull("no space left")
        self.written.set()
        return 1


class Raced:
    """A database on which somebody else does something right before the next write."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.refuses = False
        self.read = database.read

    async def write(self, unit: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
            if self.refuses:
                raise StoreConflict("a constraint")
        return await self._database.write(unit, *arguments, **named)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    for name in ("f", "g"):
        settings = FunctionSettings("python3.13", "role", "h", LoggingSettings("/aws/lambda/f"))
        latest = FunctionConfiguration(SCOPE, name, "$LATEST", settings, Code("00" * 32, 1), 1, "r")
        await database.write(functions.insert_function, FunctionRecord(SCOPE, name), [latest])
    yield database
    database.close()


def use_cases(database: Any) -> EventSourceMappings:
    return EventSourceMappings(database=database, probe=AnySource(), clock=Clock(), ids=IdMaker())


async def test_states_are_written_when_the_disk_has_space_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_source_mappings, "_STORE_BACK_OFF_SECONDS", 0)
    database = FullAtFirst()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(use_cases(database).run())
        await database.written.wait()
        running.cancel()
    assert database.writes == ["settle_mappings", "settle_mappings"]
    assert "could not be written" in caplog.text


async def test_a_mapping_that_another_host_made_first_is_named(database: Database) -> None:
    other, raced = use_cases(database), Raced(database)
    mine = use_cases(raced)
    raced.meanwhile, raced.refuses = lambda: other.create(SCOPE, NEW), True
    with pytest.raises(ResourceConflict) as raised:
        await mine.create(SCOPE, NEW)
    (made,) = await other.list_mappings(SCOPE, function=None, source_arn=None, after=None, limit=9)
    assert made.uuid in str(raised.value.message)


async def test_a_function_that_another_host_gave_the_source_to_first(database: Database) -> None:
    other, raced = use_cases(database), Raced(database)
    mine = use_cases(raced)
    made = await mine.create(SCOPE, NEW)
    await database.write(table.settle_mappings)
    to_g = FunctionReference("g", None)
    raced.meanwhile = lambda: other.create(SCOPE, NewMapping(to_g, NEW.source_arn, MappingSettings()))
    raced.refuses = True
    with pytest.raises(ResourceConflict):
        await mine.update(SCOPE, MappingUpdate(made.uuid, to_g, MappingSettings()))
    assert (await mine.get(SCOPE, made.uuid)).function == NEW.function


async def test_a_change_is_decided_again_when_somebody_was_faster(database: Database) -> None:
    other, raced = use_cases(database), Raced(database)
    mine = use_cases(raced)
    made = await mine.create(SCOPE, NEW)
    await database.write(table.settle_mappings)

    async def change_and_settle() -> None:
        await other.update(SCOPE, MappingUpdate(made.uuid, None, MappingSettings(batch_size=5)))
        await database.write(table.settle_mappings)

    raced.meanwhile = change_and_settle
    off = await mine.update(SCOPE, MappingUpdate(made.uuid, None, MappingSettings(), enabled=False))
    assert off.settings.batch_size == 5
    assert off.state is MappingState.DISABLING
    await database.write(table.settle_mappings)
    raced.meanwhile = change_and_settle
    assert (await mine.delete(SCOPE, made.uuid)).state is MappingState.DELETING


async def test_what_is_in_transition_by_then_is_in_use(database: Database) -> None:
    other, raced = use_cases(database), Raced(database)
    mine = use_cases(raced)
    made = await mine.create(SCOPE, NEW)
    await database.write(table.settle_mappings)
    raced.meanwhile = lambda: other.delete(SCOPE, made.uuid)
    with pytest.raises(ResourceInUse):
        await mine.update(SCOPE, MappingUpdate(made.uuid, None, MappingSettings(batch_size=5)))
