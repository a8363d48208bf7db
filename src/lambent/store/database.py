"""One SQL database: a single writer thread, a few readers, and units of work that are durable when they return.

A unit of work is a plain function of a `Connection` and its arguments; the table modules consist of them. `write` runs
one in a transaction on the writer thread and commits before it answers; `read` runs one on a consistent snapshot. So
what was answered 2xx is on disk (DESIGN 3.8), and the event loop never waits for one.

SQLite runs in WAL mode: readers don't wait for the writer. `synchronous=FULL` makes each commit an fsync of the log,
which a power cut survives. With one writer and BEGIN IMMEDIATE, "database is locked" can only come from outside this
program.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError

from lambent.store.errors import StoreConflict, StoreError, StoreFull, StoreOverloaded, StoreUnavailable
from lambent.store.migrations import migrate

P = ParamSpec("P")
T = TypeVar("T")

_BUSY_TIMEOUT_MS = 5_000  # for another program's lock, a backup for instance; within Lambent nobody waits for a lock
_CACHED_STATEMENTS = 512  # `many_rows` has one for each number of rows
_MAX_WAITING = 1_000  # units of work; at a few hundred commits a second already seconds of waiting
_NOT_OUR_BUG = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)


class Database:
    """One database file (or PostgreSQL database) with its schema up to date.

    Usable from any event loop's thread; `open` and `close` block, and belong to start and stop.
    """

    def __init__(self, writer: Engine, reader: Engine, *, readers: int) -> None:
        self._writer = writer
        self._reader = reader
        self._writing = ThreadPoolExecutor(1, "store-writer")
        self._reading = ThreadPoolExecutor(readers, "store-reader")
        self._waiting = 0
        self._closed = False

    @classmethod
    def open(cls, url: str, migrations: ModuleType, *, readers: int = 2) -> Self:
        """Connect, and bring the schema up to date.

        Args:
            url: as SQLAlchemy has them, `sqlite:////var/lib/lambent/control.db`.
            migrations: the package of the schema's migrations.
            readers: how many reads may run at the same time.

        Raises:
            SchemaTooNew: a newer Lambent has written this database.
            StoreUnavailable: it can't be opened, is damaged, or the disk is full.
        """
        writer = open_engine(url, connections=1)
        try:
            with driver_errors():
                migrate(writer, migrations)
        except BaseException:
            writer.dispose()
            raise
        return cls(writer, open_engine(url, connections=readers, read_only=True), readers=readers)

    async def write(self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one unit of work in a transaction of its own; when this returns, its changes are on disk.

        An exception raised by the unit rolls everything back and is passed on. A caller that is cancelled stops
        waiting; the unit of work may still be carried out.

        Raises:
            StoreConflict: a constraint refused it.
            StoreFull: no space left.
            StoreUnavailable: the storage failed, or too much is waiting for it (StoreOverloaded).
        """
        return await self._run(self._writing, self._writer, lambda connection: unit(connection, *args, **kwargs))

    async def read(self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one unit of work that only reads, on a snapshot that includes every write that has returned.

        Raises:
            StoreUnavailable: the storage failed, or too much is waiting for it (StoreOverloaded).
        """
        return await self._run(self._reading, self._reader, lambda connection: unit(connection, *args, **kwargs))

    def close(self) -> None:
        """Finish the work that was accepted, and let go of the files. A second call does nothing."""
        self._closed = True
        self._writing.shutdown()
        self._reading.shutdown()
        self._reader.dispose()
        self._writer.dispose()

    async def _run(self, threads: Executor, engine: Engine, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise StoreUnavailable("the database is closed")
        if self._waiting >= _MAX_WAITING:
            raise StoreOverloaded(f"{self._waiting} units of work are waiting for the database")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, in_transaction, engine, work)
        finally:
            self._waiting -= 1


def in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run `work` in one transaction, here and now; committed when this returns. Raises as `Database.write`."""
    with driver_errors(), engine.begin() as connection:
        return work(connection)


def open_engine(url: str, *, connections: int, read_only: bool = False) -> Engine:
    """An engine whose SQLite connections are set up as this module's docstring says. Nothing is opened yet."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=connections, max_overflow=0)
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        connect_args={"check_same_thread": False, "cached_statements": _CACHED_STATEMENTS},
        hide_parameters=True,
    )

    def set_up(connection: DBAPIConnection, _record: object) -> None:
        # The driver's own transaction control leaves DDL out and starts late; ours is the "begin" event below.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {_BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"query_only = {int(read_only)}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    # A writer takes the lock at once: a transaction that upgrades from reading to writing can fail half-way.
    begin_statement = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin_statement)

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", begin)
    return engine


@contextmanager
def driver_errors() -> Iterator[None]:
    """Turn the driver's errors into this package's; programming errors (no such column) stay what they are."""
    try:
        yield
    except IntegrityError as error:
        raise StoreConflict(str(error.orig)) from error
    except (DBAPIError, sqlite3.Error) as error:
        translated = _translated(error.orig if isinstance(error, DBAPIError) else error)
        if translated is None:
            raise
        raise translated from error


def _translated(error: BaseException | Any) -> StoreError | None:
    # The low byte is the primary code; the others say more about it (SQLITE_IOERR_WRITE).
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(str(error))
    if code in _NOT_OUR_BUG:
        return StoreUnavailable(str(error))
    return None
