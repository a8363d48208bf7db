"""What the queue of asynchronous invocations goes by, read once and forgotten when anything changes."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from lambent.core.event_invoke_configs import EventInvokeConfig
from lambent.core.function import (
    LATEST,
    Code,
    FunctionConfiguration,
    FunctionRecord,
    FunctionSettings,
    LoggingSettings,
    activated,
)
from lambent.core.retry import RetryPolicy
from lambent.core.scope import Scope
from lambent.services.catalogue_view import CatalogueView
from lambent.services.event_invoke_configs import RetryPolicies
from lambent.services.folders import Folders
from lambent.store.database import Database
from lambent.store.event_invoke_configs import put_config
from lambent.store.events import Event
from lambent.store.functions import insert_function
from lambent.store.migrations import control

SCOPE = Scope("123456789012", "eu-west-1")
FUNCTION = FunctionConfiguration(
    scope=SCOPE,
    function_name="f",
    version=LATEST,
    settings=FunctionSettings(
        runtime="python3.13", role="role", handler="index.handler", logging=LoggingSettings(log_group="group")
    ),
    code=Code(sha256="00" * 32, size=100),
    last_modified_ms=1,
    revision_id="r1",
)
ONCE = RetryPolicy(maximum_retry_attempts=0)


class Counted:
    """The database, and how often it was read; `during` happens in the middle of a read."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.reads = 0
        self.during: Callable[[], None] = lambda: None

    async def read(self, *work: Any) -> Any:
        self.reads += 1
        answer = await self.database.read(*work)
        self.during()
        return answer


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Counted]:
    opened = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    versions = [activated(FUNCTION, revision_id="r1")]
    await opened.write(insert_function, FunctionRecord(scope=SCOPE, function_name="f"), versions)
    yield Counted(opened)
    opened.close()


@pytest.fixture
def view(store: Counted, tmp_path: Path) -> CatalogueView:
    folders = Folders(allowed=None, data_directory=tmp_path, on_changed=lambda scope, name: None)
    return CatalogueView(database=store.database, folders=folders)


@pytest.fixture
def policies(store: Counted, view: CatalogueView) -> RetryPolicies:
    return RetryPolicies(database=store, view=view)  # type: ignore[arg-type]  # the one method that is called


def event(qualifier: str | None = None) -> Event:
    return Event(SCOPE, "f", qualifier, "r", b"{}", 0)


async def put(store: Counted, qualifier: str = LATEST) -> None:
    await store.database.write(put_config, EventInvokeConfig(SCOPE, "f", qualifier, 1, maximum_retry_attempts=0))


async def test_the_defaults_are_awss(policies: RetryPolicies) -> None:
    assert await policies(event()) == RetryPolicy(maximum_retry_attempts=2, maximum_event_age_seconds=21_600)


async def test_no_qualifier_is_latest(store: Counted, policies: RetryPolicies) -> None:
    await put(store)
    assert await policies(event()) == await policies(event(LATEST)) == ONCE
    assert await policies(event("1")) == RetryPolicy()


async def test_it_is_read_once(store: Counted, policies: RetryPolicies) -> None:
    for _ in range(3):
        await policies(event())
    assert store.reads == 1


async def test_a_change_is_seen(store: Counted, view: CatalogueView, policies: RetryPolicies) -> None:
    assert await policies(event()) == RetryPolicy()
    view.begin_change(SCOPE, "f")
    assert await policies(event()) == RetryPolicy()
    await put(store)
    view.end_change(SCOPE, "f")
    assert await policies(event()) == ONCE


async def test_what_a_change_overtook_is_not_kept(store: Counted, view: CatalogueView, policies: RetryPolicies) -> None:
    store.during = lambda: view.invalidate(SCOPE, "f")
    await policies(event())
    store.during = lambda: None
    await policies(event())
    await policies(event())
    assert store.reads == 2
