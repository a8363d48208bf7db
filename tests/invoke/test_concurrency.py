"""How many run at the same time: exactly as many as are admitted, each in an environment of its own."""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.golden import Answer, assert_answer, sample
from tests.invoke.caller import Caller, at_the_same_time
from tests.invoke.gate import WAITING, closed_gate
from tests.invoke.logs import wait_for
from tests.lambent_server import LambentServer, create_function


@contextlib.contextmanager
def callers(count: int, invoke: Callable[[int], Answer]) -> Iterator[list[Answer]]:
    """That many calls at the same time, whose answers appear in the list; all of them after the block."""
    answers: list[Answer] = []
    calling = threading.Thread(target=at_the_same_time, args=(count, lambda n: answers.append(invoke(n))))
    calling.start()
    yield answers
    calling.join()


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


# --- environments ---


def test_invocations_at_the_same_time_have_an_environment_each_and_those_after_each_other_share_one(
    caller: Caller, client: Any
) -> None:
    create_function(client, "fn", WAITING)
    with closed_gate() as gate, callers(8, lambda _: caller.invoke("fn", gate.event)) as answers:
        wait_for(lambda: gate.waiting == 8)
        gate.open()
    assert len({answer.body for answer in answers}) == 8
    assert len({caller.result("fn") for _ in range(8)}) == 1


def test_a_burst_on_a_function_that_never_ran_is_served(caller: Caller, client: Any) -> None:
    create_function(client, "fn", WAITING)
    assert len(at_the_same_time(50, lambda _: caller.result("fn"))) == 50


def test_a_function_may_invoke_itself(caller: Caller, client: Any) -> None:
    source = """\
import http.client, json, os, urllib.parse

def handler(event, context):
    if event == 0:
        return [context.log_stream_name]
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/20260101/{os.environ['AWS_REGION']}/lambda/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
        "X-Amz-Date": "20260101T000000Z",
    }
    path = f"/2015-03-31/functions/{context.function_name}/invocations"
    connection.request("POST", path, json.dumps(event - 1), headers)
    return [context.log_stream_name, *json.loads(connection.getresponse().read())]
"""
    create_function(client, "fn", source, Timeout=20)
    streams = caller.result("fn", 3)
    assert len(streams) == len(set(streams)) == 4


# --- reserved concurrency ---


@pytest.mark.parametrize("reserved", [1, 2])
def test_exactly_what_is_reserved_runs_and_the_rest_is_throttled(caller: Caller, client: Any, reserved: int) -> None:
    create_function(client, "fn", WAITING)
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=reserved)
    for _ in ("cold", "warm"):
        with closed_gate() as gate, callers(6, lambda _: caller.invoke("fn", gate.event)) as answers:
            wait_for(lambda: len(answers) == 6 - reserved and gate.waiting == reserved)
            assert statuses(answers) == {429: 6 - reserved}
            gate.open()
        assert statuses(answers) == {200: reserved, 429: 6 - reserved}


def test_a_throttled_caller_is_told_why_and_when_to_try_again(caller: Caller, client: Any) -> None:
    """Source: invocation.md section 3 (recorded)."""
    create_function(client, "fn", WAITING)
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=0)
    answer = caller.invoke(caller.arn("fn", "$LATEST"))
    assert_answer(sample("invoke", "Invoke", "nothing reserved (0): refused"), answer, {})
    assert int(answer.headers["retry-after"]) >= 1
    assert "x-amz-executed-version" not in answer.headers
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.invoke(FunctionName="fn")
    assert caught.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_reserved_concurrency_that_is_used_up_is_the_recorded_answer(caller: Caller, client: Any) -> None:
    create_function(client, "fn", WAITING)
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=1)
    with closed_gate() as gate, callers(1, lambda _: caller.invoke("fn", gate.event)):
        wait_for(lambda: gate.waiting == 1)
        refused = caller.invoke(caller.arn("fn", "$LATEST"))
        gate.open()
    assert_answer(sample("invoke", "Invoke", "reserved concurrency used up"), refused, {})


def test_a_reservation_counts_versions_together(caller: Caller, client: Any) -> None:
    """Source: invocation.md section 3: shared by all versions and aliases."""
    create_function(client, "fn", WAITING)
    client.publish_version(FunctionName="fn")
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=1)
    with closed_gate() as gate, callers(1, lambda _: caller.invoke("fn", gate.event)):
        wait_for(lambda: gate.waiting == 1)
        assert caller.invoke("fn", qualifier="1").status == 429
        gate.open()
    assert caller.invoke("fn", b"null", qualifier="1").status == 200


def test_a_reservation_that_was_deleted_limits_no_more(caller: Caller, client: Any) -> None:
    create_function(client, "fn", WAITING)
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=0)
    assert caller.invoke("fn", b"null").status == 429
    client.delete_function_concurrency(FunctionName="fn")
    assert caller.invoke("fn", b"null").status == 200


def test_an_execution_is_free_again_with_the_answer(caller: Caller, client: Any) -> None:
    """One client, one after the other, with one reserved execution: never throttled, whatever the function does."""
    source = """\
import os
def handler(event, context):
    if event == "raise":
        raise ValueError
    if event == "exit":
        os._exit(1)
    return "x" * event if isinstance(event, int) else event
"""
    create_function(client, "fn", source, MemorySize=256)
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=1)
    connection = caller.connect()
    for event in [*["fine", "raise"] * 25, *["exit", "fine", "exit", "exit"] * 2, 3_000_000, "fine"]:
        answer = caller.invoke("fn", json.dumps(event).encode(), connection=connection)
        assert answer.status == 200, (event, answer)
    connection.close()


def test_a_flood_of_one_function_leaves_another_working(caller: Caller, client: Any) -> None:
    create_function(client, "flooded", "def handler(event, context):\n    return sum(range(100_000))\n")
    create_function(client, "other", WAITING)
    client.put_function_concurrency(FunctionName="flooded", ReservedConcurrentExecutions=5)
    over = threading.Event()

    def flood(_: int) -> Answer:
        connection = caller.connect()
        while True:
            answer = caller.invoke("flooded", connection=connection)
            assert answer.status in {200, 429}
            if over.is_set():
                connection.close()
                return answer

    with callers(12, flood) as answers:
        try:
            assert len({caller.result("other") for _ in range(20)}) == 1
        finally:
            over.set()
    assert len(answers) == 12


# --- the account's limit ---


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambentServer]:
    """A server whose account may run 101 at the same time, of which 100 can't be reserved."""
    server = LambentServer(tmp_path_factory.mktemp("limited") / "data", flags=["--concurrency-limit", "101"]).start()
    yield server
    assert server.stop() == 0
    assert server.leftovers() == []


def test_the_accounts_limit_is_exact_and_reserved_executions_are_beside_it(limited: LambentServer) -> None:
    """Source: invocation.md section 3: the unreserved pool is the limit less what is reserved."""
    client, caller = limited.client(), Caller(limited.port, "000000000000")
    create_function(client, "flood", WAITING, Timeout=60)
    create_function(client, "safe", WAITING)
    client.put_function_concurrency(FunctionName="safe", ReservedConcurrentExecutions=1)
    with closed_gate() as gate, callers(106, lambda _: caller.invoke("flood", gate.event)) as answers:
        refused = wait_for(lambda: answers[:] if len(answers) == 6 and gate.waiting == 100 else None)
        assert caller.result("safe")
        assert Caller(limited.port, "111111111111").invoke("flood").status == 404  # not 429: another account's pool
        gate.open()
    assert statuses(answers) == {200: 100, 429: 6}
    assert [json.loads(answer.body) for answer in refused] == 6 * [
        {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."}
    ]
    assert caller.result("flood")


# --- the host's memory ---


def test_idle_environments_make_room_when_the_hosts_memory_is_used_up(tmp_path: Path) -> None:
    server = LambentServer(tmp_path / "data", flags=["--memory-capacity-mb", "256"]).start()
    try:
        client, caller = server.client(), Caller(server.port, "000000000000")
        for name in ("a", "b", "c"):
            create_function(client, name, WAITING)
        first = {name: caller.result(name) for name in ("a", "b")}
        assert caller.result("c") not in first.values()
        again = {name: caller.result(name) for name in ("a", "b")}
        assert again != first  # at least one had to go
        results = at_the_same_time(6, lambda n: caller.result("abc"[n % 3]))  # these wait for each other
        assert len(results) == 6
        create_function(client, "large", WAITING, MemorySize=512)
        answer = caller.invoke("large", b"null")
        assert (answer.status, json.loads(answer.body)["Reason"]) == (429, "ConcurrentInvocationLimitExceeded")
        assert "The memory capacity of 256 MB is used up" in server.said()
    finally:
        assert server.stop() == 0
    assert server.leftovers() == []
