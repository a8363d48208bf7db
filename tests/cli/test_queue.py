"""`lambent queue` and `lambent invocations`: run as programs against a server."""

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lambent.commands import queue
from lambent.commands.client import RequestFailed
from lambent.commands.columns import ago, aligned, span
from lambent.commands.control import ControlClient
from tests.invoke.caller import Caller
from tests.invoke.gate import WAITING, closed_gate
from tests.invoke.logs import wait_for
from tests.invoke.test_events import EVENT
from tests.lambent_server import REGION, LambentServer, create_function

FAILS = "def handler(event, context):\n    raise ValueError('no')\n"


def lambent_cli(lambent: LambentServer, *arguments: str, status: int = 0) -> str:
    command = [sys.executable, "-m", "lambent", *arguments, "--data-directory", str(lambent.data_directory)]
    done = subprocess.run(
        [*command, "--endpoint-url", lambent.url], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def document(lambent: LambentServer, *arguments: str) -> Any:
    return json.loads(lambent_cli(lambent, *arguments, "--json"))


@pytest.fixture
def caller(lambent: LambentServer, account: str) -> Caller:
    return Caller(lambent.port, account)


@pytest.fixture
def failed_once(client: Any, caller: Caller, lambent: LambentServer) -> str:
    """The request id of an event that waits for its second attempt; its function's name is the account's."""
    name = f"fn-{caller.account}"
    create_function(client, name, FAILS)
    request_id = caller.invoke(name, headers=EVENT).headers["x-amzn-requestid"]
    wait_for(partial(_attempts, lambent, request_id))
    return request_id


def _attempts(lambent: LambentServer, request_id: str) -> int:
    attempts: int = document(lambent, "invocations", request_id)["attempts"]
    return attempts


def test_what_waits_says_until_when_and_why(failed_once: str, caller: Caller, lambent: LambentServer) -> None:
    listed = lambent_cli(lambent, "queue", "list", "--function", f"fn-{caller.account}")
    [line] = [line for line in listed.splitlines() if failed_once in line]
    assert line.split()[:2] == ["waiting", "in"]
    assert line.endswith("ValueError: no")
    shown = lambent_cli(lambent, "queue", "show", failed_once)
    assert shown == lambent_cli(lambent, "invocations", failed_once)
    for words in ("state         waiting", "tried         1×", "failure       ValueError: no", "next try      20"):
        assert words in shown
    lambent_cli(lambent, "queue", "purge", failed_once)


def test_a_part_of_what_waits_says_how_much_more_of_it_there_is(
    failed_once: str, client: Any, caller: Caller, lambent: LambentServer
) -> None:
    """What is said of one function counts nothing of another's."""
    other = f"other-{caller.account}"
    create_function(client, other, FAILS)
    client.put_function_event_invoke_config(
        FunctionName=other,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:sqs:{REGION}:{caller.account}:missing"}},
    )
    for _ in range(3):
        caller.invoke(other, headers=EVENT)
    wait_for(lambda: document(lambent, "queue", "list", "--function", other)["deliveryCount"] == 3)
    listed = lambent_cli(lambent, "queue", "list", "--function", other, "--limit", "1").splitlines()
    assert (listed[0], listed[-1]) == (
        "0 events, 3 deliveries in the queue",
        "and 2 more; --limit, --function",
    )
    listed = lambent_cli(lambent, "queue", "list", "--function", f"fn-{caller.account}").splitlines()
    assert listed[0] == "1 event, 0 deliveries in the queue"
    assert failed_once in listed[-1]
    for name in (other, f"fn-{caller.account}"):
        lambent_cli(lambent, "queue", "purge", "--function", name)


def test_retry_does_not_wait_and_counts_as_ever(failed_once: str, lambent: LambentServer) -> None:
    assert lambent_cli(lambent, "queue", "retry", failed_once) == "1 event, 0 deliveries tried now\n"
    wait_for(lambda: _attempts(lambent, failed_once) == 2)
    lambent_cli(lambent, "queue", "retry", failed_once)
    wait_for(lambda: document(lambent, "invocations", failed_once)["state"] == "failed")
    assert "failed, RetriesExhausted" in lambent_cli(lambent, "invocations", failed_once)


def test_purge_takes_out_and_the_history_knows(failed_once: str, caller: Caller, lambent: LambentServer) -> None:
    function = f"fn-{caller.account}"
    assert document(lambent, "queue", "purge", "--function", function) == {"events": 1, "deliveries": 0}
    assert document(lambent, "queue", "list", "--function", function)["events"] == []
    [known] = document(lambent, "invocations", "--function", function, "--failed")["invocations"]
    assert (known["requestId"], known["state"], known["failure"]) == (failed_once, "purged", "ValueError: no")
    listed = lambent_cli(lambent, "invocations", "--function", function)
    assert f"{function}  {failed_once}  ValueError: no" in listed


def test_what_waits_for_its_function_waits_and_can_be_purged(
    client: Any, caller: Caller, lambent: LambentServer
) -> None:
    """However much of it the server has taken out of its store to go on with."""
    name = f"busy-{caller.account}"
    create_function(client, name, WAITING, Timeout=60)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    with closed_gate() as gate:
        for _ in range(20):
            caller.invoke(name, gate.event, headers=EVENT)
        wait_for(lambda: gate.waiting == 2)
        time.sleep(2)  # a lane that is full has its oldest looked at, each second
        listed = document(lambent, "queue", "list", "--function", name)["events"]
        assert Counter(one["state"] for one in listed) == {"running": 2, "waiting": 18}
        states = {document(lambent, "invocations", one["requestId"])["state"] for one in listed}
        assert states == {"running", "waiting"}
        assert document(lambent, "queue", "purge", "--function", name)["events"] == 18
        gate.open()
        later = caller.invoke(name, b"0", headers=EVENT).headers["x-amzn-requestid"]
        wait_for(lambda: document(lambent, "invocations", later)["state"] == "succeeded")
    over = document(lambent, "invocations", "--function", name)["invocations"]
    assert Counter(one["state"] for one in over) == {"succeeded": 3, "purged": 18}


@pytest.mark.parametrize("request_id", ["no-such-id", "not/a ?n #id"])
def test_what_is_not_known_is_said_in_one_line(lambent: LambentServer, request_id: str) -> None:
    said = lambent_cli(lambent, "invocations", request_id, status=1)
    assert said == f"lambent: No asynchronous invocation with the request id {request_id} is known.\n"
    assert lambent_cli(lambent, "invocations", "--function", "nobody") == (
        "No asynchronous invocation is over, of those that are known.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("queue", "purge"), "purge needs a request id, --function or --all"),
        (("queue", "retry", "id", "--all"), "retry needs a request id, --function or --all"),
        (("queue", "show"), "show needs a request id, and nothing else"),
        (("queue", "list", "id"), "list takes no request id"),
    ],
)
def test_a_word_too_few_or_too_many_changes_nothing(
    arguments: tuple[str, ...], complaint: str, lambent: LambentServer
) -> None:
    assert complaint in lambent_cli(lambent, *arguments, status=2)


def test_nobody_without_the_token_is_told_anything(lambent: LambentServer, caller: Caller) -> None:
    """DESIGN 3.12: control endpoints need a token from the data directory."""
    for headers in ({}, caller.authorization, {"Authorization": "Bearer wrong"}):
        connection = caller.connect()
        connection.request("GET", "/_lambent/queue", headers=headers)
        answer = connection.getresponse()
        assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
        answer.read()
        connection.close()


def test_purging_a_long_queue_may_take_longer_than_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A million events take half a minute; a server that does not answer has its two deadlines."""
    monkeypatch.setattr("lambent.commands.queue._LONGEST_CHANGE_SECONDS", 0.2)
    (tmp_path / "control-token").write_text("token")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = ControlClient(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)
        assert queue.run(client, "purge", {"all": "true"}, as_json=False) == 1
        with pytest.raises(RequestFailed, match="timed out"):
            client.request("GET", "queue", timeout_seconds=0.1)


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    assert list(aligned([("a", "b"), ("long", "x")])) == ["a     b", "long  x"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0s"), (9.94, "9.9s"), (48, "48s"), (200, "3m 20s"), (7_500, "2h 5m"), (90_000, "1d 1h")],
)
def test_durations_have_two_units(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_ages_are_differences() -> None:
    assert ago("2026-11-21T10:00:00.000Z", "2026-11-21T10:01:05.500Z") == "1m 6s"
