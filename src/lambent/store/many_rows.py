"""Many rows in few statements, said to the driver directly: what the queue does for each event.

Python's driver lets go of the interpreter's lock around each step of a statement. While the event loop is busy the
writer's thread may wait for milliseconds until it has the lock again, so that it isn't the statements' work that counts
but how many steps there are. A statement of many rows is one step; there is one text for each number of rows, and the
driver keeps what it has prepared.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

_MOST = 64


class InsertMany:
    """INSERT of any number of rows into one table.

    Args:
        columns: names, in the order of the rows' values.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        assert set(columns) <= set(table.columns.keys())
        self._head = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "  # noqa: S608 - names of ours
        self._width = len(columns)
        self._statements: dict[tuple[str, int], str] = {}

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert the rows.

        Returns:
            SQLite's number of the last row; those of one transaction are consecutive, since there is one writer.
        """
        last = 0
        for some in _in_parts(rows):
            values = tuple(chain.from_iterable(some))
            last = _execute(connection, self._statement(connection, len(some)), values).lastrowid or 0
        return last

    def _statement(self, connection: Connection, count: int) -> str:
        mark = marker(connection)
        statement = self._statements.get((mark, count))
        if statement is None:
            row = f"({', '.join([mark] * self._width)})"
            statement = self._statements[mark, count] = self._head + ", ".join([row] * count)
        return statement


class ForMany:
    """A statement about the rows that have one of many ids.

    Args:
        statement: with `{ids}` where their list goes, and `{mark}` for each value before it.
    """

    def __init__(self, statement: str) -> None:
        self._statement = statement
        self._statements: dict[tuple[str, int], str] = {}

    def execute(self, connection: Connection, ids: Sequence[int], *values: Any) -> int:
        """Carry it out; how many rows there were."""
        count = 0
        for some in _in_parts(ids):
            count += _execute(connection, self._of_size(connection, len(some)), (*values, *some)).rowcount
        return count

    def _of_size(self, connection: Connection, count: int) -> str:
        mark = marker(connection)
        statement = self._statements.get((mark, count))
        if statement is None:
            statement = self._statement.format(ids=", ".join([mark] * count), mark=mark)
            self._statements[mark, count] = statement
        return statement


def marker(connection: Connection) -> str:
    """How the driver marks the place of a value."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def _execute(connection: Connection, statement: str, values: tuple[Any, ...]) -> Any:
    """The driver's cursor, after the statement; errors are the driver's own (`database.driver_errors` knows them)."""
    cursor = connection.connection.cursor()
    cursor.execute(statement, values)
    return cursor


def _in_parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(items), _MOST):
        yield items[begin : begin + _MOST]
