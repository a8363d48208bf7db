import platform

invocations = 0  # lives as long as the execution environment


def handler(event, context):
    global invocations
    invocations += 1
    print(f"Hello from {context.function_name}, request {context.aws_request_id}")
    return {
        "message": f"Hello, {event.get('name', 'world')}!",
        "python": platform.python_version(),
        "invocation": invocations,
    }
