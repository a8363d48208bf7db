"""A function's response on its way through a URL with InvokeMode RESPONSE_STREAM.

The head of the answer goes out with the end of the prelude, or else with the first byte, so that a function which
fails before is a 502. A response without a single byte is a 200, even where a prelude was announced (observed).

Source: invocation.md §6.3. What AWS answers to a prelude that is none is unverified.
"""

from collections.abc import Callable

from lambent.gateway.function_urls.answer import PRELUDE_END, PRELUDE_TYPE, HttpHead, head_of_prelude
from lambent.gateway.response_sinks import PiecewiseAnswer, PiecewiseSink

_DEFAULT_TYPE = "application/octet-stream"
_LONGEST_PRELUDE_BYTES = 1_048_576
"""As long as the head of an HTTP message may be."""


class UrlStream(PiecewiseSink):
    """The response as the body of an HTTP answer, its prelude taken apart.

    Args:
        begin: sends the head of the answer.
    """

    __slots__ = ("_begin", "_head", "_prelude")

    def __init__(self, answer: PiecewiseAnswer, begin: Callable[[HttpHead], None]) -> None:
        super().__init__(answer)
        self._begin = begin
        self._head: HttpHead | None = None  # of an answer that hasn't begun, unless a prelude brings another
        self._prelude: bytearray | None = None  # what has come of it; None where there is none to come

    def begin(self, content_type: str, _executed_version: str) -> None:
        """The response begins: with a prelude, or with its first bytes."""
        if content_type == PRELUDE_TYPE:
            self._prelude = bytearray()
            content_type = _DEFAULT_TYPE
        self._head = HttpHead(200, [("Content-Type", content_type)])

    def write(self, data: bytes) -> None:
        """The next piece."""
        if self._prelude is not None:
            rest = self._take_prelude(self._prelude, data)
            if rest is None:
                return
            data = rest
        self.begin_answer()
        if self._answer.begun:
            self._answer.send(data)

    def begin_answer(self) -> None:
        """Send the head, if it is known and wasn't sent."""
        if self._head is not None and not self._prelude:
            head, self._head = self._head, None
            self._begin(head)

    def _take_prelude(self, prelude: bytearray, data: bytes) -> bytes | None:
        """Take what belongs to the prelude; returns what is behind it, or None while it goes on, or is too long."""
        if len(prelude) > _LONGEST_PRELUDE_BYTES:
            return None  # the answer never begins, and its end says so
        searched = max(0, len(prelude) - len(PRELUDE_END) + 1)
        prelude += data
        end = prelude.find(PRELUDE_END, searched)
        if end < 0:
            return None
        self._prelude = None
        self._head = head_of_prelude(bytes(prelude[:end])) if end <= _LONGEST_PRELUDE_BYTES else None
        return bytes(prelude[end + len(PRELUDE_END) :])
