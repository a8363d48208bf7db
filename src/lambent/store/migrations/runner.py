"""Apply the numbered migrations of one schema, in order, each once."""

import importlib
import pkgutil
import re
from collections.abc import Callable
from types import ModuleType

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, delete, insert, select

from lambent.store.errors import SchemaTooNew

_MODULE_NAME = re.compile(r"m(\d{4})_\w+")

schema_version = Table("schema_version", MetaData(), Column("version", Integer, nullable=False))


def migrate(engine: Engine, package: ModuleType) -> None:
    """Bring the database to the schema of this program; does nothing but one small read when it is there already.

    Args:
        engine: whose transactions include DDL (SQLite with explicit BEGIN, PostgreSQL).
        package: the schema's migrations, such as `lambent.store.migrations.control`.

    Raises:
        SchemaTooNew: a newer Lambent has written this database.
    """
    modules = migration_modules(package)
    with engine.begin() as connection:
        schema_version.create(connection, checkfirst=True)
        applied = connection.scalar(select(schema_version.c.version)) or 0
    if applied > len(modules):
        raise SchemaTooNew(
            f"the schema has version {applied}, this Lambent knows versions up to {len(modules)}: use a newer Lambent"
        )
    for number, module in enumerate(modules[applied:], start=applied + 1):
        upgrade: Callable[[Connection], None] = importlib.import_module(module).upgrade
        with engine.begin() as connection:
            upgrade(connection)
            connection.execute(delete(schema_version))
            connection.execute(insert(schema_version).values(version=number))


def migration_modules(package: ModuleType) -> list[str]:
    """Full names of the package's migrations, the first one first. Nothing is imported."""
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__) if _MODULE_NAME.fullmatch(info.name))
    numbers = [int(name[1:5]) for name in names]
    assert numbers == list(range(1, len(names) + 1)), f"{package.__name__} has a gap or a number twice: {names}"
    return [f"{package.__name__}.{name}" for name in names]
