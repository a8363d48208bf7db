"""What waits is found by function and by target, so that none is in another's way; leases no longer end by time."""

from sqlalchemy import Connection, text


def upgrade(connection: Connection) -> None:
    """Replace the indexes that put everything in one order, and end leases whose time may have passed."""
    for statement in (
        "UPDATE events SET lease_until_ms = 0, visible_after_ms = accepted_ms WHERE lease_until_ms <> 0",
        "UPDATE deliveries SET lease_until_ms = 0, visible_after_ms = created_ms WHERE lease_until_ms <> 0",
        "DROP INDEX ix_events_visible_after_ms",
        "CREATE INDEX ix_events_function ON events (account, region, function_name, visible_after_ms)",
        "DROP INDEX ix_deliveries_visible_after_ms",
        "CREATE INDEX ix_deliveries_target ON deliveries (target, visible_after_ms) WHERE visible_after_ms IS NOT NULL",
    ):
        connection.execute(text(statement))
