"""Log records as JSON through the standard library, with fields of one's own."""

import json
import logging


class AsJson(logging.Formatter):
    def format(self, record):
        return json.dumps(
            {"level": record.levelname, "message": record.getMessage(), "order": getattr(record, "order", None)}
        )


logger = logging.getLogger("orders")
logger.setLevel(logging.INFO)
stream = logging.StreamHandler()
stream.setFormatter(AsJson())
logger.addHandler(stream)
logger.propagate = False
logging.getLogger().setLevel(logging.INFO)


def handler(event, context):
    logger.info("accepted", extra={"order": event["order"]})
    logger.debug("not shown")
    logging.getLogger().warning("root logger too")
    return "logged"
