"""The two schemas, which the table modules add their tables to.

Control state and the event queue live in separate database files with a writer each, so that neither waits for the
other's disk (DESIGN 3.8); hence two `MetaData`. A table module (`events.py` is the model to follow) declares its
`Table` on one of them and has one function for each statement. The migrations have their own frozen copy of each table,
and a test compares the two.
"""

from sqlalchemy import Column, ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, Text
from sqlalchemy.schema import SchemaItem

# Constraints have names in PostgreSQL whether one gives them or not; given ones can be dropped by a later migration.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

control_schema = MetaData(naming_convention=NAMING_CONVENTION)
queue_schema = MetaData(naming_convention=NAMING_CONVENTION)


def qualified_table(table: str, *items: SchemaItem) -> Table:
    """A table of what a function (`$LATEST`), a version or an alias has one of at most; it goes with the function.

    What goes with the version or the alias stands in `removals.QUALIFIED_TABLES`, too.
    """
    return Table(
        table,
        control_schema,
        Column("account", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("name", Text, nullable=False, doc="The function's."),
        Column("qualifier", Text, nullable=False, doc="$LATEST, a version's number or an alias's name."),
        *items,
        PrimaryKeyConstraint("account", "region", "name", "qualifier"),
        ForeignKeyConstraint(
            ["account", "region", "name"],
            ["functions.account", "functions.region", "functions.name"],
            ondelete="CASCADE",
        ),
    )
