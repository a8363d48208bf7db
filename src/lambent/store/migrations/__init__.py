"""How a database of an earlier Lambent becomes one of this Lambent.

Each schema (`control`, `queue`) is a package; each migration is a module in it, `m0001_title.py`, `m0002_title.py` …,
with

    def upgrade(connection: Connection) -> None

It declares what it creates with its own copy of the tables (today's declarations will change, history may not) or says
`ALTER TABLE` in words that both SQLite and PostgreSQL accept. A migration that was released is never edited.

The table `schema_version` has one row: the number of the last migration applied. Each migration and its number are one
transaction, so a server that is killed on the way goes on where it stopped. The modules are imported only when they are
needed, which is at a data directory's first start and at an upgrade.
"""

from lambent.store.migrations.runner import migrate

__all__ = ["migrate"]
