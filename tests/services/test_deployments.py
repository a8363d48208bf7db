"""A write of a function: what the view says before, during and after it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.core.errors import ResourceConflict
from lambent.core.scope import Scope
from lambent.services.catalogue_view import CatalogueView
from lambent.services.deployments import Deployments
from lambent.services.folders import Folders
from lambent.store.database import Database
from lambent.store.migrations import control

SCOPE = Scope("123456789012", "eu-west-1")


class Fleet:
    def __init__(self) -> None:
        self.retired = asyncio.Event()

    def retire(self, scope: Scope, name: str, *, keep: object) -> None:
        self.retired.set()


@pytest.fixture
def view(tmp_path: Path) -> Iterator[CatalogueView]:
    database = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    folders = Folders(allowed=None, data_directory=tmp_path, on_changed=lambda scope, name: None)
    yield CatalogueView(database=database, folders=folders)
    database.close()


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def deployments(view: CatalogueView, fleet: Fleet, tmp_path: Path) -> Deployments:
    folders = Folders(allowed=None, data_directory=tmp_path, on_changed=lambda scope, name: None)
    return Deployments(view=view, folders=folders, fleet=fleet)


async def test_a_write_that_its_caller_gave_up_is_finished_and_told(
    view: CatalogueView, deployments: Deployments, fleet: Fleet
) -> None:
    may_end = asyncio.Event()
    written = []

    async def write() -> None:
        await may_end.wait()
        written.append("all of it")

    caller = asyncio.get_running_loop().create_task(deployments.change(SCOPE, "f", write()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert view._changing
    may_end.set()
    await fleet.retired.wait()
    assert written == ["all of it"]
    assert not view._changing


async def test_a_write_that_failed_ends_nothing(view: CatalogueView, deployments: Deployments, fleet: Fleet) -> None:
    async def write() -> None:
        raise ResourceConflict("Somebody was faster.")

    with pytest.raises(ResourceConflict):
        await deployments.change(SCOPE, "f", write())
    assert not view._changing
    assert not fleet.retired.is_set()
