"""InvocationType=Event: accepted at once, run soon, tried again when the function fails."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.golden import assert_answer, sample
from tests.invoke.caller import Caller, at_the_same_time
from tests.invoke.gate import WAITING, closed_gate
from tests.invoke.logs import lines_of, wait_for
from tests.invoke.test_payloads import assert_too_large
from tests.lambent_server import LambentServer, create_function

EVENT = {"X-Amz-Invocation-Type": "Event"}
ONE_MB = 1_048_576
NOTES = """\
import json

def handler(event, context):
    what = event if len(str(event)) < 100 else len(event)
    print("NOTE", json.dumps([what, context.aws_request_id, context.invoked_function_arn]))
    if event == "fail":
        raise ValueError("no")
"""

Notes = Callable[[], list[Any]]


@pytest.fixture
def notes(client: Any, caller: Caller, lambent: LambentServer) -> Notes:
    """Makes the function "fn"; then says what it was given: event, request id, ARN."""
    create_function(client, "fn", NOTES, MemorySize=256)
    return lambda: [json.loads(note) for note in lines_of(lambent, caller, "fn", beginning="NOTE ")]


def test_an_event_is_accepted_and_runs_with_the_accepted_request_id(caller: Caller, notes: Notes) -> None:
    answer = caller.invoke(caller.arn("fn"), b'{"a": "\xc3\xa9"}', headers=EVENT)
    assert_answer(sample("invoke", "Invoke", "asynchronous"), answer, {})
    assert wait_for(notes) == [[{"a": "é"}, answer.headers["x-amzn-requestid"], caller.arn("fn")]]


def test_an_event_without_a_payload_is_an_empty_object(caller: Caller, notes: Notes) -> None:
    caller.invoke("fn", headers=EVENT)
    assert wait_for(notes)[0][0] == {}


def test_a_version_runs_the_event_that_was_sent_to_it(caller: Caller, client: Any, notes: Notes) -> None:
    client.publish_version(FunctionName="fn")
    assert caller.invoke("fn", qualifier="1", headers=EVENT).status == 202
    assert wait_for(notes)[0][2] == caller.arn("fn", "1")


def test_an_event_may_have_one_megabyte(caller: Caller, notes: Notes) -> None:
    """Source: quotas.md section 7 (since October 2025)."""
    largest = b'"' + b"x" * (ONE_MB - 2) + b'"'
    assert caller.invoke("fn", largest, headers=EVENT).status == 202
    assert wait_for(notes)[0][0] == ONE_MB - 2
    assert_too_large(caller.invoke("fn", largest + b" ", headers=EVENT), ONE_MB)
    assert_too_large(caller.invoke("fn", b" " * 7_000_000, headers=EVENT), ONE_MB)


def test_an_event_whose_function_fails_waits_a_minute_for_its_second_try(
    caller: Caller, lambent: LambentServer, notes: Notes
) -> None:
    """Source: invocation.md section 2: one minute before the second attempt, with the same request id."""
    sent_ms = time.time_ns() // 1_000_000
    request_id = caller.invoke("fn", b'"fail"', headers=EVENT).headers["x-amzn-requestid"]
    visible_after_ms = wait_for(lambda: next_try_ms(lambent, request_id, attempts=1))
    assert 60_000 <= visible_after_ms - sent_ms <= 75_000
    assert [note[1] for note in wait_for(notes)] == [request_id]


def test_an_event_is_accepted_when_nothing_is_reserved(caller: Caller, client: Any, notes: Notes) -> None:
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=0)
    golden = sample("invoke", "Invoke", "asynchronous with nothing reserved (0): accepted all the same")
    assert_answer(golden, caller.invoke(caller.arn("fn", "$LATEST"), headers=EVENT), {})


def test_an_event_for_what_isnt_there_is_refused_at_once(caller: Caller) -> None:
    answer = caller.invoke("missing", headers=EVENT)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")


def test_many_events_all_run_once(caller: Caller, notes: Notes) -> None:
    sent = [caller.invoke("fn", str(n).encode(), headers=EVENT).headers["x-amzn-requestid"] for n in range(10)]
    wait_for(lambda: len(notes()) >= len(sent))
    assert sorted(note[1] for note in notes()) == sorted(sent)


def test_a_function_that_is_busy_holds_up_no_others(
    caller: Caller, client: Any, lambent: LambentServer, notes: Notes
) -> None:
    """Each function has a queue of its own, and is as fast as its concurrency lets it. Source: invocation.md section 2."""
    create_function(client, "busy", WAITING)
    client.put_function_concurrency(FunctionName="busy", ReservedConcurrentExecutions=2)
    with closed_gate() as gate:
        at_the_same_time(200, lambda _: caller.invoke("busy", gate.event, headers=EVENT))
        wait_for(lambda: gate.waiting == 2)
        quick = caller.invoke("fn", headers=EVENT).headers["x-amzn-requestid"]
        assert wait_for(notes)[0][1] == quick
        assert gate.waiting == 2
        assert waiting(lambent, caller, "busy") == (200, 0, 0), "nobody has tried what can't run"
        gate.open()
        wait_for(lambda: waiting(lambent, caller, "busy")[0] == 0, seconds=60)


def test_a_function_that_the_host_has_no_memory_for_holds_up_no_others(own_lambent: LambentServer) -> None:
    """What waits for an environment takes from the concurrency of the account: events wait in their queue."""
    own_lambent.flags = [*own_lambent.flags, "--memory-capacity-mb", "1280"]
    client = own_lambent.start().client()
    caller = Caller(own_lambent.port, "000000000000")
    create_function(client, "large", WAITING, MemorySize=512)
    create_function(client, "fn", NOTES, MemorySize=128)
    with closed_gate() as gate:
        at_the_same_time(50, lambda _: caller.invoke("large", gate.event, headers=EVENT))
        wait_for(lambda: gate.waiting == 2)
        quick = caller.invoke("fn", headers=EVENT).headers["x-amzn-requestid"]
        [note] = wait_for(lambda: lines_of(own_lambent, caller, "fn", beginning="NOTE "))
        assert json.loads(note)[1] == quick
        assert waiting(own_lambent, caller, "large") == (50, 0, 0)
        gate.open()
        wait_for(lambda: waiting(own_lambent, caller, "large")[0] == 0, seconds=60)


def waiting(lambent: LambentServer, caller: Caller, function: str) -> tuple[int, int, int]:
    """How many events of a function aren't over, and how many attempts and deferrals they have had together."""
    with contextlib.closing(sqlite3.connect(f"file:{lambent.data_directory / 'queue.db'}?mode=ro", uri=True)) as queue:
        query = "SELECT count(*), total(attempts), total(deferrals) FROM events WHERE account = ? AND function_name = ?"
        count, attempts, deferrals = queue.execute(query, (caller.account, function)).fetchone()
        return count, int(attempts), int(deferrals)


def next_try_ms(lambent: LambentServer, request_id: str, *, attempts: int) -> int | None:
    """When an event that was tried so often is due again, in the server's queue."""
    with sqlite3.connect(f"file:{lambent.data_directory / 'queue.db'}?mode=ro", uri=True) as database:
        query = "SELECT visible_after_ms FROM events WHERE request_id = ? AND attempts = ?"
        row = database.execute(query, (request_id, attempts)).fetchone()
    database.close()
    return None if row is None else row[0]
