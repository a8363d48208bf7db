"""The SDK that every function has, talking to the Lambda API that runs it."""

import boto3

client = boto3.client("lambda")


def handler(event, context):
    function = client.get_function_configuration(FunctionName=context.function_name)
    return {"memory": function["MemorySize"], "state": function["State"]}
