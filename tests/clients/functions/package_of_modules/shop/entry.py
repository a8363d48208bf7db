"""A handler in a package, importing its neighbour and reading a file that was deployed with it."""

import json
import os

from shop.prices import PRICES

with open(os.path.join(os.environ["LAMBDA_TASK_ROOT"], "shop", "currency.json")) as file:
    CURRENCY = json.load(file)["currency"]


def handler(event, context):
    return f"{PRICES[event] / 100:.2f} {CURRENCY}"
