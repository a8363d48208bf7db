"""Units of work on a real SQLite file."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from lambent.store.database import Database
from lambent.store.errors import StoreConflict, StoreFull, StoreOverloaded, StoreUnavailable
from lambent.store.migrations import queue


def create_table(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE stones (name TEXT NOT NULL PRIMARY KEY)"))


def add_stone(connection: Connection, name: str) -> None:
    connection.execute(text("INSERT INTO stones VALUES (:name)"), {"name": name})


def stones(connection: Connection) -> list[str]:
    return list(connection.scalars(text("SELECT name FROM stones ORDER BY name")))


@pytest.fixture
async def database(tmp_path: Path) -> Iterator[Database]:  # type: ignore[misc]  # pytest-asyncio's generator
    database = Database.open(f"sqlite:///{tmp_path}/test.db", queue)
    await database.write(create_table)
    yield database
    database.close()


async def test_a_write_is_on_disk_when_it_returns(database: Database, tmp_path: Path) -> None:
    await database.write(add_stone, "flint")
    with closing(sqlite3.connect(tmp_path / "test.db")) as other_program:
        assert other_program.execute("SELECT name FROM stones").fetchall() == [("flint",)]


async def test_a_read_sees_every_write_that_has_returned(database: Database) -> None:
    for number in range(20):
        await database.write(add_stone, f"{number:02}")
        assert len(await database.read(stones)) == number + 1


async def test_concurrent_writes_all_happen_one_after_the_other(database: Database) -> None:
    await asyncio.gather(*(database.write(add_stone, f"{number:02}") for number in range(50)))
    assert await database.read(stones) == [f"{number:02}" for number in range(50)]


async def test_an_exception_of_the_unit_of_work_rolls_back_and_is_passed_on(database: Database) -> None:
    def add_then_fail(connection: Connection) -> None:
        add_stone(connection, "flint")
        raise LookupError("changed my mind")

    with pytest.raises(LookupError, match="changed my mind"):
        await database.write(add_then_fail)
    assert await database.read(stones) == []


async def test_a_constraint_that_refuses_is_a_conflict(database: Database) -> None:
    await database.write(add_stone, "flint")
    with pytest.raises(StoreConflict, match=r"stones\.name"):
        await database.write(add_stone, "flint")


async def test_schema_changes_are_part_of_the_transaction(database: Database) -> None:
    def add_table_then_fail(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half (name TEXT)"))
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(add_table_then_fail)
    assert "half" not in await database.read(table_names)


def table_names(connection: Connection) -> list[str]:
    return list(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))


async def test_a_full_disk_keeps_nothing_of_the_unit_of_work(database: Database) -> None:
    def limit_pages(connection: Connection) -> None:
        # What SQLite itself answers when write() says ENOSPC.
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages + 2}"))

    def add_many(connection: Connection) -> None:
        for number in range(10_000):
            add_stone(connection, f"{number:0100}")

    await database.write(limit_pages)
    with pytest.raises(StoreFull):
        await database.write(add_many)
    assert await database.read(stones) == []
    await database.write(add_stone, "flint")
    assert await database.read(stones) == ["flint"]


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        await database.read(add_stone, "flint")


async def test_a_programming_error_stays_what_it_is(database: Database) -> None:
    def misspell(connection: Connection) -> None:
        connection.execute(text("SELECT colour FROM stones"))

    with pytest.raises(Exception, match="no such column: colour") as raised:
        await database.read(misspell)
    assert not isinstance(raised.value, StoreUnavailable)


async def test_connections_are_durable_and_keep_foreign_keys(database: Database) -> None:
    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in names]

    assert await database.write(pragmas) == ["wal", 2, 1]  # 2 is FULL
    assert await database.read(pragmas) == ["wal", 2, 1]


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "test.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        Database.open(f"sqlite:///{tmp_path}/test.db", queue)


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/test.db", queue)
    database.close()
    database.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await database.read(table_names)


async def test_more_than_can_reasonably_wait_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambent.store.database._MAX_WAITING", 3)
    results = await asyncio.gather(
        *(database.write(add_stone, f"{number}") for number in range(10)), return_exceptions=True
    )
    assert sum(isinstance(result, StoreOverloaded) for result in results) == 7
    assert len(await database.read(stones)) == 3
