"""Requests taken apart from bytes; what needs connections is in tests/gateway/test_http_server.py."""

import pytest

from lambent.wire.http import Buffers, ByteBudget, HeaderNames, Rejection, Request, RequestParser, Sender

_LIMIT = 10_000_000


def parse(data: bytes, *, cut: int) -> list[Request | Rejection]:
    """What comes of bytes that arrive in parts of this length."""
    parser = RequestParser(
        peer="",
        names=HeaderNames(),
        header_limit=_LIMIT,
        body_limit=lambda method, path: _LIMIT,
        admits=lambda request: Sender.KNOWN,
        buffers=Buffers.of(ByteBudget(_LIMIT), ByteBudget(_LIMIT)),
    )
    for start in range(0, len(data), cut):
        parser.feed(data[start : start + cut])
    ready = list(parser.ready)
    parser.release()
    return ready


class TestLongBodies:
    """They are kept in pieces, which aren't put together for those who only pass them on."""

    SIZE = 3_000_000

    def received(self, cut: int) -> Request:
        body = bytes(number % 251 for number in range(1000)) * (self.SIZE // 1000)
        [request] = parse(b"PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body, cut=cut)
        assert isinstance(request, Request)
        self.body = body
        return request

    @pytest.mark.parametrize("cut", [1000, 65_536, 1_000_003, 4_000_000])
    def test_the_pieces_are_the_body(self, cut: int) -> None:
        request = self.received(cut)
        assert b"".join(request.pieces()) == self.body
        assert all(len(piece) >= 65_536 for piece in request.pieces()[:-1])

    @pytest.mark.parametrize("cut", [1000, 65_536, 4_000_000])
    def test_it_is_put_together_when_it_is_asked_for(self, cut: int) -> None:
        request = self.received(cut)
        assert request.body == self.body
        assert request.body is request.body

    def test_a_request_without_a_body_has_no_pieces(self) -> None:
        [request] = parse(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", cut=1000)
        assert isinstance(request, Request)
        assert list(request.pieces()) == []

    def test_what_a_request_has_not_is_an_error(self) -> None:
        with pytest.raises(AttributeError, match="no_such_thing"):
            _ = self.received(1000).no_such_thing  # type: ignore[attr-defined]  # that is the point
