import os
from uuid import uuid4

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
    idempotent_function,
)

orders = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])
parcels = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])
by_order = IdempotencyConfig(event_key_jmespath='[customer, "order"]', raise_on_no_idempotency_key=True)
by_record = IdempotencyConfig(expires_after_seconds=60)


@idempotent_function(data_keyword_argument="item", config=by_record, persistence_store=parcels)
def pack(item):
    return {"packed": item, "parcel": uuid4().hex}


@idempotent(config=by_order, persistence_store=orders)
def handler(event, context):
    by_record.register_lambda_context(context)
    print("charged", event["customer"])
    if event.get("fail"):
        raise RuntimeError("card refused")
    return {"payment": uuid4().hex, "parcels": [pack(item=item) for item in event["items"]]}
