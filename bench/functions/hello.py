"""The function that is measured."""

from __future__ import annotations

import time

MARK = "world"


def handler(event: dict[str, float], context: object) -> dict[str, str]:
    """Answer, after some seconds if asked to."""
    if event.get("seconds"):
        time.sleep(event["seconds"])
    return {"hello": MARK}
