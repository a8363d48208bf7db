"""Configurations of provisioned concurrency."""

from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Nothing yet."""
