"""What the real server can't be made to show: a database that fails while states are written."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from lambent.clock import Clock
from lambent.ids import IdMaker
from lambent.services import event_source_mappings
from lambent.services.event_source_mappings import EventSourceMappings
from lambent.store.errors import StoreFull


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


async def test_states_are_written_when_the_disk_has_space_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_source_mappings, "_STORE_BACK_OFF_SECONDS", 0)
    database: Any = FullAtFirst()
    mappings = EventSourceMappings(database=database, probe=None, clock=Clock(), ids=IdMaker())  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(mappings.run())
        await database.written.wait()
        running.cancel()
    assert database.writes == ["settle_mappings", "settle_mappings"]
    assert "could not be written" in caplog.text
