"""InvokeWithResponseStream: Invoke, with the response sent as an event stream while the function makes it.

Source: invocation.md §1.1 (the framing recorded, ErrorCode and ErrorDetails observed). What a function's error before
its first byte looks like is unverified: here it is that of one after it.
"""

import base64
import json
import logging

from lambent.core.errors import ServiceFault
from lambent.core.invocation import InvocationResult
from lambent.gateway.errors import render_error
from lambent.gateway.http_server import Respond
from lambent.gateway.response_sinks import PiecewiseAnswer, PiecewiseSink
from lambent.services.invoke import InvokeRequest
from lambent.wire.event_stream import CONTENT_TYPE, invoke_complete, payload_chunk
from lambent.wire.http import Request

logger = logging.getLogger(__name__)

_UNKNOWN_ERROR = "Function.Unknown"


class StreamCall:
    """One request for InvokeWithResponseStream, and the way back for its answer; see `gateway.invoke.InvokeCall`."""

    __slots__ = ("_answer", "_respond", "invoke", "request", "request_id")

    def __init__(self, request: Request, request_id: str, respond: Respond) -> None:
        self.request = request
        self.request_id = request_id
        self.invoke: InvokeRequest | None = None  # once it is understood
        self._respond = respond
        self._answer = PiecewiseAnswer(respond)

    @property
    def trace_id(self) -> str:
        """The trace header that the function has."""
        return "" if self.invoke is None else self.invoke.trace_id

    @property
    def sink(self) -> "EventStreamSink":
        """Takes the response while it is being made."""
        return EventStreamSink(self, self._answer)

    def begin(self, executed_version: str) -> None:
        """Send the head, once."""
        if not self._answer.begun:
            # None of the values can have a line break: all are ours.
            self._answer.start(
                200,
                f"Content-Type: {CONTENT_TYPE}\r\nx-amzn-RequestId: {self.request_id}\r\n"
                f"X-Amz-Executed-Version: {executed_version}\r\nX-Amzn-Trace-Id: {self.trace_id}\r\n",
            )

    def succeed(self, result: InvocationResult) -> None:
        """Answer with what came of the invocation, or end the answer that has begun."""
        if result.environment_lost and not self._answer.begun:
            self.fail(ServiceFault("The execution environment went away while the function was running."))
            return
        self.begin(result.executed_version)
        members: dict[str, str] = {}
        if result.function_error is not None:
            members = {
                "ErrorCode": _error_type(result.payload),
                "ErrorDetails": result.payload.decode(errors="replace"),
            }
        elif result.payload:
            self._answer.send(payload_chunk(result.payload))
        if result.log_tail is not None:
            members["LogResult"] = base64.b64encode(result.log_tail).decode()
        self._answer.send(invoke_complete(members))
        self._answer.finish()

    def allow(self) -> None:
        """Answer that the function could be invoked."""
        self._respond(204, [("x-amzn-RequestId", self.request_id)], b"")

    def fail(self, error: Exception) -> None:
        """Answer that the function wasn't invoked, or that there was a bug."""
        try:
            self._respond(*render_error(error, request=self.request, request_id=self.request_id))
        except Exception:
            logger.exception("A request could not be answered.", extra={"request_id": self.request_id})


class EventStreamSink(PiecewiseSink):
    """The response as messages of the event stream: one for each piece."""

    __slots__ = ("_call",)

    def __init__(self, call: StreamCall, answer: PiecewiseAnswer) -> None:
        super().__init__(answer)
        self._call = call

    def begin(self, _content_type: str, executed_version: str) -> None:
        """The response begins; its content type isn't said, as on AWS."""
        self._call.begin(executed_version)

    def write(self, data: bytes) -> None:
        """The next piece."""
        self._answer.send(payload_chunk(data))


def _error_type(payload: bytes) -> str:
    try:
        error = json.loads(payload)
    except ValueError:
        return _UNKNOWN_ERROR
    error_type = error.get("errorType") if isinstance(error, dict) else None
    return error_type if isinstance(error_type, str) and error_type else _UNKNOWN_ERROR
