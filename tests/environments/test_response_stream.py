"""A response in pieces, on its way: limits, bandwidth, back-pressure. Source: runtime-api.md §2.3, quotas.md §4."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from lambent.core.fault import Fault
from lambent.core.invocation import MAX_PAYLOAD_BYTES, MAX_STREAM_BYTES
from lambent.environments.response_stream import UNTHROTTLED_BYTES, CollectedResponse, ResponseStream

BROKEN = Fault("Runtime.TruncatedResponse", "broken")
MEGABYTE = bytes(1024 * 1024)


class Sink:
    """A caller that counts."""

    def __init__(self) -> None:
        self.on_writable: Callable[[], None] | None = None
        self.writable = True
        self.received = 0

    def begin(self, content_type: str, executed_version: str) -> None:
        """Nothing depends on it here."""

    def write(self, data: bytes) -> None:
        self.received += len(data)


class Streamed:
    def __init__(self, bytes_per_second: int = 0) -> None:
        self.sink = Sink()
        self.ends: list[Fault | None] = []
        self.wanted = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.stream = ResponseStream(loop, self.sink, bytes_per_second=bytes_per_second, on_end=self.ends.append)
        self.stream.on_wanted = self.wanted.set

    def wants(self) -> bool:
        return self.stream.wanted


async def test_pieces_go_on_at_once_and_the_end_is_told_once() -> None:
    streamed = Streamed()
    streamed.stream.write(b"abc")
    assert streamed.sink.received == 3
    streamed.stream.end()
    streamed.stream.end()
    streamed.stream.fail(BROKEN)
    streamed.stream.write(b"too late")
    assert streamed.ends == [None]
    assert streamed.sink.received == 3


async def test_a_failure_is_told() -> None:
    streamed = Streamed()
    streamed.stream.fail(BROKEN)
    assert streamed.ends == [BROKEN]


async def test_an_abandoned_stream_takes_what_comes_and_tells_nobody() -> None:
    streamed = Streamed()
    streamed.sink.writable = False
    assert not streamed.wants()
    streamed.stream.abandon()
    assert streamed.wanted.is_set()
    assert streamed.wants()
    streamed.stream.write(b"abc")
    streamed.stream.end()
    assert streamed.ends == []
    assert streamed.sink.received == 0


async def test_nothing_more_is_wanted_while_the_caller_is_slow() -> None:
    streamed = Streamed()
    streamed.sink.writable = False
    assert not streamed.wants()
    streamed.sink.writable = True
    assert streamed.sink.on_writable is not None
    streamed.sink.on_writable()
    assert streamed.wanted.is_set()


class StoppedLoop:
    """An event loop whose time moves to its only timer's."""

    def __init__(self) -> None:
        self.now = 100.0
        self._due: tuple[float, Callable[[], None]] | None = None

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> object:
        assert self._due is None
        self._due = (when, callback)
        return self._due

    def pass_time(self) -> None:
        assert self._due is not None
        (self.now, callback), self._due = self._due, None
        callback()


async def test_beyond_6_mb_a_function_has_to_wait() -> None:
    loop = StoppedLoop()
    stream = ResponseStream(
        cast("asyncio.AbstractEventLoop", loop), Sink(), bytes_per_second=20 * 1024 * 1024, on_end=lambda _: None
    )
    told: list[float] = []
    stream.on_wanted = lambda: told.append(loop.now)

    def wants() -> bool:
        return stream.wanted

    for _ in range(UNTHROTTLED_BYTES // len(MEGABYTE)):
        stream.write(MEGABYTE)
        assert wants()
    for _ in range(2):
        stream.write(MEGABYTE)
        assert not wants()
        loop.pass_time()
        assert wants()
    assert told == pytest.approx([100.05, 100.10]), "2 MiB at 20 MiB a second"


async def test_a_pause_ends_with_the_stream() -> None:
    streamed = Streamed(bytes_per_second=1)
    for _ in range(7):
        streamed.stream.write(MEGABYTE)
    assert not streamed.wants()
    streamed.stream.abandon()
    assert streamed.wants()
    assert streamed.wanted.is_set()


async def test_a_stream_has_a_limit() -> None:
    streamed = Streamed()
    for _ in range(MAX_STREAM_BYTES // len(MEGABYTE)):
        streamed.stream.write(MEGABYTE)
    assert streamed.ends == []
    streamed.stream.write(b"x")
    (fault,) = streamed.ends
    assert fault is not None
    assert fault.error_type == "Function.ResponseSizeTooLarge"
    assert streamed.sink.received == MAX_STREAM_BYTES


async def test_the_limit_is_one_of_bytes_however_they_are_cut() -> None:
    streamed = Streamed()
    for _ in range(MAX_STREAM_BYTES // len(MEGABYTE) - 1):
        streamed.stream.write(MEGABYTE)
    streamed.stream.write(bytes(10))
    streamed.stream.write(MEGABYTE)
    assert streamed.sink.received == MAX_STREAM_BYTES
    assert len(streamed.ends) == 1


@pytest.mark.parametrize("size", [0, 10, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 10])
def test_a_collected_response_is_cut_one_byte_over_the_limit(size: int) -> None:
    whole: list[bytes] = []
    failures: list[Fault] = []
    collected = CollectedResponse(whole.append, failures.append)
    for start in range(0, size, 1_000_000):
        collected.write(bytes(min(1_000_000, size - start)))
        assert collected.wanted
    collected.end()
    assert [len(payload) for payload in whole] == [min(size, MAX_PAYLOAD_BYTES + 1)]
    assert failures == []


def test_a_collected_response_that_breaks_off() -> None:
    failures: list[Fault] = []
    CollectedResponse(lambda payload: None, failures.append).fail(BROKEN)
    assert failures == [BROKEN]
