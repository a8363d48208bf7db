"""An exception of one's own with a cause, and a handler that ends the process."""

import sys


class OutOfStock(Exception):
    """Has a class of its own, so that the caller can tell it apart."""


def reserve(item, stock):
    if item not in stock:
        raise OutOfStock(f"no {item} left")


def handler(event, context):
    if event.get("exit") is not None:
        sys.exit(event["exit"])
    try:
        {}["missing"]
    except KeyError as cause:
        try:
            reserve(event["item"], stock=[])
        except OutOfStock as error:
            raise error from cause
