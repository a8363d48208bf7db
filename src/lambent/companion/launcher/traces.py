"""Traces through the companion: a function that a topic, a bucket or a queue invokes is told what made it do so.

AWS's SDKs send a function's trace header with each of its requests. moto's deliveries are made in the thread of the
request that they come from, so that the header of that request goes on with them: to functions as a header, to queues
as the messages' AWSTraceHeader. So a loop by way of a topic, a bucket or a queue is found as one of functions alone is.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from lambent.core.trace_header import parse_trace_header

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
def without_lineage() -> Iterator[None]:
    """While something is delivered by a service which AWS finds no loops by way of: its trace goes on all the same.

    Source: developer guide, "Lambda recursive loop detection": SQS, SNS and S3 are what chains are followed through.
    """
    header = parse_trace_header(_of_request.get())
    token = _of_request.set("" if header is None else str(header._replace(lineage="")))
    try:
        yield
    finally:
        _of_request.reset(token)


def of_request() -> str:
    """The trace header of the request that is carried out; empty if it has none, or one that is none."""
    header = _of_request.get()
    return header if parse_trace_header(header) is not None else ""


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
