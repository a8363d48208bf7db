"""Lines, pieces, the budget and the tail."""

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.clock import Clock
from lambent.core.log_format import TextFormat
from lambent.core.loop_share import LoopShare
from lambent.core.report import Start
from lambent.environments.log_capture import MAX_EVENT_BYTES, LineSplitter, LogCapture
from lambent.wire.frames import LogRecord
from tests.environments.fakes import FakeLogStream

START = Start("id", "$LATEST")


class StoppedClock(Clock):
    def __init__(self) -> None:
        self.seconds = 100.0

    def now_ms(self) -> int:
        return 1_000

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def stream() -> FakeLogStream:
    return FakeLogStream()


async def capture(stream: FakeLogStream, clock: Clock, **options: int) -> LogCapture:
    return LogCapture(asyncio.get_running_loop(), stream, clock, TextFormat(), LoopShare(), **options)


@given(st.lists(st.sampled_from([b"a", b"bc\n", b"\n", b"\r", b"d\ne"]), max_size=20))
def test_lines_are_whatever_the_split(parts: list[bytes]) -> None:
    splitter = LineSplitter()
    lines = [line for part in parts for line in splitter.feed(part)]
    assert lines == [line for line in b"".join(parts).split(b"\n")[:-1] for line in [line + b"\n"]]
    assert b"".join(lines) + splitter.flush() == b"".join(parts)
    assert splitter.flush() == b""


def pieces(data: bytes, step: int) -> Iterator[bytes]:
    splitter = LineSplitter()
    for start in range(0, len(data), step):
        yield from splitter.feed(data[start : start + step])
    yield splitter.flush()


@pytest.mark.parametrize("step", [1000, 65_536, 1 << 22])
def test_a_line_over_256_kb_is_cut_between_characters(step: int) -> None:
    data = b"a" + "ä€".encode() * 200_000 + b"\nnext\n"
    cut = [piece for piece in pieces(data, step) if piece]
    assert b"".join(cut) == data
    assert all(0 < len(piece) <= MAX_EVENT_BYTES for piece in cut)
    assert all("�" not in piece.decode("utf-8", "replace") for piece in cut)
    assert cut[-1] == b"next\n"


async def test_bytes_that_are_no_text_are_replaced(stream: FakeLogStream, clock: StoppedClock) -> None:
    logs = await capture(stream, clock)
    logs.record(LogRecord(0, 0, b"\xff\n"))
    assert stream.events == [(1_000, "�\n")]


async def test_a_flood_is_dropped_counted_and_told(stream: FakeLogStream, clock: StoppedClock) -> None:
    logs = await capture(stream, clock, budget_bytes=10_000)
    for _ in range(100):
        logs.record(LogRecord(0, 0, b"x" * 999 + b"\n"))
    assert len(stream.events) == 9
    clock.seconds += 0.01
    logs.record(LogRecord(0, 0, b"still too early\n"))
    assert len(stream.events) == 9
    clock.seconds += 1
    logs.record(LogRecord(0, 0, b"again\n"))
    assert stream.messages[9:] == [
        (
            '{"type":"platform.logsDropped","record":{"reason":"The environment wrote more than its log budget",'
            '"droppedRecords":92,"droppedBytes":91016}}\n'
        ),
        "again\n",
    ]


async def test_an_empty_line_costs_as_much_of_the_budget_as_a_short_one(
    stream: FakeLogStream, clock: StoppedClock
) -> None:
    logs = await capture(stream, clock, budget_bytes=282 * 10)
    logs.record(LogRecord(0, 0, b"\n" * 50))
    assert stream.messages == ["\n"] * 10


async def test_a_frame_of_millions_of_lines_is_counted_and_its_last_line_goes_on(
    stream: FakeLogStream, clock: StoppedClock
) -> None:
    logs = await capture(stream, clock, budget_bytes=28_200)
    logs.record(LogRecord(0, 0, b"\n" * 4_000_000 + b"the last line "))
    clock.seconds += 1
    logs.record(LogRecord(0, 0, b"goes on\n"))
    assert stream.messages == [
        *["\n"] * 100,
        (
            '{"type":"platform.logsDropped","record":{"reason":"The environment wrote more than its log budget",'
            '"droppedRecords":3999900,"droppedBytes":3999900}}\n'
        ),
        "the last line goes on\n",
    ]


async def test_a_line_without_end_is_dropped_in_pieces(stream: FakeLogStream, clock: StoppedClock) -> None:
    logs = await capture(stream, clock, budget_bytes=2820)
    logs.record(LogRecord(0, 0, b"\n" * 11))
    for _ in range(10):
        logs.record(LogRecord(0, 0, b"x" * MAX_EVENT_BYTES))
    assert len(logs._frame_lines.rest) <= MAX_EVENT_BYTES
    assert logs._dropped_records == 10  # the first line, and nine pieces


async def test_what_the_store_does_not_take_is_dropped_counted_and_told(
    stream: FakeLogStream, clock: StoppedClock
) -> None:
    logs = await capture(stream, clock)
    stream.has_room = False
    logs.record(LogRecord(0, 0, b"lost\n"))
    stream.has_room = True
    logs.record(LogRecord(0, 0, b"again\n"))
    assert stream.messages[1:] == ["again\n"]
    assert '"droppedRecords":1,"droppedBytes":5' in stream.messages[0]


async def test_a_pipe_that_uses_up_the_share_waits_and_is_read_later(
    stream: FakeLogStream, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = await capture(stream, clock, budget_bytes=1 << 30)
    read, write = os.pipe()
    os.set_blocking(read, False)
    loop = asyncio.get_running_loop()
    now = loop.time()
    with monkeypatch.context() as stopped:  # the share grows with the loop's time, however little of it was ours
        stopped.setattr(loop, "time", lambda: now)
        logs.attach(read)
        os.write(write, b"\n" * 65_536)
        while logs._pause is None:
            await asyncio.sleep(0)
        assert 0 < len(stream.events) < 20_000
    async with asyncio.timeout(10):
        while len(stream.events) < 65_536:
            await asyncio.sleep(0.005)
    os.write(write, b"what is left at the end\n")
    os.close(write)
    logs.detach()
    assert stream.messages[-1] == "what is left at the end\n"


async def test_the_platforms_lines_are_never_dropped(stream: FakeLogStream, clock: StoppedClock) -> None:
    logs = await capture(stream, clock, budget_bytes=10)
    logs.record(LogRecord(0, 0, b"dropped for want of budget\n"))
    logs.platform(5, START)
    assert stream.events == [(5, START.text())]


async def test_the_tail_is_the_last_4096_bytes(stream: FakeLogStream, clock: StoppedClock) -> None:
    logs = await capture(stream, clock)
    assert logs.tail() == b""
    logs.begin_tail()
    for number in range(3000):
        logs.record(LogRecord(0, 0, b"line %d\n" % number))
    assert logs.tail() == stream.text.encode()[-4096:]
    logs.record(LogRecord(0, 0, b"y" * 100_000 + b"\n"))
    assert logs.tail() == b"y" * 4095 + b"\n"
    logs.drop_tail()
    logs.platform(0, START)
    assert logs.tail() == b""


async def test_the_pipe_is_read_as_it_fills_and_to_its_end(stream: FakeLogStream, clock: StoppedClock) -> None:
    logs = await capture(stream, clock)
    read, write = os.pipe()
    os.set_blocking(read, False)
    logs.attach(read)
    os.write(write, b"one\ntw")
    while not stream.events:
        await asyncio.sleep(0)
    os.write(write, b"o\nlast")
    os.close(write)
    logs.detach()
    logs.detach()
    logs.drain()
    logs.flush()
    assert stream.messages == ["one\n", "two\n", "last"]


async def test_a_pipe_that_everybody_closed_is_quiet(stream: FakeLogStream, clock: StoppedClock) -> None:
    logs = await capture(stream, clock)
    read, write = os.pipe()
    os.set_blocking(read, False)
    logs.attach(read)
    os.close(write)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not asyncio.get_running_loop().remove_reader(read)
    logs.detach()
