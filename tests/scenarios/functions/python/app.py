import os
import signal
import sys
import time

counter = 0
begin = os.environ.get("SCENARIO_INIT", "")
if begin == "fail":
    raise RuntimeError("init failed")
if begin == "exit":
    os._exit(3)
if begin == "sleep":
    time.sleep(20)
if begin == "say":
    print("said in init")


def handler(event, context):
    return globals()["do_" + event["do"]](event, context)


def do_echo(event, context):
    return event["value"]


def do_context(event, context):
    client = context.client_context
    return {
        "requestId": context.aws_request_id,
        "functionArn": context.invoked_function_arn,
        "remainingMs": context.get_remaining_time_in_millis(),
        "functionName": context.function_name,
        "functionVersion": context.function_version,
        "memoryMb": int(context.memory_limit_in_mb),
        "logGroup": context.log_group_name,
        "logStream": context.log_stream_name,
        "clientContext": {"custom": client.custom} if client else None,
        "identity": {
            "cognitoIdentityId": context.identity.cognito_identity_id,
            "cognitoIdentityPoolId": context.identity.cognito_identity_pool_id,
        }
        if context.identity and context.identity.cognito_identity_id
        else None,
        "traceId": os.environ.get("_X_AMZN_TRACE_ID"),
    }


def do_environment(event, context):
    return dict(os.environ)


def do_process(event, context):
    return {"directory": os.getcwd(), "uid": os.getuid(), "gid": os.getgid(), "pid": os.getpid()}


def do_write(event, context):
    try:
        with open(event["path"], "wb") as file:
            for _ in range(event["megabytes"]):
                file.write(bytes(1024 * 1024))
    except OSError:
        return False
    return True


def do_exists(event, context):
    return os.path.exists(event["path"])


def do_remove(event, context):
    os.unlink(event["path"])


def do_count(event, context):
    global counter
    counter += 1
    return counter


def do_say(event, context):
    print("out: " + event["text"])
    print("err: " + event["text"], file=sys.stderr)


def do_fail(event, context):
    raise ValueError(event["message"])


def do_exit(event, context):
    os._exit(event["status"])


def do_signal(event, context):
    os.kill(os.getpid(), signal.SIGKILL)


def do_sleep(event, context):
    time.sleep(event["ms"] / 1000)
    return context.log_stream_name


def do_large(event, context):
    return "x" * event["bytes"]
