"""What the real server can't be made to show: a database that fails, and another host that is first."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambent.clock import Clock
from lambent.core.arn import FunctionReference
from lambent.core.errors import ResourceConflict, ResourceInUse
from lambent.core.function import Code, FunctionConfiguration, FunctionRecord, FunctionSettings, LoggingSettings
from lambent.core.mappings.mapping import SETTLED, EventSourceMapping, MappingState
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


class NoSources:
    """Reads nothing, and knows what it should."""

    def __init__(self) -> None:
        self.told: list[tuple[str, MappingState, bool]] = []

    def follow(self, mapping: EventSourceMapping, *, reads: bool) -> None:
        self.told.append((mapping.uuid, mapping.state, reads))


class FullAtFirst:
    """A database whose first write fails."""

    def __init__(self, database: Database) -> None:
        self.read = database.read
        self._database = database
        self.writes: list[str] = []
        self.written = asyncio.Event()

    async def write(self, unit: Callable[..., Any], *arguments: Any) -> Any:
        self.writes.append(unit.__name__)
        if len(self.writes) == 1:
            raise StoreFull("no space left")
        answer = await self._database.write(unit, *arguments)
        self.written.set()
        return answer


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


def use_cases(database: Any, sources: NoSources | None = None) -> EventSourceMappings:
    return EventSourceMappings(
        database=database, probe=AnySource(), sources=sources or NoSources(), clock=Clock(), ids=IdMaker()
    )


async def settle(database: Database) -> None:
    """Finish what is in transition."""
    await database.write(table.settle_mappings, await database.read(table.unsettled_mappings))


@contextlib.asynccontextmanager
async def running(database: Database, sources: NoSources) -> AsyncIterator[EventSourceMappings]:
    """Mappings that are settled."""
    mappings = use_cases(database, sources)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(mappings.run())
        yield mappings
        task.cancel()


async def settled(mappings: EventSourceMappings, uuid: str) -> EventSourceMapping:
    """A mapping once it is in no transition."""
    while (found := await mappings.get(SCOPE, uuid)).state not in SETTLED:
        await asyncio.sleep(0)
    return found


async def test_states_are_written_when_the_disk_has_space_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_source_mappings, "_STORE_BACK_OFF_SECONDS", 0)
    made = await use_cases(database).create(SCOPE, NEW)
    full = FullAtFirst(database)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(use_cases(full).run())
        await full.written.wait()
        task.cancel()
    assert full.writes == ["settle_mappings", "settle_mappings"]
    assert "could not be written" in caplog.text
    assert (await use_cases(database).get(SCOPE, made.uuid)).state is MappingState.ENABLED


async def test_a_source_is_read_before_its_mapping_is_enabled(database: Database) -> None:
    sources = NoSources()
    async with running(database, sources) as mappings:
        made = await mappings.create(SCOPE, NEW)
        assert (await settled(mappings, made.uuid)).state is MappingState.ENABLED
        assert sources.told == [(made.uuid, MappingState.CREATING, True)]
        await mappings.update(SCOPE, MappingUpdate(made.uuid, None, MappingSettings(), enabled=False))
        assert (await settled(mappings, made.uuid)).state is MappingState.DISABLED
        assert sources.told[1:] == [(made.uuid, MappingState.DISABLING, False)]
        await mappings.update(SCOPE, MappingUpdate(made.uuid, None, MappingSettings(batch_size=2)))
        await settled(mappings, made.uuid)
        assert sources.told[2:] == [(made.uuid, MappingState.UPDATING, False)]
        await mappings.update(SCOPE, MappingUpdate(made.uuid, None, MappingSettings(), enabled=True))
        await settled(mappings, made.uuid)
        await mappings.delete(SCOPE, made.uuid)
        while await database.read(table.find_mapping, SCOPE, made.uuid):
            await asyncio.sleep(0)
        assert sources.told[3:] == [(made.uuid, MappingState.ENABLING, True), (made.uuid, MappingState.DELETING, False)]


async def test_a_server_that_starts_reads_what_was_enabled(database: Database) -> None:
    before = use_cases(database)
    enabled = await before.create(SCOPE, NEW)
    await settle(database)
    disabled = await before.create(SCOPE, replace(NEW, function=FunctionReference("g", None), enabled=False))
    sources = NoSources()
    async with running(database, sources) as mappings:
        deleted = await mappings.delete(SCOPE, disabled.uuid)
        while await database.read(table.find_mapping, SCOPE, deleted.uuid):
            await asyncio.sleep(0)
    assert sources.told[0] == (enabled.uuid, MappingState.ENABLED, True)
    assert (disabled.uuid, MappingState.DELETING, False) in sources.told


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
    await settle(database)
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
    await settle(database)

    async def change_and_settle() -> None:
        await other.update(SCOPE, MappingUpdate(made.uuid, None, MappingSettings(batch_size=5)))
        await settle(database)

    raced.meanwhile = change_and_settle
    off = await mine.update(SCOPE, MappingUpdate(made.uuid, None, MappingSettings(), enabled=False))
    assert off.settings.batch_size == 5
    assert off.state is MappingState.DISABLING
    await settle(database)
    raced.meanwhile = change_and_settle
    assert (await mine.delete(SCOPE, made.uuid)).state is MappingState.DELETING


async def test_what_is_in_transition_by_then_is_in_use(database: Database) -> None:
    other, raced = use_cases(database), Raced(database)
    mine = use_cases(raced)
    made = await mine.create(SCOPE, NEW)
    await settle(database)
    raced.meanwhile = lambda: other.delete(SCOPE, made.uuid)
    with pytest.raises(ResourceInUse):
        await mine.update(SCOPE, MappingUpdate(made.uuid, None, MappingSettings(batch_size=5)))
