"""Decimals need a default of one's own; the answer is then a string that the handler made."""

import json
from decimal import Decimal


def handler(event, context):
    total = sum(Decimal(price) for price in event["prices"])
    if event.get("raw"):
        return {"total": total}
    return {"statusCode": 200, "body": json.dumps({"total": total}, default=str)}
