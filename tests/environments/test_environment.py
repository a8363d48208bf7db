"""The shell, with a sandbox that isn't one: the test plays the runtime over the real socket and pipe."""

import asyncio
import json
import re
from math import inf

import pytest

from lambent.core.environment import (
    IllegalTransition,
    State,
)
from lambent.core.invocation import MAX_PAYLOAD_BYTES, InvocationResult
from lambent.environments.environment import ExecutionEnvironment
from lambent.wire import frames
from tests.environments.fakes import ARN, REQUEST_ID, FakeRuntime, Harness, MakeHarness, invocation, response

DURATIONS = re.compile(r"Duration: [\d.]+ ms")


def anonymous(text: str) -> str:
    """A log with its durations replaced, since they're real time."""
    return DURATIONS.sub("Duration: # ms", text)


async def test_the_first_invocation_is_answered_and_its_log_has_the_init_duration(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke(b'{"n":1}')
    fields = await runtime.receive_invoke()
    assert fields[0].decode() == REQUEST_ID
    assert int(fields[1]) > 0
    assert fields[2].decode() == ARN
    assert fields[8] == b'{"n":1}'
    await runtime.respond(b'"hello"')
    result = await answer
    assert (result.payload, result.function_error, result.executed_version) == (b'"hello"', None, "$LATEST")
    await harness.idle.get()
    init_start, *rest = harness.logs.messages
    assert init_start.startswith("INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn:aws:lambda:")
    assert anonymous("".join(rest)) == (
        f"START RequestId: {REQUEST_ID} Version: $LATEST\n"
        f"END RequestId: {REQUEST_ID}\n"
        f"REPORT RequestId: {REQUEST_ID}\tDuration: # ms\tBilled Duration: # ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: # ms\t\n"
    )
    assert harness.sandbox.calls == ["end_init_phase"]


async def test_a_warm_invocation_has_no_init_duration(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    for _ in range(2):
        harness.invoke()
        await runtime.receive_invoke()
        await runtime.respond(b"null")
        await harness.idle.get()
    assert harness.logs.text.count("Init Duration") == 1
    assert harness.logs.text.count("INIT_START") == 1


async def test_an_invocation_waits_for_init(make: MakeHarness) -> None:
    harness = make()
    harness.environment.start()
    answer = harness.invoke(b"1")
    assert not harness.environment.idle
    runtime = await harness.runtime()
    await runtime.receive()
    await runtime.next()
    assert (await runtime.receive_invoke())[8] == b"1"
    await runtime.respond(b"2")
    assert (await answer).payload == b"2"


async def test_a_handlers_error_reaches_the_caller_byte_for_byte_and_is_no_error_of_the_platform(
    make: MakeHarness,
) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke()
    await runtime.receive_invoke()
    payload = b'{"errorMessage": "boom", "errorType": "E"}'
    await runtime.send((frames.ERROR, REQUEST_ID.encode() + b"\0E\0" + payload), (frames.NEXT, b""))
    result = await answer
    assert (result.payload, result.function_error) == (payload, "Unhandled")
    await harness.idle.get()
    assert "Status" not in harness.logs.text


async def test_the_caller_is_answered_at_the_response_and_the_slot_is_free_at_the_next_request(
    make: MakeHarness,
) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke()
    await runtime.receive_invoke()
    await runtime.send((frames.RESPONSE, response(b"1")))
    await answer
    assert harness.idle.empty()
    assert harness.environment.state is State.RESPONSE_SENT
    await runtime.next()
    await harness.idle.get()


async def test_with_log_tail_the_answer_waits_for_the_report_and_carries_the_invocations_log(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke(log_tail=True)
    await runtime.receive_invoke()
    runtime.print(b"printed\n")
    await runtime.send((frames.RESPONSE, response(b"1")))
    await runtime.next()
    tail = (await answer).log_tail
    assert tail is not None
    assert tail.startswith(b"INIT_START")
    assert b"printed\n" in tail
    assert tail.endswith(b"\t\n")
    answer = harness.invoke(log_tail=True)
    await runtime.receive_invoke()
    runtime.print(b"x" * 5000 + b"\n")
    await runtime.respond(b"1")
    tail = (await answer).log_tail
    assert tail is not None
    assert len(tail) == 4096
    assert b"INIT_START" not in tail
    assert b"REPORT" in tail


async def test_what_was_written_before_the_response_stands_before_end(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    harness.invoke()
    await runtime.receive_invoke()
    runtime.print(b"one\ntwo\rstill two\npart")
    log = frames.HEADER.pack(16, frames.LOG)[8:] + (0).to_bytes(8, "big") + (0).to_bytes(4, "big") + b"from a frame\n"
    framed = (1_700_000_000_123_456).to_bytes(8, "big") + (0xA55A000F).to_bytes(4, "big") + b"two\nlines"
    await runtime.send((frames.LOG, log), (frames.LOG, framed), (frames.RESPONSE, response(b"1")), (frames.NEXT, b""))
    await harness.idle.get()
    messages = harness.logs.messages
    lines = {"one\n", "two\rstill two\n", "part", "from a frame\n", "two\nlines"}
    assert set(messages[2:-2]) == lines
    assert (1_700_000_000_123, "two\nlines") in harness.logs.events


async def test_a_payload_of_six_megabytes_goes_both_ways(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    payload = b'"' + b"x" * (MAX_PAYLOAD_BYTES - 2) + b'"'
    answer = harness.invoke(payload)
    assert (await runtime.receive_invoke())[8] == payload
    await runtime.respond(payload)
    result = await answer
    assert result.payload == payload
    assert result.function_error is None


async def test_a_response_over_the_limit_is_the_callers_error_and_the_runtime_goes_on(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke()
    await runtime.receive_invoke()
    await runtime.respond(b"x" * (MAX_PAYLOAD_BYTES + 10_000))
    result = await answer
    assert result.function_error == "Unhandled"
    assert json.loads(result.payload) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    await harness.idle.get()
    assert harness.sandbox.calls == ["end_init_phase"]


async def reinitialise(harness: Harness) -> FakeRuntime:
    """The next generation, as far as its first request for an event."""
    runtime = await harness.runtime()
    assert (await runtime.receive())[0] == frames.INIT
    await runtime.next()
    return runtime


async def test_a_timeout_answers_resets_and_the_next_invocation_initialises_again(make: MakeHarness) -> None:
    harness = make(timeout_seconds=1)
    runtime = await harness.initialised()
    answer = harness.invoke()
    await runtime.receive_invoke()
    runtime.print(b"working")
    result = await answer
    assert json.loads(result.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {REQUEST_ID} Error: Task timed out after 1.00 seconds",
    }
    await harness.idle.get()
    text = harness.logs.text
    assert re.search(
        rf"\nworking\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {REQUEST_ID} Task timed out after 1.00 seconds\n\nEND ",
        text,
    )
    assert "\tDuration: 1000.00 ms\t" in text
    assert text.endswith("\tStatus: timeout\n")
    assert harness.environment.state is State.RESETTING
    answer = harness.invoke()  # at once: it waits for the next generation
    again = await reinitialise(harness)
    await again.receive_invoke()
    await again.respond(b'"again"')
    assert (await answer).payload == b'"again"'
    await harness.idle.get()
    assert harness.logs.text.count("Init Duration") == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ((0, None), "Runtime exited without providing a reason"),
        ((7, None), "Runtime exited with error: exit status 7"),
        ((None, 9), "Runtime exited with error: signal: killed"),
        ((None, 11), "Runtime exited with error: signal: segmentation fault"),
        ((None, 40), "Runtime exited with error: signal: signal 40"),
    ],
)
async def test_a_runtime_that_ends_in_an_invocation_is_told_to_the_caller(
    make: MakeHarness, status: tuple[int | None, int | None], message: str
) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke()
    await runtime.receive_invoke()
    runtime.print(b"last words")
    harness.sandbox.exit(*status)
    assert json.loads((await answer).payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {REQUEST_ID} Error: {message}",
    }
    await harness.idle.get()
    assert "last words" in harness.logs.messages
    assert f"RequestId: {REQUEST_ID} Error: {message}\nRuntime.ExitError\n" in harness.logs.messages
    assert harness.logs.text.endswith("\tStatus: error\tError Type: Runtime.ExitError\n")


async def test_on_idle_may_hand_in_the_next_invocation_while_the_runtime_is_started_anew(make: MakeHarness) -> None:
    answers: asyncio.Queue[InvocationResult] = asyncio.Queue()

    def invoke_again(environment: ExecutionEnvironment) -> None:
        if environment.state is State.RESTARTING:
            environment.invoke(invocation(b'"second"', on_result=answers.put_nowait))

    harness = make(on_idle=[invoke_again])
    runtime = await harness.initialised()
    harness.invoke()
    await runtime.receive_invoke()
    harness.sandbox.exit(1)
    again = await reinitialise(harness)
    assert (await again.receive_invoke())[8] == b'"second"'
    await again.respond(b"2")
    assert (await answers.get()).payload == b"2"


async def test_shutdown_while_the_runtime_is_started_anew_answers_whom_that_kept_waiting(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    failed = harness.invoke()
    await runtime.receive_invoke()
    harness.sandbox.exit(1)
    waiting = harness.invoke()
    harness.environment.shutdown()
    assert not (await failed).environment_lost
    assert (await waiting).environment_lost


async def test_a_response_that_was_sent_before_the_end_is_still_the_answer(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke()
    await runtime.receive_invoke()
    await runtime.send((frames.RESPONSE, response(b'"made it"')))
    harness.sandbox.exit(1)
    result = await answer
    assert (result.payload, result.function_error) == (b'"made it"', None)
    assert harness.logs.text.endswith("\tStatus: error\tError Type: Runtime.ExitError\n")


async def test_out_of_memory_reports_the_whole_memory(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    harness.invoke()
    await runtime.receive_invoke()
    harness.sandbox.exit(None, 9, out_of_memory=True)
    await harness.idle.get()
    assert "Max Memory Used: 128 MB" in harness.logs.text


async def test_a_failing_init_runs_twice_for_its_invocation_and_its_error_is_the_answer(make: MakeHarness) -> None:
    harness = make()
    harness.environment.start()
    answer = harness.invoke()
    error = b'{"errorMessage":"Runtime startup fails","errorType":"Exception","requestId":"","stackTrace":[]}'
    for _ in range(2):
        runtime = await harness.runtime()
        await runtime.receive()
        runtime.print(b"error text\n")
        await runtime.send((frames.INIT_ERROR, b"Runtime.ImportModuleError\0" + error))
        harness.sandbox.exit(1)
        await asyncio.sleep(0)
    result = await answer
    assert (result.payload, result.function_error) == (error, "Unhandled")
    await harness.idle.get()
    failed = "Status: error\tError Type: Runtime.ImportModuleError\n"
    assert anonymous(harness.logs.text).split("\n", 1)[1] == (
        "error text\n"
        f"INIT_REPORT Init Duration: # ms\tPhase: init\t{failed}"
        "error text\n"
        f"INIT_REPORT Init Duration: # ms\tPhase: invoke\t{failed}"
        f"START RequestId: {REQUEST_ID} Version: $LATEST\n"
        f"END RequestId: {REQUEST_ID}\n"
        f"REPORT RequestId: {REQUEST_ID}\tDuration: # ms\tBilled Duration: # ms\tMemory Size: 128 MB\t"
        f"Max Memory Used: 36 MB\t{failed}"
    )


async def test_an_idle_environment_is_frozen_and_thawed_for_its_next_event(make: MakeHarness) -> None:
    harness = make(freeze_after_ms=5)
    frozen = asyncio.Event()
    harness.sandbox.on_freeze = frozen.set
    runtime = await harness.initialised()
    await frozen.wait()
    assert harness.environment.state is State.FROZEN
    answer = harness.invoke()
    await runtime.receive_invoke()
    await runtime.respond(b"1")
    await answer
    assert harness.sandbox.calls[:3] == ["end_init_phase", "freeze", "thaw"]


async def test_on_idle_may_hand_in_the_next_invocation_at_once(make: MakeHarness) -> None:
    harness = make(freeze_after_ms=inf)
    answers = []
    runtime = await harness.initialised()
    for _ in range(3):
        answers.append(harness.invoke())
        await runtime.receive_invoke()
        await runtime.respond(b"1")
        await harness.idle.get()
    assert [answer.result().payload for answer in answers] == [b"1"] * 3


async def test_a_second_invocation_is_a_bug_of_the_caller(make: MakeHarness) -> None:
    harness = make()
    await harness.initialised()
    harness.invoke()
    with pytest.raises(IllegalTransition):
        harness.invoke()


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\0\xff\0\0\0",  # no such type
        frames.HEADER.pack(3, frames.LOG) + b"abc",  # a log record without a head
        frames.HEADER.pack(2, frames.RESPONSE) + b"ab",  # a response without fields
        frames.HEADER.pack(0, frames.STREAM_END),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_no_frame_ends_this_runtime_and_nothing_else(make: MakeHarness, data: bytes) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke()
    await runtime.receive_invoke()
    await asyncio.get_running_loop().sock_sendall(runtime.channel, data)
    assert json.loads((await answer).payload)["errorType"] == "Runtime.ExitError"
    await harness.idle.get()
    await harness.runtime()
    assert harness.sandbox.calls == ["end_init_phase", "kill", "restart"]


async def test_a_runtime_that_closes_its_socket_but_lives_on_is_killed(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke()
    await runtime.receive_invoke()
    runtime.channel.shutdown(2)
    assert b"signal: killed" in (await answer).payload


async def test_a_response_for_another_request_is_passed_over(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke()
    await runtime.receive_invoke()
    await runtime.send((frames.RESPONSE, response(b'"wrong"', "another-id")))
    await runtime.respond(b'"right"')
    assert (await answer).payload == b'"right"'


async def test_shutdown_while_idle_destroys_the_sandbox(make: MakeHarness) -> None:
    harness = make()
    await harness.initialised()
    harness.environment.shutdown()
    harness.environment.shutdown()
    await harness.ended.wait()
    await harness.environment.wait_closed()
    assert harness.sandbox.calls[-2:] == ["kill", "destroy"]
    assert not harness.environment.idle


@pytest.mark.parametrize("log_tail", [False, True])
async def test_shutdown_during_an_invocation_answers_that_the_environment_was_lost(
    make: MakeHarness, log_tail: bool
) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke(log_tail=log_tail)
    await runtime.receive_invoke()
    harness.environment.shutdown()
    result = await answer
    assert result.environment_lost
    assert (result.log_tail is not None) == log_tail
    await harness.ended.wait()
    await harness.environment.wait_closed()


async def test_a_sandbox_that_cannot_restart_ends_the_environment(make: MakeHarness) -> None:
    harness = make()
    harness.sandbox.restart_fails = True
    harness.environment.start()
    answer = harness.invoke(log_tail=True)
    harness.sandbox.exit(1)
    assert (await answer).environment_lost
    await harness.ended.wait()
    await harness.environment.wait_closed()


async def test_a_runtime_that_ends_while_idle_costs_nobody_an_invocation(make: MakeHarness) -> None:
    harness = make()
    await harness.initialised()
    await asyncio.sleep(0)
    harness.sandbox.exit(0)
    answer = harness.invoke()
    await harness.runtime()
    again = harness.sandbox.generations[-1]
    await again.receive()
    await again.next()
    await again.receive_invoke()
    await again.respond(b"1")
    assert (await answer).payload == b"1"


async def test_a_restart_under_way_is_given_up_at_shutdown(make: MakeHarness) -> None:
    harness = make()
    await harness.initialised()
    harness.sandbox.exit(0)
    harness.environment.shutdown()
    await harness.ended.wait()
    await harness.environment.wait_closed()
    assert harness.sandbox.calls[-1] == "destroy"


async def test_a_runtime_that_asks_again_for_the_event_that_it_has_is_killed(make: MakeHarness) -> None:
    """Nothing is lost on a socket pair; each answer would cost the server as much as an invocation."""
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke(b"x" * 100_000)
    await runtime.receive_invoke()
    await runtime.send(*[(frames.NEXT, b"")] * 8192)
    assert b"Runtime.ExitError" in (await answer).payload
    assert harness.sandbox.calls.count("kill") == 1


async def test_frames_that_nobody_asked_for_wait_and_nothing_is_lost(make: MakeHarness) -> None:
    harness = make()
    runtime = await harness.initialised()
    answer = harness.invoke()
    await runtime.receive_invoke()
    record = (frames.LOG, bytes(12) + b"line\n")
    flood = asyncio.create_task(runtime.send(*[record] * 20_000))  # noqa: TID251 # ends in this test
    # On a machine that is too busy to send them quickly, they never have to wait.
    while harness.environment._channel._stream._pause is None and not flood.done():
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await flood
        await runtime.respond(b"1")
        assert (await answer).payload == b"1"
    assert harness.logs.messages.count("line\n") == 20_000
