"""A server that is killed loses nothing it has acknowledged, and its successor finds nothing in the way."""

import hashlib
import json
import random
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from lambent.commands.logs import LOG_DIRECTORY
from lambent.core.scope import Scope
from lambent.observe.log_names import default_log_group
from lambent.observe.log_reader import LogReader
from tests.lambent_server import REGION, LambentServer, create_function, wait_until_active, zip_of

pytestmark = pytest.mark.root

ACCOUNT = "000000000000"
SAY = "def handler(event, context):\n    print('said', event)\n    return event\n"
LOG_LOSS_SECONDS = 0.1


def log_of(server: LambentServer, function: str) -> str:
    reader = LogReader(server.data_directory / LOG_DIRECTORY)
    return "".join(event.message for event in reader.read(Scope(ACCOUNT, REGION), default_log_group(function)))


def wait_until_logged(server: LambentServer, function: str, text: str, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while text not in log_of(server, function):
        assert time.monotonic() < deadline, f"{text!r} is not in the log:\n{log_of(server, function)}"
        time.sleep(0.02)


def invoked(client: Any, function: str, event: object, **parameters: Any) -> object:
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event), **parameters)
    payload = json.load(answer["Payload"])
    assert "FunctionError" not in answer, payload
    return payload


def killed_and_started_again(server: LambentServer) -> Any:
    server.kill()
    server.wait_until_no_process_is_left()
    return server.start().client()


def test_functions_versions_code_and_reserved_concurrency_are_there_again(own_lambent: LambentServer) -> None:
    client = own_lambent.start().client()
    create_function(client, "kept", "def handler(event, context):\n    return 'old'\n", MemorySize=256)
    client.publish_version(FunctionName="kept", Description="the first")
    client.get_waiter("published_version_active").wait(FunctionName="kept", Qualifier="1", WaiterConfig={"Delay": 0.05})
    new_code = zip_of({"app.py": "def handler(event, context):\n    return 'new'\n"})
    client.update_function_code(FunctionName="kept", ZipFile=new_code)
    wait_until_active(client, "kept")
    client.put_function_concurrency(FunctionName="kept", ReservedConcurrentExecutions=7)
    create_function(client, "deleted", SAY)
    client.delete_function(FunctionName="deleted")
    before = [client.get_function_configuration(FunctionName="kept", Qualifier=q) for q in ("$LATEST", "1")]

    client = killed_and_started_again(own_lambent)

    after = [client.get_function_configuration(FunctionName="kept", Qualifier=q) for q in ("$LATEST", "1")]
    for configuration in (*before, *after):
        del configuration["ResponseMetadata"]
    assert after == before
    assert [function["FunctionName"] for function in client.list_functions()["Functions"]] == ["kept"]
    assert client.get_function_concurrency(FunctionName="kept")["ReservedConcurrentExecutions"] == 7
    assert invoked(client, "kept", None) == "new"
    assert invoked(client, "kept", None, Qualifier="1") == "old"
    location = client.get_function(FunctionName="kept")["Code"]["Location"]
    with urllib.request.urlopen(location) as download:
        assert hashlib.sha256(download.read()).digest() == hashlib.sha256(new_code).digest()


def test_an_event_that_was_accepted_but_did_not_run_runs_after_the_restart(own_lambent: LambentServer) -> None:
    source = "import time\n\ndef handler(event, context):\n    print('said', event)\n    time.sleep(event.get('seconds', 0))\n"
    client = own_lambent.start().client()
    create_function(client, "busy", source, Timeout=60)
    client.put_function_concurrency(FunctionName="busy", ReservedConcurrentExecutions=1)
    occupy(client, "busy")
    wait_until_logged(own_lambent, "busy", "'seconds': 50")
    accepted = client.invoke(FunctionName="busy", InvocationType="Event", Payload='{"later": true}')
    assert accepted["StatusCode"] == 202

    own_lambent.kill()
    assert "later" not in log_of(own_lambent, "busy")
    own_lambent.start()

    wait_until_logged(own_lambent, "busy", "said {'later': True}")
    wait_until_logged(own_lambent, "busy", f"REPORT RequestId: {accepted['ResponseMetadata']['RequestId']}")


def occupy(client: Any, function: str) -> None:
    """Have the function's only environment run until its server is killed."""

    def invoke() -> None:
        with pytest.raises(BotoCoreError):
            client.invoke(FunctionName=function, Payload='{"seconds": 50}')

    threading.Thread(target=invoke, daemon=True).start()


TELL = (
    "import os, socket\n\n"
    "def handler(event, context):\n"
    "    with socket.create_connection(('127.0.0.1', int(os.environ['PORT']))) as listener:\n"
    "        listener.sendall(event.encode())\n"
)


@pytest.fixture
def told() -> Iterator[tuple[int, set[str]]]:
    """A port where functions tell that they ran, and what was told: the log may lose its last tenth of a second."""
    heard: set[str] = set()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:

        def listen() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    heard.add(connection.makefile().read())

        thread = threading.Thread(target=listen)
        thread.start()
        yield listener.getsockname()[1], heard
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_each_of_many_accepted_events_runs_though_the_server_is_killed_in_the_middle(
    own_lambent: LambentServer, told: tuple[int, set[str]]
) -> None:
    port, heard = told
    client = own_lambent.start().client()
    create_function(client, "each", TELL, Timeout=10, Environment={"Variables": {"PORT": str(port)}})
    accepted = set()
    for number in range(90):
        client.invoke(FunctionName="each", InvocationType="Event", Payload=json.dumps(f"event {number}"))
        accepted.add(f"event {number}")
        if number in {19, 39, 59}:
            client = killed_and_started_again(own_lambent)
    deadline = time.monotonic() + 30
    while not accepted <= heard:
        assert time.monotonic() < deadline, f"accepted, but never ran: {sorted(accepted - heard)}"
        time.sleep(0.02)


def test_the_logs_are_there_but_for_the_last_tenth_of_a_second(own_lambent: LambentServer) -> None:
    client = own_lambent.start().client()
    create_function(client, "told", SAY)
    invoked(client, "told", "cold")
    answered: list[tuple[float, str]] = []
    end = time.monotonic() + 1
    while time.monotonic() < end:
        invoked(client, "told", f"line-{len(answered)}.")
        answered.append((time.monotonic(), f"line-{len(answered)}."))
    killed_at = time.monotonic()
    killed_and_started_again(own_lambent)
    log = log_of(own_lambent, "told")
    # Twice the promise: a noisy machine may give the writer its turn late.
    owed = [line for moment, line in answered if moment < killed_at - 2 * LOG_LOSS_SECONDS]
    assert len(owed) > 10
    assert [line for line in owed if f"said {line}" not in log] == []


def test_a_function_that_was_pending_becomes_active_after_the_restart(own_lambent: LambentServer) -> None:
    files = {"app.py": SAY} | {f"data/{number}.bin": random.Random(number).randbytes(200_000) for number in range(150)}
    client = own_lambent.start().client()
    created = client.create_function(
        FunctionName="cut",
        Runtime="python3.13",
        Handler="app.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        Code={"ZipFile": zip_of(files)},
    )
    assert created["State"] == "Pending"
    client = killed_and_started_again(own_lambent)
    assert wait_until_active(client, "cut")["CodeSha256"] == created["CodeSha256"]
    assert invoked(client, "cut", "back") == "back"


def test_nothing_outlives_a_killed_server_and_its_successor_leaves_nothing_behind(own_lambent: LambentServer) -> None:
    source = (
        "import subprocess, time\n\n"
        "def handler(event, context):\n"
        "    subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "    print('said', event)\n"
        "    time.sleep(event.get('seconds', 0))\n"
    )
    client = own_lambent.start().client()
    create_function(client, "idle", source)
    invoked(client, "idle", {})
    create_function(client, "running", source, Timeout=60)
    occupy(client, "running")
    wait_until_logged(own_lambent, "running", "'seconds': 50")
    assert len(own_lambent.processes()) > 5

    own_lambent.kill()
    own_lambent.wait_until_no_process_is_left()
    own_lambent.start()
    assert own_lambent.stop() == 0
    assert own_lambent.leftovers() == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_the_control_plane_acknowledged_holds_wherever_the_kill_falls(own_lambent: LambentServer) -> None:
    chance = random.Random()
    acknowledged: dict[str, dict[str, Any]] = {}
    client = own_lambent.start().client()
    for kill in range(6):
        writer = threading.Thread(target=write_without_end, args=(client, acknowledged, kill))
        writer.start()
        time.sleep(chance.uniform(0.05, 0.6))
        own_lambent.kill()
        writer.join()
        client = own_lambent.start().client()
        for name, known in acknowledged.items():
            check_against(client, name, known)
    for name in list(acknowledged)[-3:]:
        assert invoked(client, name, "still here") == "still here"
    assert "Traceback" not in own_lambent.said()


def write_without_end(client: Any, acknowledged: dict[str, dict[str, Any]], kill: int) -> None:
    """Create, update and publish until the server has gone; what was answered is written down."""
    number = 0
    while True:
        name = f"function-{kill}-{number}"
        number += 1
        steps: list[Callable[[], Any]] = [
            lambda name=name: create_function(client, name, SAY),  # type: ignore[misc]
            lambda name=name: client.update_function_configuration(FunctionName=name, Description="changed"),  # type: ignore[misc]
            lambda name=name: wait_until_active(client, name),  # type: ignore[misc]
            lambda name=name: client.publish_version(FunctionName=name),  # type: ignore[misc]
        ]
        for step in steps:
            try:
                answer = step()
            except (BotoCoreError, ClientError):
                return
            known = acknowledged.setdefault(name, {"versions": 0, "description": ""})
            known["code"] = answer["CodeSha256"]
            known["description"] = answer["Description"]
            known["versions"] += answer["Version"] != "$LATEST"


def check_against(client: Any, name: str, known: dict[str, Any]) -> None:
    """What was acknowledged is there; the one step more that the kill cut off may be there too."""
    found = wait_until_active(client, name)
    assert found["CodeSha256"] == known["code"]
    assert found["Description"] in {known["description"], "changed"}
    versions = client.list_versions_by_function(FunctionName=name)["Versions"]
    assert len(versions) - 1 in {known["versions"], known["versions"] + 1}
    assert all(version["CodeSha256"] == known["code"] for version in versions)
