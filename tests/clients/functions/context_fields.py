"""Everything a context object tells, in the answer and in the log."""


def handler(event, context):
    print("log stream:", context.log_stream_name)
    print("remaining time:", context.get_remaining_time_in_millis())
    return {
        "function_name": context.function_name,
        "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn,
        "memory_limit_in_mb": context.memory_limit_in_mb,
        "aws_request_id": context.aws_request_id,
        "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "identity": None if context.identity is None else context.identity.cognito_identity_id,
        "client": context.client_context
        and [
            context.client_context.client.app_title,
            context.client_context.custom["tenant"],
            context.client_context.env["locale"],
        ],
    }
