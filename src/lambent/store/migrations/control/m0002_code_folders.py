"""Functions whose code is a folder of the developer's."""

from sqlalchemy import Connection, text


def upgrade(connection: Connection) -> None:
    """Say for each version in which folder its code is; empty where it is a deployment package."""
    connection.execute(text("ALTER TABLE function_versions ADD COLUMN code_folder TEXT DEFAULT '' NOT NULL"))
