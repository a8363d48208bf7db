from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    BatchProcessor,
    EventType,
    async_process_partial_response,
    process_partial_response,
)

processor = BatchProcessor(event_type=EventType.SQS)
concurrently = AsyncBatchProcessor(event_type=EventType.SQS)


def one(record):
    order = record.json_body
    if order["count"] < 1:
        raise ValueError("nothing ordered")
    print("done", order["item"])


async def one_of_many(record):
    one(record)


def handler(event, context):
    return process_partial_response(event=event, record_handler=one, processor=processor, context=context)


def concurrent_handler(event, context):
    return async_process_partial_response(
        event=event, record_handler=one_of_many, processor=concurrently, context=context
    )
