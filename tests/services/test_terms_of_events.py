"""What the queue of asynchronous invocations goes by, read once and forgotten when anything changes."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambent.core.aliases import Alias
from lambent.core.deliveries import EventTerms
from lambent.core.event_invoke_configs import Destinations, EventInvokeConfig
from lambent.core.function import (
    LATEST,
    FunctionRecord,
    activated,
)
from lambent.core.retry import RetryPolicy
from lambent.services.catalogue_view import CatalogueView
from lambent.services.event_invoke_configs import TermsOfEvents
from lambent.services.folders import Folders
from lambent.store.aliases import create_alias
from lambent.store.database import Database
from lambent.store.event_invoke_configs import put_config
from lambent.store.events import Event
from lambent.store.functions import insert_function
from lambent.store.migrations import control
from tests.one_function import CREATED, SCOPE

ONCE = EventTerms(RetryPolicy(maximum_retry_attempts=0))
LETTERS = "arn:aws:sqs:eu-west-1:123456789012:letters"


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
    versions = [activated(CREATED, revision_id="r1")]
    await opened.write(insert_function, FunctionRecord(scope=SCOPE, function_name="f"), versions)
    yield Counted(opened)
    opened.close()


@pytest.fixture
def view(store: Counted, tmp_path: Path) -> CatalogueView:
    folders = Folders(allowed=None, data_directory=tmp_path, on_changed=lambda scope, name: None)
    return CatalogueView(database=store.database, folders=folders)


@pytest.fixture
def terms_of(store: Counted, view: CatalogueView) -> TermsOfEvents:
    return TermsOfEvents(database=store, view=view)  # type: ignore[arg-type]  # the one method that is called


def event(qualifier: str | None = None) -> Event:
    return Event(SCOPE, "f", qualifier, "r", b"{}", 0)


async def put(store: Counted, qualifier: str = LATEST) -> None:
    await store.database.write(put_config, EventInvokeConfig(SCOPE, "f", qualifier, 1, maximum_retry_attempts=0))


async def test_the_defaults_are_awss(terms_of: TermsOfEvents) -> None:
    assert await terms_of(event()) == EventTerms(RetryPolicy(2, 21_600), Destinations(), "")


async def test_no_qualifier_is_latest(store: Counted, terms_of: TermsOfEvents) -> None:
    await put(store)
    assert await terms_of(event()) == await terms_of(event(LATEST)) == ONCE
    assert await terms_of(event("1")) == EventTerms()


async def test_it_is_read_once(store: Counted, terms_of: TermsOfEvents) -> None:
    for _ in range(3):
        await terms_of(event())
    assert store.reads == 1


async def test_a_change_is_seen(store: Counted, view: CatalogueView, terms_of: TermsOfEvents) -> None:
    assert await terms_of(event()) == EventTerms()
    view.begin_change(SCOPE, "f")
    assert await terms_of(event()) == EventTerms()
    await put(store)
    view.end_change(SCOPE, "f")
    assert await terms_of(event()) == ONCE


async def test_what_a_change_overtook_is_not_kept(store: Counted, view: CatalogueView, terms_of: TermsOfEvents) -> None:
    store.during = lambda: view.invalidate(SCOPE, "f")
    await terms_of(event())
    store.during = lambda: None
    await terms_of(event())
    await terms_of(event())
    assert store.reads == 2


async def test_an_alias_has_the_dead_letter_queue_of_its_version_and_destinations_of_its_own(
    store: Counted, terms_of: TermsOfEvents, view: CatalogueView
) -> None:
    with_letters = replace(CREATED, function_name="g", settings=replace(CREATED.settings, dead_letter_target=LETTERS))
    versions = [with_letters, replace(with_letters, version="1")]
    await store.database.write(insert_function, FunctionRecord(scope=SCOPE, function_name="g"), versions)
    await store.database.write(create_alias, Alias(SCOPE, "g", "live", "1", "", "r"))
    config = EventInvokeConfig(SCOPE, "g", "live", 1, destinations=Destinations(on_failure=LETTERS))
    await store.database.write(put_config, config)
    live, first = [await terms_of(replace(event(qualifier), function_name="g")) for qualifier in ("live", "1")]
    assert live == EventTerms(RetryPolicy(), Destinations(on_failure=LETTERS), LETTERS)
    assert first == EventTerms(dead_letter_target=LETTERS)
