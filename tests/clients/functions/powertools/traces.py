import os

import boto3
from aws_lambda_powertools import Tracer

tracer = Tracer(service="till")
s3 = boto3.client("s3")  # the tracer has patched boto3


@tracer.capture_method
def price(item):
    tracer.put_annotation("item", item)
    if item == "unknown":
        raise KeyError(item)
    return len(item)


@tracer.capture_lambda_handler
def handler(event, context):
    tracer.put_metadata("event", event)
    with tracer.provider.in_subsegment("## own") as subsegment:
        subsegment.put_annotation("own", True)
        segment = {"trace_id": subsegment.trace_id, "parent": subsegment.parent_id, "sampled": subsegment.sampled}
    return {
        "price": price(event["item"]),
        "buckets": len(s3.list_buckets()["Buckets"]),
        "header": os.environ["_X_AMZN_TRACE_ID"],
        "segment": segment,
    }
