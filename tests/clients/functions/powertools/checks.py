from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.parser.envelopes import SqsEnvelope
from aws_lambda_powertools.utilities.validation import envelopes, validator

ORDER = {
    "type": "object",
    "required": ["item"],
    "properties": {"item": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
}


class Order(BaseModel):
    item: str
    count: int = 1


@validator(inbound_schema=ORDER, outbound_schema={"type": "object", "required": ["taken"]})
def handler(event, context):
    return {"taken": event["item"]}


@validator(inbound_schema=ORDER, envelope=envelopes.EVENTBRIDGE)
def from_event_bridge(event, context):
    return event["item"]


@event_parser(model=Order, envelope=SqsEnvelope)
def parsed(event, context):
    return [order.model_dump() for order in event]
