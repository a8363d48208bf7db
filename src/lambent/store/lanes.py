"""Tables whose rows wait in lanes (`lambent.core.lanes`), for those who claim them.

A table's index begins with the columns that name a lane and ends with `visible_after_ms`. So what is due first in one
lane is found at once, however much waits in others, and the lanes themselves are found by going from each to the next.

Statements are said to the driver directly: see `many_rows`.
"""

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, Table

from lambent.store.many_rows import marker

Key = TypeVar("Key")
Claimed = TypeVar("Claimed")


class Share(NamedTuple, Generic[Key]):
    """How many to claim of one lane."""

    key: Key
    limit: int


class Found(NamedTuple, Generic[Claimed]):
    """What a claim came to for one lane.

    Attributes:
        claimed: the oldest first.
        next_ms: when the first of those that were left is due, or earlier; None: none was left.
    """

    claimed: list[Claimed]
    next_ms: int | None


class LaneTable(Generic[Key, Claimed]):
    """One of these tables.

    Args:
        columns: names of those that name a lane.
        values_of: what they are for a lane.
        from_row: makes of a row, whose attributes are the columns, what was claimed.
        key_of: the lane that something claimed is of.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        values_of: Callable[[Key], Sequence[Any]],
        from_row: Callable[[Any], Claimed],
        key_of: Callable[[Claimed], Key],
    ) -> None:
        self._table = table.name
        self._key = columns
        self._values_of = values_of
        self._from_row = from_row
        self._key_of = key_of
        self._row: Any = namedtuple("_row", table.columns.keys())  # type: ignore[misc]  # noqa: PYI024 - the table's names
        self._is_of_lane = " AND ".join(f"{name} = {{mark}}" for name in columns)
        self._statements: dict[tuple[str, str, int], str] = {}

    def claim(
        self, connection: Connection, shares: Sequence[Share[Key]], *, now_ms: int, lease_until_ms: int
    ) -> list[Found[Claimed]]:
        """Lease what is due in lanes, those first that have been due for longest; one answer for each share."""
        values: list[Any] = [lease_until_ms, lease_until_ms]
        for key, limit in shares:
            values += (*self._values_of(key), now_ms, limit)
        rows = self._execute(connection, self._claim_words, len(shares), values).fetchall()
        claimed: dict[Key, list[Claimed]] = {key: [] for key, _ in shares}
        for row in sorted(map(self._row._make, rows), key=lambda row: row.id):
            one = self._from_row(row)
            claimed[self._key_of(one)].append(one)
        used_up = [key for key, limit in shares if len(claimed[key]) < limit]
        next_ms = dict(zip(used_up, self._next_due(connection, used_up), strict=True))
        return [Found(claimed[key], next_ms.get(key, now_ms)) for key, _ in shares]

    def _next_due(self, connection: Connection, keys: Sequence[Key]) -> Sequence[int | None]:
        if not keys:
            return ()
        values = [value for key in keys for value in self._values_of(key)]
        found: Sequence[int | None] = self._execute(connection, self._next_due_words, len(keys), values).fetchone()
        return found

    def lanes(self, connection: Connection) -> list[tuple[Any, ...]]:
        """The columns of every lane in which something waits or is under a lease, and its first `visible_after_ms`."""
        return list(self._execute(connection, self._lanes_words, 0, ()).fetchall())

    def _execute(self, connection: Connection, words: Callable[[int], str], count: int, values: Sequence[Any]) -> Any:
        """The driver's cursor, after a statement for so many lanes."""
        mark = marker(connection)
        statement = self._statements.get((words.__name__, mark, count))
        if statement is None:
            statement = self._statements[words.__name__, mark, count] = words(count).format(mark=mark)
        cursor = connection.connection.cursor()
        cursor.execute(statement, tuple(values))
        return cursor

    def _claim_words(self, count: int) -> str:
        # Nobody else claims of these lanes: each function has one home (DESIGN 3.9).
        due = (
            f"SELECT id FROM (SELECT id FROM {self._table} WHERE {self._is_of_lane} AND visible_after_ms <= {{mark}} "  # noqa: S608 - names of ours
            "ORDER BY visible_after_ms LIMIT {mark}) AS due"
        )
        return (
            f"UPDATE {self._table} SET visible_after_ms = {{mark}}, lease_until_ms = {{mark}} "  # noqa: S608
            f"WHERE id IN ({' UNION ALL '.join([due] * count)}) RETURNING {', '.join(self._row._fields)}"
        )

    def _next_due_words(self, count: int) -> str:
        first = (
            f"(SELECT min(visible_after_ms) FROM {self._table} "  # noqa: S608 - names of ours
            f"WHERE {self._is_of_lane} AND visible_after_ms IS NOT NULL)"
        )
        return f"SELECT {', '.join([first] * count)}"

    def _lanes_words(self, _count: int) -> str:
        table, waits, names = self._table, "visible_after_ms IS NOT NULL", self._key
        # Not `(a, b) > (x, y)`: SQLite would look for `a >= x` only.
        following = []
        for length in range(len(names), 0, -1):
            *same, greater = names[:length]
            beyond = [*(f"{name} = lane.{name}" for name in same), f"{greater} > lane.{greater}"]
            following.append(
                f"(SELECT id FROM {table} WHERE {waits} AND {' AND '.join(beyond)} ORDER BY {', '.join(names)} LIMIT 1)"  # noqa: S608
            )
        following.append("NULL")  # so that there are two at least
        key = ", ".join(names)
        is_of = " AND ".join(f"{table}.{name} = lane.{name}" for name in names)
        return (
            f"WITH RECURSIVE lane ({key}) AS ("  # noqa: S608 - names of ours
            f"SELECT {key} FROM (SELECT {key} FROM {table} WHERE {waits} ORDER BY {key} LIMIT 1) AS one "
            f"UNION ALL SELECT {', '.join(f'another.{name}' for name in names)} "
            f"FROM lane, {table} AS another WHERE another.id = COALESCE({', '.join(following)})) "
            f"SELECT {key}, (SELECT min(visible_after_ms) FROM {table} WHERE {is_of} AND {waits}) FROM lane"
        )
