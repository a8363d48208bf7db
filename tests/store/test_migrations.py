"""What the tables are declared to be is what the migrations make, from nothing and from what an earlier Lambent left."""

import importlib
import pkgutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Inspector, MetaData, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

import lambent.store
from lambent.store import tables
from lambent.store.database import Database, open_engine
from lambent.store.errors import SchemaTooNew
from lambent.store.event_queue import EventQueue
from lambent.store.migrations import control, migrate, queue
from lambent.store.migrations.queue import m0001_events, m0002_deliveries
from lambent.store.migrations.runner import migration_modules

SCHEMAS = {"control": (control, tables.control_schema), "queue": (queue, tables.queue_schema)}
for store_module in pkgutil.iter_modules(lambent.store.__path__, "lambent.store."):
    importlib.import_module(store_module.name)  # so that each has declared its tables


@pytest.fixture(params=SCHEMAS)
def schema(request: pytest.FixtureRequest) -> tuple[ModuleType, MetaData]:
    return SCHEMAS[request.param]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path}/migrated.db", connections=1)
    yield engine
    engine.dispose()


def described(engine: Engine) -> dict[str, Any]:
    """Everything of a schema that SQLAlchemy can read back, without the order in which it was made."""
    inspector: Inspector = inspect(engine)

    def by_name(things: list[Any]) -> list[Any]:
        return sorted(things, key=lambda thing: str(thing["name"]))

    return {
        table: {
            "columns": [
                {**column, "type": str(column["type"]), "autoincrement": None}
                for column in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": by_name(list(inspector.get_foreign_keys(table))),
            "indexes": by_name(
                [
                    {**index, "dialect_options": {name: str(value) for name, value in index["dialect_options"].items()}}
                    for index in inspector.get_indexes(table)
                ]
            ),
            "unique": by_name(list(inspector.get_unique_constraints(table))),
            "checks": by_name(list(inspector.get_check_constraints(table))),
        }
        for table in inspector.get_table_names()
        if table != "schema_version"
    }


def test_the_schema_is_all_migrations_applied(
    schema: tuple[ModuleType, MetaData], engine: Engine, tmp_path: Path
) -> None:
    migrations, declared = schema
    migrate(engine, migrations)
    fresh = open_engine(f"sqlite:///{tmp_path}/declared.db", connections=1)
    declared.create_all(fresh)
    assert described(engine) == described(fresh)
    assert set(described(fresh)) == set(declared.tables)
    fresh.dispose()


def test_postgresql_accepts_the_words(schema: tuple[ModuleType, MetaData]) -> None:
    """Only that they can be said in its dialect; a PostgreSQL to run them comes with the second kind of store."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    for table in schema[1].sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect))


def test_a_current_database_is_left_alone(schema: tuple[ModuleType, MetaData], engine: Engine) -> None:
    migrate(engine, schema[0])
    before = described(engine)
    with engine.begin() as connection:
        version = connection.execute(text("PRAGMA schema_version")).scalar_one()
    migrate(engine, schema[0])
    with engine.begin() as connection:
        assert connection.execute(text("PRAGMA schema_version")).scalar_one() == version
    assert described(engine) == before


def test_a_newer_schema_is_refused_in_words(engine: Engine) -> None:
    migrate(engine, queue)
    with engine.begin() as connection:
        connection.execute(text("UPDATE schema_version SET version = 99"))
    with pytest.raises(SchemaTooNew, match="the schema has version 99"):
        migrate(engine, queue)


def test_a_lease_of_an_earlier_lambent_that_has_ended_meanwhile_is_none_any_more(tmp_path: Path) -> None:
    """They ended after a day; what is leased can't be taken out of the queue by hand."""
    path = tmp_path / "queue.db"
    engine = open_engine(f"sqlite:///{path}", connections=1)
    with engine.begin() as connection:
        for module in (m0001_events, m0002_deliveries):
            module.upgrade(connection)
        connection.execute(text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO schema_version VALUES (2)"))
        connection.execute(
            text(
                "INSERT INTO events (account, region, function_name, request_id, trace_id, client_context, tenant_id, "
                "accepted_ms, attempts, deferrals, visible_after_ms, lease_until_ms, payload) "
                "VALUES ('a', 'r', 'f', 'id', '', '', '', 1000, 0, 0, 5000, 5000, x'')"
            )
        )
    engine.dispose()
    EventQueue.open(f"sqlite:///{path}", now_ms=1_000_000).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT lease_until_ms, visible_after_ms FROM events").fetchall() == [(0, 1000)]


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A schema with a past: three versions of it, as a package of migrations."""
    package = tmp_path / "history_of_stones"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "m0001_stones.py").write_text(migration("CREATE TABLE stones (name TEXT NOT NULL)"))
    (package / "m0002_colours.py").write_text(
        migration("ALTER TABLE stones ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'")
    )
    (package / "m0003_weights.py").write_text(migration("ALTER TABLE stones ADD COLUMN weight_kg INTEGER"))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("history_of_stones")
    for name in [name for name in sys.modules if name.startswith("history_of_stones")]:
        del sys.modules[name]


def migration(statement: str) -> str:
    return f"from sqlalchemy import text\ndef upgrade(connection):\n    connection.execute(text({statement!r}))\n"


def rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM stones").fetchall()


def test_a_database_of_an_earlier_schema_keeps_its_rows(history: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "migrated.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE schema_version (version INTEGER NOT NULL); INSERT INTO schema_version VALUES (1);"
            "CREATE TABLE stones (name TEXT NOT NULL); INSERT INTO stones VALUES ('flint');"
        )
    Database.open(f"sqlite:///{path}", history).close()
    assert rows(path) == [("flint", "grey", None)]


def test_a_migration_that_fails_changes_nothing_and_is_tried_again(
    history: ModuleType, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = importlib.import_module("history_of_stones.m0003_weights")
    upgrade = third.upgrade

    def fail_half_way(connection: Connection) -> None:
        upgrade(connection)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(third, "upgrade", fail_half_way)
        with pytest.raises(KeyboardInterrupt):
            migrate(engine, history)
    assert [column["name"] for column in inspect(engine).get_columns("stones")] == ["name", "colour"]
    migrate(engine, history)
    assert [column["name"] for column in inspect(engine).get_columns("stones")] == ["name", "colour", "weight_kg"]


def test_a_gap_in_the_numbers_is_noticed(history: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "history_of_stones" / "m0002_colours.py").unlink()
    with pytest.raises(AssertionError, match="has a gap"):
        migration_modules(history)


def test_migrations_are_not_imported_when_the_schema_is_current(tmp_path: Path) -> None:
    program = (
        "import sys; from lambent.store.database import Database; from lambent.store.migrations import control\n"
        "Database.open(sys.argv[1], control).close(); print([m for m in sys.modules if '.m0001' in m])"
    )
    command = [sys.executable, "-c", program, f"sqlite:///{tmp_path}/control.db"]
    first, second = (subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2))
    assert first.strip() == "['lambent.store.migrations.control.m0001_functions']"
    assert second.strip() == "[]"


DATA_DIRECTORIES = Path(__file__).with_name("data_directories")


@pytest.mark.parametrize("name", sorted(path.name for path in DATA_DIRECTORIES.iterdir()))
@pytest.mark.parametrize("database", SCHEMAS)
def test_a_data_directory_of_every_earlier_schema_opens(name: str, database: str, tmp_path: Path) -> None:
    """Each folder is a dump of what a released Lambent, or the one before the last migration, has left."""
    path = tmp_path / f"{database}.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA_DIRECTORIES / name / f"{database}.sql").read_text())
        before = dict(connection.execute("SELECT name, 0 FROM sqlite_master WHERE type = 'table'").fetchall())
        counts = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in before}
    migrations, declared = SCHEMAS[database]
    Database.open(f"sqlite:///{path}", migrations).close()
    with closing(sqlite3.connect(path)) as connection:
        for table in declared.tables:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == counts.get(table, (0,))
    engine = open_engine(f"sqlite:///{path}", connections=1)
    fresh = open_engine(f"sqlite:///{tmp_path}/declared.db", connections=1)
    declared.create_all(fresh)
    assert described(engine) == described(fresh)
    engine.dispose()
    fresh.dispose()
