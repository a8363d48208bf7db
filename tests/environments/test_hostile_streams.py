"""Responses in pieces, from runtimes that mean harm: each costs its own invocation, and the server next to nothing."""

import asyncio
from collections.abc import Callable

import pytest

from lambent.core.environment import State
from lambent.core.invocation import MAX_PAYLOAD_BYTES, InvocationResult
from lambent.environments.runtime_api import MAX_HELD_BYTES
from lambent.wire import frames
from tests.environments.fakes import REQUEST_ID, FakeRuntime, Harness, MakeHarness, invocation
from tests.environments.test_runtime_api import BASE, OK, Client

START = (frames.STREAM_START, f"{REQUEST_ID}\0text/plain\0".encode())
HEAD = (
    f"POST {BASE}/invocation/{REQUEST_ID}/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    "Lambda-Runtime-Function-Response-Mode: streaming\r\n\r\n"
).encode()
CRUMB = b"1\r\na\r\n"
END = b"0\r\n\r\n"


class Sink:
    """A caller that notes what it is given; `writable` is the test's to set."""

    def __init__(self) -> None:
        self.on_writable: Callable[[], None] | None = None
        self.writable = True
        self.begun = 0
        self.pieces: list[bytes] = []

    def begin(self, content_type: str, executed_version: str) -> None:
        self.begun += 1

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))


class Streaming:
    """An invocation whose caller takes the response in pieces."""

    def __init__(self, harness: Harness) -> None:
        self.sink = Sink()
        self.answer: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
        asked = invocation(on_result=self.answer.set_result)
        asked.stream = self.sink
        harness.environment.invoke(asked)

    async def result(self) -> InvocationResult:
        async with asyncio.timeout(5):
            return await self.answer


async def over_frames(make: MakeHarness, **options: int) -> tuple[Harness, FakeRuntime, Streaming]:
    harness = make(**options)
    runtime = await harness.initialised()
    streaming = Streaming(harness)
    await runtime.receive_invoke()
    return harness, runtime, streaming


async def over_http(make: MakeHarness) -> tuple[Harness, Client, Streaming]:
    harness = make()
    harness.environment.start()
    client = await Client.connect(harness)
    client.request("GET", f"{BASE}/invocation/next")
    streaming = Streaming(harness)
    assert (await client.answer())[0] == 200
    return harness, client, streaming


async def test_crumbs_over_http_go_on_together(make: MakeHarness) -> None:
    _, client, streaming = await over_http(make)
    client.write(HEAD + CRUMB * 20_000 + END)
    assert await client.answer() == OK
    assert (await streaming.result()).function_error is None
    assert streaming.sink.size == 20_000
    assert len(streaming.sink.pieces) < 200, "one piece for each read, not for each chunk"
    await client.close()


@pytest.mark.parametrize(
    ("said", "pieces"),
    [
        ("Content-Type: application/octet-stream\r\n", [b"a", b"b"]),
        ("Content-Type: application/json\r\n", []),
        ("", []),
    ],
)
async def test_who_does_not_say_that_it_streams_does_so_with_what_is_not_json(
    make: MakeHarness, said: str, pieces: list[bytes]
) -> None:
    """As aws-lambda-go does, whose handlers' JSON comes in chunks too."""
    _, client, streaming = await over_http(make)
    head = f"POST {BASE}/invocation/{REQUEST_ID}/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{said}\r\n"
    client.write(head.encode() + b"1\r\na\r\n")
    await client.writer.drain()
    async with asyncio.timeout(5):
        while pieces and not streaming.sink.pieces:
            await asyncio.sleep(0.001)
    client.write(b"1\r\nb\r\n" + END)
    assert await client.answer() == OK
    assert streaming.sink.pieces == pieces
    assert (await streaming.result()).payload == (b"" if pieces else b"ab")
    await client.close()


async def broken_off(make: MakeHarness) -> tuple[Harness, Streaming]:
    """A stream whose connection has ended, and the server knows."""
    harness, client, streaming = await over_http(make)
    client.write(HEAD + CRUMB)
    await client.close()
    async with asyncio.timeout(5):
        while not harness.environment._api._broken:
            await asyncio.sleep(0.001)
    return harness, streaming


async def test_a_process_that_ended_in_the_middle_is_why_its_connection_did(make: MakeHarness) -> None:
    """Its descriptors are closed before its end is known."""
    harness, streaming = await broken_off(make)
    harness.sandbox.exit(3)
    assert b"exit status 3" in (await streaming.result()).payload


async def test_a_process_that_lives_broke_the_connection_off_itself(make: MakeHarness) -> None:
    harness, streaming = await broken_off(make)
    again = await Client.connect(harness)
    again.request("GET", f"{BASE}/invocation/next")
    assert b"Runtime.TruncatedResponse" in (await streaming.result()).payload
    await harness.idle.get()
    await again.close()


async def test_a_process_that_does_nothing_more_has_a_moment(make: MakeHarness) -> None:
    _, streaming = await broken_off(make)
    assert b"Runtime.TruncatedResponse" in (await streaming.result()).payload


async def test_crumbs_in_frames_go_on_together_and_so_does_their_credit(make: MakeHarness) -> None:
    _, runtime, streaming = await over_frames(make)
    await runtime.send(START, *[(frames.CHUNK, b"a")] * 2_000, (frames.STREAM_END, b""), (frames.NEXT, b""))
    await streaming.result()
    assert streaming.sink.size == 2_000
    assert len(streaming.sink.pieces) < 20
    credit = 0
    while credit < 2_000:
        frame_type, body = await runtime.receive()
        assert frame_type == frames.CREDIT
        given = int.from_bytes(body)
        assert given > 10, "credit is given for what came together"
        credit += given


async def test_framing_of_what_was_passed_on_is_not_held_against_a_stream(make: MakeHarness) -> None:
    _, client, streaming = await over_http(make)
    crumb = b"1;" + b"x" * 8_000 + b"\r\na\r\n"
    count = MAX_HELD_BYTES // 8_000 + 200
    client.write(HEAD)
    for _ in range(count):
        client.write(crumb)
        await client.writer.drain()
    client.write(END)
    assert await client.answer() == OK
    assert (await streaming.result()).function_error is None
    assert streaming.sink.size == count
    await client.close()


async def test_nonsense_in_a_stream_breaks_it_off_at_once(make: MakeHarness) -> None:
    harness, client, streaming = await over_http(make)
    client.write(HEAD + b"3\r\nabc\r\nnonsense\r\n")
    assert (await client.answer())[0] == 400
    result = await streaming.result()
    assert (result.streamed, result.function_error) == (True, "Unhandled")
    assert streaming.sink.pieces == [b"abc"]
    assert harness.environment.state is State.RESPONSE_SENT
    await client.close()


async def test_another_connection_cannot_take_a_stream_over(make: MakeHarness) -> None:
    harness, client, streaming = await over_http(make)
    client.write(HEAD + b"3\r\nabc\r\n")
    other = await Client.connect(harness)
    other.write(HEAD + b"3\r\nxyz\r\n" + END)
    assert (await other.answer())[0] == 403
    assert (await other.post("response", b"1"))[0] == 403
    assert (await other.post("error", b"{}"))[0] == 403
    assert (await other.ask("GET", f"{BASE}/invocation/next"))[0] == 403
    streaming.sink.writable = False
    client.write(b"3\r\ndef\r\n")
    await asyncio.sleep(0.05)
    streaming.sink.writable = True
    assert streaming.sink.on_writable is not None
    streaming.sink.on_writable()  # still the first one's: it is read on from
    client.write(b"3\r\nghi\r\n" + END)
    assert await client.answer() == OK
    result = await streaming.result()
    assert (result.streamed, result.function_error) == (True, None)
    assert streaming.sink.begun == 1
    assert b"".join(streaming.sink.pieces) == b"abcdefghi"
    await client.close()
    await other.close()


@pytest.mark.parametrize(
    "violation",
    [
        [START],
        [(frames.CHUNK, bytes(frames.STREAM_WINDOW_BYTES + 1))],
        [(frames.STREAM_END, b""), (frames.CHUNK, b"late")],
        [(frames.STREAM_END, b""), (frames.STREAM_END, b"")],
        [(frames.STREAM_ERROR, b"no field")],
    ],
    ids=["begun twice", "no credit", "a chunk after the end", "ended twice", "an error without its type"],
)
async def test_frames_that_no_client_sends_end_the_runtime(
    make: MakeHarness, violation: list[tuple[int, bytes]]
) -> None:
    harness, runtime, streaming = await over_frames(make)
    await runtime.send(START, (frames.CHUNK, b"abc"), *violation)
    result = await streaming.result()
    assert result.streamed
    assert streaming.sink.pieces == [b"abc"]
    async with asyncio.timeout(5):
        while "restart" not in harness.sandbox.calls:
            await asyncio.sleep(0.01)
    assert "kill" in harness.sandbox.calls
    assert harness.environment.idle


async def test_a_frame_of_4_gib_takes_no_memory_and_its_time_is_up_at_the_deadline(make: MakeHarness) -> None:
    harness, runtime, streaming = await over_frames(make, timeout_seconds=1)
    await runtime.send(START)
    runtime.channel.send(frames.HEADER.pack(0xFFFF_FFFF, frames.CHUNK) + b"x" * 1000)
    result = await streaming.result()
    assert b"Sandbox.Timedout" in result.payload
    assert streaming.sink.size == 0
    assert harness.environment.idle


async def test_the_deadline_holds_while_the_caller_takes_nothing(make: MakeHarness) -> None:
    harness, runtime, streaming = await over_frames(make, timeout_seconds=1)
    streaming.sink.writable = False
    await runtime.send(START, (frames.CHUNK, bytes(1000)))
    result = await streaming.result()
    assert b"Sandbox.Timedout" in result.payload
    assert harness.environment.idle
    assert streaming.sink.on_writable is None


async def test_an_error_at_the_end_is_bounded_as_a_response_is(make: MakeHarness) -> None:
    _, client, streaming = await over_http(make)
    trailer = b"Lambda-Runtime-Function-Error-Type: Big\r\nLambda-Runtime-Function-Error-Body: "
    client.write(HEAD + b"3\r\nabc\r\n0\r\n" + trailer + b"!" * (MAX_PAYLOAD_BYTES + 1) + b"\r\n\r\n")
    assert await client.answer() == OK
    result = await streaming.result()
    assert result.function_error == "Unhandled"
    assert b"Function.ResponseSizeTooLarge" in result.payload
    assert len(result.payload) < 1000
    await client.close()
