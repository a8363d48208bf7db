"""Adds up an order, writes a receipt to /tmp and counts how many orders this execution environment has seen."""

import json
import logging
import os
from pathlib import Path

logger = logging.getLogger()
logger.setLevel(logging.INFO)

# Runs once, in the Init phase.
CURRENCY = os.environ.get("CURRENCY", "EUR")
RECEIPTS = Path("/tmp/receipts")
RECEIPTS.mkdir(exist_ok=True)


class EmptyOrder(Exception):
    """There is nothing to pay for."""


def handler(event, context):
    items = event["items"]
    if not items:
        raise EmptyOrder(f"order {event['order_id']} has no items")
    total = sum(item["price"] * item["count"] for item in items)
    receipt = RECEIPTS / f"{event['order_id']}.json"
    receipt.write_text(json.dumps({"items": items, "total": total}))
    logger.info("order %s: %.2f %s", event["order_id"], total, CURRENCY)
    return {
        "order_id": event["order_id"],
        "total": f"{total:.2f} {CURRENCY}",
        "receipts_here": len(list(RECEIPTS.iterdir())),
        "time_left_ms": context.get_remaining_time_in_millis(),
    }
