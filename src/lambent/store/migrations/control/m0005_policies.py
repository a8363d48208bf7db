"""Resource policies of functions, versions and aliases."""

from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Nothing yet."""
