"""Callers who take a response while it is being made: the answer in pieces behind each of them.

Each is the `stream` of an invocation and its `on_result`: `begin` and `write` as the runtime responds, `succeed` at the
end. A function that doesn't stream comes with `succeed` alone.
"""

from collections.abc import Callable

from lambent.gateway.http_server import Respond
from lambent.gateway.streamed_body import StreamedBody
from lambent.wire.http import ResponseHeaders


class PiecewiseAnswer:
    """The part that they have in common: an answer that is begun once, and its back-pressure.

    Attributes:
        on_writable: see `core.invocation.ResponseSink`.
        begun: the status and the headers have been sent.
    """

    __slots__ = ("_body", "_respond", "begun", "on_writable")

    def __init__(self, respond: Respond) -> None:
        self.on_writable: Callable[[], None] | None = None
        self.begun = False
        self._respond = respond
        self._body = StreamedBody(None)
        self._body.on_writable = self._tell

    @property
    def writable(self) -> bool:
        """Whether the client has taken enough of what was written; true, too, when it has left."""
        return self._body.writable

    def start(self, status: int, headers: ResponseHeaders) -> None:
        """Send the head.

        Raises:
            ValueError: a header contains a line break; nothing was sent.
        """
        self._respond(status, headers, self._body)
        self.begun = True

    def send(self, data: bytes) -> None:
        """Send a piece of the body."""
        self._body.send(data)

    def finish(self) -> None:
        """The body is whole."""
        self._body.close()

    def break_off(self) -> None:
        """Something is missing: the client must see that."""
        self._body.close(whole=False)

    def _tell(self) -> None:
        if self.on_writable is not None:
            self.on_writable()


class PiecewiseSink:
    """The part of a `core.invocation.ResponseSink` that is the same for whatever becomes of the pieces."""

    __slots__ = ("_answer",)

    def __init__(self, answer: PiecewiseAnswer) -> None:
        self._answer = answer

    @property
    def writable(self) -> bool:
        """See `core.invocation.ResponseSink`."""
        return self._answer.writable

    @property
    def on_writable(self) -> Callable[[], None] | None:
        """See `core.invocation.ResponseSink`."""
        return self._answer.on_writable

    @on_writable.setter
    def on_writable(self, told: Callable[[], None] | None) -> None:
        self._answer.on_writable = told
