"""What every function's process does first, done once in the zygote.

A process forked from the zygote shares its pages until it writes to them, and Python writes to what it only uses: the
counts of references, the caches in byte code. What has run once has its caches filled and its parts made, so that the
processes write less: a third less memory of their own, and a millisecond less before the function's code.

The module is its own example: `handler` is the function that is imported and invoked.
"""

from __future__ import annotations

import logging
import os
import sys

from lambent_runtime import executed, frames, invocations

_ROUNDS = 10  # byte code is specialised after eight
_EVENT = b'{"key": "value", "number": 1, "list": [1.5, true, null]}'
_VARIABLES = {
    **{"AWS_LAMBDA_VARIABLE_%d" % number: "value" for number in range(20)},
    "_HANDLER": "rehearsal.handler",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_GROUP_NAME": "group",
    "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
    "AWS_LAMBDA_LOG_FORMAT": "Text",
}


def handler(event: object, _context: object) -> object:
    """The function of the rehearsal."""
    return {"statusCode": 200, "body": event}


def rehearse() -> None:
    """Run through Init and some invocations, and leave no trace of it but warmth."""
    environment, streams, path = dict(os.environ), (sys.stdout, sys.stderr), sys.path[:]
    own = (sys.__stdout__, sys.__stderr__)
    root = logging.getLogger()
    directory = os.path.dirname(os.path.abspath(__file__))
    null = os.open(os.devnull, os.O_RDWR)
    try:
        for _ in range(_ROUNDS):
            executed.take_environment({"env": _VARIABLES}, "/")
            sys.path.insert(0, directory)
            invocations.rehearse(frames.Channel(null), _invoke_body())
            sys.path[:] = path
            sys.path_importer_cache.pop(directory, None)
            sys.modules.pop("rehearsal", None)
            for old in root.handlers[:]:
                root.removeHandler(old)
    finally:
        sys.stdout, sys.stderr = streams
        sys.__stdout__, sys.__stderr__ = own  # type: ignore[misc]  # as they were
        os.close(null)
        os.environ.clear()
        os.environ.update(environment)


def _invoke_body() -> bytes:
    fields = (
        b"request",
        b"0",
        b"arn:aws:lambda:us-east-1:000000000000:function:f",
        b"",
        b"",
        b"",
        b"",
        b"application/json",
    )
    return b"\0".join(fields) + b"\0" + _EVENT
