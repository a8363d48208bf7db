"""What belongs to a function beside its versions."""

from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Nothing yet."""
