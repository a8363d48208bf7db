"""Code signing configurations."""

from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Nothing yet."""
