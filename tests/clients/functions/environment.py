"""Variables of the function, and those that every function has."""

import os


def handler(event, context):
    return {
        "own": os.environ["STAGE"],
        "region": os.environ["AWS_REGION"],
        "memory": os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        "name": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        "root": os.environ["LAMBDA_TASK_ROOT"],
        "working_directory": os.getcwd(),
    }
