"""Configurations of asynchronous invocations."""

from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Nothing yet."""
