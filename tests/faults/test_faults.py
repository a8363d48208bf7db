"""Accepted events have their outcome, whatever happens to the server, its disk, its clock or its destinations.

`make faults` kills a server a hundred times; here it is three times.
"""

import contextlib
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.faults.kills import kill_again_and_again
from tests.faults.world import ACCOUNT, RESULTS, Queues, control, send_to, wait_until_empty
from tests.invoke.logs import wait_for
from tests.lambent_server import REGION, LambentServer, create_function

SOURCE = "def handler(event, context):\n    if event.get('fail'):\n        raise ValueError('no')\n"


def send(client: Any, event: dict[str, Any], function: str = "fn") -> str:
    answer = client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event))
    request_id: str = answer["ResponseMetadata"]["RequestId"]
    return request_id


def state(server: LambentServer, request_id: str) -> str:
    found: str = control(server, "GET", f"invocations/{request_id}")["state"]
    return found


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_accepted_event_is_without_an_outcome_after_kills(tmp_path: Path) -> None:
    outcome = kill_again_and_again(tmp_path, kills=3, longest_seconds=3)
    assert outcome.accepted.total() > 0
    assert (outcome.lost, outcome.wrong) == ([], [])
    assert outcome.repeated_runs <= outcome.events_under_way
    assert outcome.repeated_records <= outcome.events_under_way + outcome.deliveries_under_way


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.root
def test_a_full_disk_refuses_events_and_keeps_those_it_has(small_disk: Path) -> None:
    server = LambentServer(small_disk / "data")
    server.output, server.temporary_directory = (small_disk.parent / name for name in ("log", "tmp"))
    client = server.start().client()
    create_function(client, "fn", SOURCE)
    accepted = [send(client, {"n": n}) for n in range(20)]
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(65_536))
            file.flush()
    refused = 0
    for number in range(60):
        try:
            accepted.append(send(client, {"n": number, "large": "x" * 100_000}))
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ServiceException"  # noqa: PT017 - some are accepted
            assert "there is no space left for its data directory" in str(error)  # noqa: PT017
            refused += 1
    assert refused
    filler.unlink()
    accepted.append(send(client, {"n": "after"}))
    wait_until_empty(server, seconds=60)
    assert {state(server, request_id) for request_id in accepted} == {"succeeded"}
    assert server.stop() == 0


def test_a_locked_database_refuses_events_and_loses_none(own_lambent: LambentServer) -> None:
    """Another program's lock, for longer than the server waits for one."""
    client = own_lambent.start().client()
    create_function(client, "fn", SOURCE)
    accepted = [send(client, {})]
    lock = sqlite3.connect(own_lambent.data_directory / "queue.db", isolation_level=None, check_same_thread=False)
    lock.execute("BEGIN IMMEDIATE")
    freed = threading.Timer(9, lock.rollback)
    freed.start()
    with pytest.raises(ClientError, match=r"\(ServiceException\).* its data can't be read or written now"):
        send(client, {})
    accepted.append(send(client, {}))  # waits until it is free
    freed.join()
    lock.close()
    wait_until_empty(own_lambent, seconds=60)
    assert [state(own_lambent, request_id) for request_id in accepted] == ["succeeded"] * 2


def test_a_destination_that_cannot_be_reached_keeps_nothing_else_waiting(own_lambent: LambentServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    send_to(own_lambent, url)
    client = own_lambent.start().client()
    for name in ("fn", "alone"):
        create_function(client, name, SOURCE)
    results = {"OnSuccess": {"Destination": Queues.arn(RESULTS)}}
    client.put_function_event_invoke_config(FunctionName="fn", DestinationConfig=results)
    waiting = [send(client, {"n": n}) for n in range(40)]
    wait_for(lambda: state(own_lambent, waiting[-1]) == "succeeded")
    alone = send(client, {}, "alone")
    wait_for(lambda: state(own_lambent, alone) == "succeeded")
    wait_for(lambda: all(one["failure"] for one in control(own_lambent, "GET", "queue")["deliveries"]))
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: _answers(port))
            queues = Queues(url)
            wait_until_empty(own_lambent, seconds=60)
            received = {json.loads(message["Body"])["requestContext"]["requestId"] for message in queues.drain(RESULTS)}
            queues.client.close()
        finally:
            process.kill()
    assert received == set(waiting)


def test_a_service_that_never_answers_keeps_no_other_waiting(own_lambent: LambentServer) -> None:
    """However many of its targets there are: twelve here, with a hundred records that each wait for ten seconds."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as silent:
        send_to(own_lambent, f"http://127.0.0.1:{silent.getsockname()[1]}")
        client = own_lambent.start().client()
        create_function(client, "fn", SOURCE)
        bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
        client.put_function_event_invoke_config(
            FunctionName="fn", DestinationConfig={"OnSuccess": {"Destination": bus}}
        )
        first = send(client, {})
        wait_for(lambda: _delivered(own_lambent, first), seconds=60)  # the companion has started
        for number in range(12):
            client.create_alias(FunctionName="fn", Name=f"a{number}", FunctionVersion="$LATEST")
            client.put_function_event_invoke_config(
                FunctionName="fn",
                Qualifier=f"a{number}",
                DestinationConfig={"OnSuccess": {"Destination": Queues.arn(f"q{number}")}},
            )
        silenced = [send(client, {}, f"fn:a{number}") for number in range(12) for _ in range(9)]
        wait_for(lambda: all(state(own_lambent, request_id) == "succeeded" for request_id in silenced))
        passing = send(client, {})
        wait_for(lambda: _delivered(own_lambent, passing), seconds=60)
        waiting = control(own_lambent, "GET", "queue?limit=1000")["deliveries"]
        assert len([one for one in waiting if not one["attempts"]]) > len(silenced) // 2


def _delivered(server: LambentServer, request_id: str) -> bool:
    found = control(server, "GET", f"invocations/{request_id}")["deliveries"]
    return [one["state"] for one in found] == ["delivered"]


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize("jump_seconds", [-7_200, 30_000], ids=["back", "ahead"])
def test_a_clock_that_jumps_makes_nothing_wait_and_nothing_too_old(
    own_lambent: LambentServer, tmp_path: Path, jump_seconds: int
) -> None:
    library, offset = tmp_path / "clock.so", tmp_path / "offset"
    source = Path(__file__).with_name("clock_that_jumps.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    offset.write_text("0")
    own_lambent.environment |= {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}
    client = own_lambent.start().client()
    create_function(client, "fn", SOURCE)
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=1)
    before = [send(client, {"n": n}) for n in range(10)]  # most are throttled, and wait
    offset.write_text(str(jump_seconds))
    after = send(client, {})
    for request_id in (*before, after):
        wait_for(lambda request_id=request_id: state(own_lambent, request_id) == "succeeded")  # type: ignore[misc]
    shown = control(own_lambent, "GET", f"invocations/{after}")
    assert shown["acceptedAt"] >= control(own_lambent, "GET", f"invocations/{before[0]}")["acceptedAt"]
    client.put_function_event_invoke_config(FunctionName="fn", MaximumEventAgeInSeconds=21_600)
    failed = send(client, {"fail": True})
    wait_for(lambda: control(own_lambent, "GET", f"invocations/{failed}")["attempts"] == 1)
    own_lambent.kill()
    offset.write_text("0" if jump_seconds > 0 else str(2 * jump_seconds))  # while nobody was looking
    own_lambent.start()
    wait_for(lambda: control(own_lambent, "GET", f"invocations/{failed}")["attempts"] >= 1)
    [waiting] = control(own_lambent, "GET", f"queue?request_id={failed}")["events"]
    now = control(own_lambent, "GET", "queue")["now"]
    assert waiting["nextAttemptAt"] is None or waiting["nextAttemptAt"][:16] <= _minutes_later(now, 3)


def _minutes_later(moment: str, minutes: int) -> str:
    return (datetime.fromisoformat(moment) + timedelta(minutes=minutes)).isoformat()[:16]
