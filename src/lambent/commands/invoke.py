"""`lambent invoke FUNCTION`: send one event, show the answer.

The answer alone goes to standard output, so that it can be piped; log, error and duration go to standard error.
"""

import base64
import sys
import time
from pathlib import Path

from lambent.commands.client import LambdaClient, RequestFailed, Response
from lambent.commands.terminal import Terminal


def run(client: LambdaClient, function: str, *, payload: str, qualifier: str, tenant: str, tail: bool) -> int:
    """Invoke a function and show what came of it.

    Args:
        payload: the event as text, `@FILE`, or `-` for standard input.
        qualifier: a version or alias; "" for none.
        tenant: of a function with tenants; "" for none.
        tail: whether to show the last 4 KB of the log.

    Returns:
        0 when the function answered, 1 when it failed or couldn't be invoked, 2 when the payload can't be read.
    """
    error = Terminal.error()
    try:
        event = read_payload(payload)
    except OSError as cause:
        error.line(f"lambent: --payload: {payload.removeprefix('@')}: {cause.strerror}")
        return 2
    begun = time.perf_counter()
    try:
        response = client.invoke(function, event, qualifier=qualifier, tenant=tenant, log_tail=tail)
    except RequestFailed as failure:
        error.line(f"lambent: {failure}")
        return 1
    finally:
        client.close()
    return _show(response, (time.perf_counter() - begun) * 1000)


def read_payload(payload: str) -> bytes:
    """The event that `--payload` names.

    Raises:
        OSError: its file can't be read.
    """
    if payload == "-":
        return sys.stdin.buffer.read()
    if payload.startswith("@"):
        return Path(payload[1:]).read_bytes()
    return payload.encode("utf-8", "surrogateescape")


def _show(response: Response, duration_ms: float) -> int:
    output, error = Terminal.output(), Terminal.error()
    log_tail = response.headers.get("x-amz-log-result")
    if log_tail:
        error.text(error.dim(base64.b64decode(log_tail).decode("utf-8", "replace")))
    output.line(response.body.decode("utf-8", "replace"))
    function_error = response.headers.get("x-amz-function-error")
    outcome = error.bad(f"function error: {function_error}") if function_error else error.good("ok")
    version = response.headers.get("x-amz-executed-version", "")
    error.line(f"{outcome}{error.dim(f', version {version}, {duration_ms:.1f} ms')}")
    return 1 if function_error else 0
