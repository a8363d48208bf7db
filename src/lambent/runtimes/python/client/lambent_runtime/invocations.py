"""The loop of a function's process: initialise the handler, then serve invocations one at a time.

A warm invocation costs one read and one write: the answer and the request for the next event are sent
together. What the function printed without a line end is sent before its answer.
"""

from __future__ import annotations

import logging
import os
import sys

from lambent_runtime import context, errors, frames, handler, logs, payload, trace
from lambent_runtime.frames import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_FIELDS = 8


def serve(channel: Channel) -> NoReturn:
    """Import the handler named by the environment and serve invocations for as long as the server asks.

    Raises:
        ChannelClosed: the server is gone.
        BaseException: what ends the process: SystemExit(1) after a failed initialisation, and whatever the
            function's code raises that is no Exception.
    """
    process = _Process(channel)
    try:
        process.initialise()
    except errors.RuntimeFault as fault:
        process.fail(errors.document_of_fault(fault))
    except Exception as error:
        process.fail(errors.document_of_exception(error))
    process.serve()


def rehearse(channel: Channel, body: bytes) -> None:
    """Initialise the handler and serve one invocation, whose INVOKE has this body; see `rehearsal`."""
    process = _Process(channel)
    process.initialise()
    channel.send(process.invoke(body))


class _Process:
    """The parts that a function's process is made of."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._output = logs.Output(channel)
        self._current = logs.CurrentInvocation()
        self._error_log = logs.set_up(channel, self._current)
        self._codec = payload.Codec(ensure_ascii=not payload.writes_unicode())

    def initialise(self) -> None:
        """Import the handler; raises RuntimeFault, and whatever the function's module raises."""
        self._function: Callable[[object, object], object] = handler.resolve(os.environ["_HANDLER"])
        self._environment = context.FunctionEnvironment()
        self._trace = trace.TraceVariable()

    def fail(self, document: dict[str, object]) -> NoReturn:
        """Tell why the function could not be initialised, and end."""
        self._output.flush()
        logging.getLogger().warning(logs.UNHANDLED_EXCEPTION_WARNING)
        self._error_log.write(document, self._codec.encode)
        self._channel.send(frames.init_error(str(document["errorType"]), _to_bytes(self._codec.encode(document))))
        sys.exit(1)

    def serve(self) -> NoReturn:
        """Ask for invocations and serve them."""
        channel = self._channel
        self._output.flush()
        channel.send(frames.NEXT_FRAME)
        while True:
            kind, body = channel.receive()
            if kind == frames.INVOKE:
                channel.send(self.invoke(body))

    def invoke(self, body: bytes) -> bytes:
        """Serve one invocation; the frames that answer it and ask for the next one."""
        fields, event = _split(body)
        request_id, deadline, arn, trace_id, client_context, identity, tenant_id, content_type = fields
        self._current.request_id = request_id
        self._current.tenant_id = tenant_id or None
        self._trace.set(trace_id)
        try:
            lambda_context = context.LambdaContext(
                self._environment,
                request_id,
                int(deadline),
                arn or None,
                context.parse_json(client_context, "Client Context"),
                context.parse_json(identity, "Cognito Identity"),
                tenant_id or None,
            )
            value = self._codec.read_event(event) if content_type == payload.JSON_TYPE else _raw_event(body)
            answer, answer_type = self._codec.write_answer(self._function(value, lambda_context))
        except errors.RuntimeFault as fault:
            document = errors.document_of_fault(fault, request_id)
        except Exception as error:
            document = errors.document_of_exception(error, request_id)
        else:
            self._output.flush()
            if isinstance(answer, str):
                # A lone surrogate ends the process, as on AWS: the answer can't be sent, and nobody catches it.
                answer = answer.encode()
            return frames.response_and_next(request_id, answer_type, answer)
        self._output.flush()
        self._error_log.write(document, self._codec.encode)
        # AWS's client names no error type for the platform here; the document does for the caller.
        return frames.error_and_next(request_id, "", _to_bytes(self._codec.encode(document)))


def _split(body: bytes) -> tuple[list[str], str | bytes]:
    """The fields of an INVOKE, and the event: text if all of it is UTF-8, which is one decoding for all."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        *raw, event = body.split(b"\0", _FIELDS)
        return [field.decode("utf-8", "replace") for field in raw], event
    *fields, event_text = text.split("\0", _FIELDS)
    return fields, event_text


def _raw_event(body: bytes) -> bytes:
    return body.split(b"\0", _FIELDS)[_FIELDS]


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
