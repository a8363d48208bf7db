"""One event on its way to a function, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

MAX_PAYLOAD_BYTES = 6_291_556
"""6 MiB + 100 bytes: the largest buffered request or response. Source: reference/runtime-api.md section 2.2."""

MAX_STREAM_BYTES = 200 * 1024 * 1024
"""The longest streamed response. Source: quotas.md section 4."""

LOG_TAIL_BYTES = 4096
"""How much of an invocation's log `X-Amz-Log-Type: Tail` returns. Source: reference/logs-metrics-traces.md section
5."""


@dataclass(slots=True)
class InvocationResult:
    """What the caller is answered.

    Attributes:
        payload: the function's response, or the error object as JSON.
        function_error: "Unhandled" where the function or its runtime failed, else None.
        executed_version: "$LATEST" or the number of the version that ran.
        log_tail: the last 4096 bytes of this invocation's log, if they were asked for.
        streamed: the response went to the invocation's `stream`; the payload is the error it broke off with, or empty.
        environment_lost: the environment went away through no fault of the function (the server stops, the sandbox
            broke): a service error and not a function error, so that an asynchronous invocation is tried again without
            counting.
    """

    payload: bytes
    function_error: str | None
    executed_version: str
    log_tail: bytes | None = None
    environment_lost: bool = False
    streamed: bool = False


class ResponseSink(Protocol):
    """Where a response goes while it is being made.

    Attributes:
        writable: more may be written; while it may not, pieces that come are kept by the sink.
        on_writable: to be called when more may be written again, and when nobody listens any more.
    """

    on_writable: Callable[[], None] | None

    @property
    def writable(self) -> bool:
        """Whether the caller has taken enough of what was written; true, too, when the caller has left."""

    def begin(self, content_type: str, executed_version: str) -> None:
        """The response begins."""

    def write(self, data: bytes) -> None:
        """The next piece of it."""


@dataclass(slots=True)
class Invocation:
    """One event delivered to a function.

    Attributes:
        payload: the event, raw; at most `MAX_PAYLOAD_BYTES`.
        invoked_function_arn: as the caller named it, qualified only if the caller gave a qualifier.
        trace_id: value of the X-Ray header, or "".
        client_context: JSON text, or "".
        cognito_identity: JSON text, or "".
        tenant_id: tenant isolation mode's tenant, or "".
        log_tail: the caller wants the end of the log, so the answer waits for the end of the invocation.
        on_result: called exactly once: at the response, or at the end of the invocation where `log_tail` is wanted.
        stream: takes a response that the runtime gives in pieces, before `on_result`; None for a caller who wants it
            whole.
    """

    request_id: str
    payload: bytes
    invoked_function_arn: str
    trace_id: str
    client_context: str
    cognito_identity: str
    tenant_id: str
    content_type: str
    log_tail: bool
    on_result: Callable[[InvocationResult], None]
    stream: ResponseSink | None = None
