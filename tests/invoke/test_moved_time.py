"""`lambent clock advance`: what waits for time to pass happens now; what runs notices nothing (DESIGN 3.11)."""

import functools
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lambent.clock import Clock
from tests.invoke.caller import Caller
from tests.invoke.gate import WAITING, closed_gate
from tests.invoke.logs import lines_of, wait_for
from tests.lambent_server import LambentServer, create_function

ACCOUNT = "000000000000"
FAILS = """\
def handler(event, context):
    print("TRY", context.aws_request_id)
    raise ValueError
"""
TELLS = """\
import time, uuid
ME = uuid.uuid4().hex

def handler(event, context):
    left = context.get_remaining_time_in_millis()
    time.sleep(event)
    return {"me": ME, "time": time.time(), "left": left}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambentServer]:
    """A server of this module's own: nobody else's time is moved."""
    started = LambentServer(tmp_path_factory.mktemp("moved") / "data").start()
    yield started
    assert started.stop() == 0
    assert started.leftovers() == []


@pytest.fixture
def caller(server: LambentServer) -> Caller:
    return Caller(server.port, ACCOUNT)


MoveClock = Callable[..., str]


@pytest.fixture
def clock(server: LambentServer) -> MoveClock:
    """The command, with arguments; what it says."""

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "lambent", "clock", *arguments]
        options = ["--data-dir", str(server.data_directory), "--endpoint-url", server.url]
        return subprocess.run([*command, *options], capture_output=True, text=True, check=True, timeout=30).stdout

    return run


def control(server: LambentServer, method: str, path: str, token: str | None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    connection.request(method, f"/_lambent/{path}", headers=headers)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def token_of(server: LambentServer) -> str:
    return (server.data_directory / "control-token").read_text()


def test_an_event_that_fails_is_retried_when_the_clock_is_moved(
    server: LambentServer, caller: Caller, clock: MoveClock
) -> None:
    create_function(server.client(), "fails", FAILS)

    def waits(attempts: int) -> bool:
        """Whether the event has been put off after so many attempts."""
        _, queue = control(server, "GET", "queue?function=fails", token_of(server))
        return [(event["attempts"], event["state"]) for event in queue["events"]] == [(attempts, "waiting")]

    begun = time.monotonic()
    sent = caller.invoke("fails", headers={"X-Amz-Invocation-Type": "Event"}).headers["x-amzn-requestid"]
    for attempts, pause in ((1, "1m"), (2, "2m")):
        wait_for(functools.partial(waits, attempts))
        assert "seconds ahead" in clock("advance", pause)
    wait_for(lambda: control(server, "GET", f"invocations/{sent}", token_of(server))[1].get("state") == "failed")
    assert wait_for(lambda: len(lines_of(server, caller, "fails", beginning="TRY ")) == 3)
    assert set(lines_of(server, caller, "fails", beginning="TRY ")) == {sent}
    assert time.monotonic() - begun < 60


def test_an_event_that_grows_too_old_behind_others_is_given_up_then(
    server: LambentServer, caller: Caller, clock: MoveClock
) -> None:
    """Source: invocation.md section 2: an event's age is limited, however busy its function is."""
    client = server.client()
    create_function(client, "busy", WAITING)
    client.put_function_concurrency(FunctionName="busy", ReservedConcurrentExecutions=1)
    client.put_function_event_invoke_config(FunctionName="busy", MaximumEventAgeInSeconds=60)
    with closed_gate() as gate:
        runs, waits = (send(caller, "busy", gate.event) for _ in range(2))
        wait_for(lambda: gate.waiting == 1)
        clock("advance", "61s")
        wait_for(lambda: state(server, waits) == "failed")
        assert state(server, runs) == "running"
        gate.open()
        wait_for(lambda: state(server, runs) == "succeeded")


def send(caller: Caller, function: str, payload: bytes) -> str:
    """An event; its request id."""
    return caller.invoke(function, payload, headers={"X-Amz-Invocation-Type": "Event"}).headers["x-amzn-requestid"]


def state(server: LambentServer, request_id: str) -> str:
    found: str = control(server, "GET", f"invocations/{request_id}", token_of(server))[1]["state"]
    return found


def test_environments_that_would_have_been_idle_for_too_long_end(
    server: LambentServer, caller: Caller, clock: MoveClock
) -> None:
    create_function(server.client(), "tells", TELLS)
    first = caller.result("tells", 0)["me"]
    clock("advance", "1s")
    assert caller.result("tells", 0)["me"] == first
    clock("advance", "1h")
    assert caller.result("tells", 0)["me"] != first


def test_what_runs_notices_nothing(server: LambentServer, caller: Caller, clock: MoveClock) -> None:
    create_function(server.client(), "runs", TELLS, Timeout=10)
    before = Clock().now_ms() / 1_000
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(caller.result, "runs", 2)
        time.sleep(0.5)
        clock("advance", "2h")
        result = running.result()
    assert before < result["time"] < Clock().now_ms() / 1_000
    assert 8_000 < result["left"] <= 10_000
    (report,) = wait_for(lambda: lines_of(server, caller, "runs", beginning="REPORT "))
    assert 2_000 <= float(report.partition("Duration: ")[2].split()[0]) < 6_000


def test_show_says_what_time_it_is(clock: MoveClock) -> None:
    before = clock("show")
    clock("advance", "1m")
    assert before < clock("show")


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_whoever_hasnt_the_token_moves_nothing(server: LambentServer, clock: MoveClock, token: str | None) -> None:
    assert "control-token" in str(control(server, "POST", "clock?seconds=60", token))
    assert control(server, "POST", "clock?seconds=60", token)[0] == 403


def test_a_wrong_duration_moves_nothing(server: LambentServer) -> None:
    status, error = control(server, "POST", "clock?seconds=86400", token_of(server))
    assert (status, error["message"]) == (
        400,
        "The clock is moved ahead by more than 0 and at most 12 hours (43200 seconds) at once.",
    )


def test_a_teams_server_has_no_such_endpoint(tmp_path: Path) -> None:
    serve = LambentServer(tmp_path / "data", posture="serve", flags=["--sandbox", "auto"]).start()
    try:
        assert control(serve, "POST", "clock?seconds=60", token_of(serve))[0] == 404
    finally:
        serve.stop()
