from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging import correlation_paths

logger = Logger(service="till", level="INFO")


def add(a, b):
    child = Logger(service="till", child=True)
    child.info("adding", extra={"numbers": [a, b]})
    return a + b


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP, log_event=True, clear_state=True)
def handler(event, context):
    if "customer" in event:
        logger.append_keys(customer=event["customer"])
    logger.debug("not shown")
    total = add(*event["numbers"])
    try:
        1 / event["divisor"]
    except ZeroDivisionError:
        logger.exception("no change")
    return {"total": total, "correlation_id": logger.get_correlation_id()}
