"""Traces through the companion: a function that a topic or a bucket invokes is told what made it do so.

AWS's SDKs send a function's trace header with each of its requests. moto's deliveries are made in the thread of the
request that they come from, so that the header of that request goes on with them. So a loop by way of a topic or a
bucket is found as one of functions alone is.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

HEADER = "X-Amzn-Trace-Id"

_of_request: ContextVar[str] = ContextVar("trace header of the request", default="")
_of_delivery: ContextVar[str] = ContextVar("trace header of the delivery", default="")


@contextlib.contextmanager
def request(environ: dict[str, Any]) -> Iterator[None]:
    """While a request is carried out."""
    token = _of_request.set(environ.get("HTTP_X_AMZN_TRACE_ID", ""))
    try:
        yield
    finally:
        _of_request.reset(token)


@contextlib.contextmanager
def delivery() -> Iterator[None]:
    """While an invocation is sent which belongs to the request's trace."""
    token = _of_delivery.set(_of_request.get())
    try:
        yield
    finally:
        _of_delivery.reset(token)


def add_header(params: dict[str, Any], **_: object) -> None:
    """A hook of boto3's clients: the header of the delivery, if there is one."""
    header = _of_delivery.get()
    if header:
        params["headers"][HEADER] = header
