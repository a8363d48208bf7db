"""Invoke while a function is created, updated, deleted: which code runs when."""

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

from tests.invoke.caller import Caller
from tests.invoke.logs import wait_for
from tests.lambent_server import ROLE, LambentServer, create_function, wait_until_active, zip_of

RETURN = "def handler(event, context):\n    return %r\n"


def slow_package(text: str) -> bytes:
    """A package whose unpacking takes longer than a request."""
    return zip_of({"app.py": RETURN % text, **{f"data/{n // 100}/{n}": b"x" for n in range(6000)}})


def test_a_pending_function_cant_be_invoked_yet(caller: Caller, client: Any) -> None:
    """Source: api-errors.md section 5 (observed)."""
    client.create_function(
        FunctionName="fn", Runtime="python3.13", Handler="app.handler", Role=ROLE, Code={"ZipFile": slow_package("x")}
    )
    answer = caller.invoke("fn")
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (409, "ResourceConflictException")
    assert json.loads(answer.body) == {
        "Type": "User",
        "message": "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    }
    wait_until_active(client, "fn")
    assert caller.result("fn") == "x"


def test_a_deleted_function_is_gone_at_once(caller: Caller, client: Any) -> None:
    create_function(client, "fn", RETURN % "here")
    assert caller.result("fn") == "here"
    client.delete_function(FunctionName="fn")
    assert caller.invoke("fn").status == 404
    create_function(client, "fn", RETURN % "again")
    assert caller.result("fn") == "again"


def test_the_old_code_runs_until_the_update_is_successful_and_the_new_one_from_then_on(
    caller: Caller, client: Any
) -> None:
    """Source: developer guide, "Lambda function states": invocations during an update run the previous code."""
    create_function(client, "fn", RETURN % "old")
    assert caller.result("fn") == "old"
    client.update_function_code(FunctionName="fn", ZipFile=slow_package("new"))
    assert caller.result("fn") == "old"
    assert client.get_function_configuration(FunctionName="fn")["LastUpdateStatus"] == "InProgress"
    wait_until_active(client, "fn")
    assert caller.result("fn") == "new"


def test_a_changed_variable_is_seen_by_the_next_invocation(caller: Caller, client: Any) -> None:
    source = "import os\ndef handler(event, context):\n    return [os.environ['COLOUR'], context.memory_limit_in_mb]\n"
    create_function(client, "fn", source, Environment={"Variables": {"COLOUR": "red"}})
    for colour, memory_mb in (("red", 128), ("blue", 128), ("green", 256)):
        client.update_function_configuration(
            FunctionName="fn", Environment={"Variables": {"COLOUR": colour}}, MemorySize=memory_mb
        )
        wait_until_active(client, "fn")
        assert caller.result("fn") == [colour, str(memory_mb)]


def test_a_version_keeps_its_environment_through_updates_of_latest(caller: Caller, client: Any) -> None:
    source = "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return ['one', n]\n"
    create_function(client, "fn", source)
    client.publish_version(FunctionName="fn")
    assert caller.result("fn", qualifier="1") == ["one", 1]
    client.update_function_code(FunctionName="fn", ZipFile=zip_of({"app.py": RETURN % "two"}))
    wait_until_active(client, "fn")
    assert caller.result("fn") == "two"
    assert caller.result("fn", qualifier="1") == ["one", 2]


def test_environments_of_the_old_code_end(caller: Caller, client: Any, lambent: LambentServer) -> None:
    old = create_function(client, "fn", RETURN % f"old {caller.account}")["CodeSha256"]
    caller.result("fn")
    assert processes_with(lambent, old)
    client.update_function_code(FunctionName="fn", ZipFile=zip_of({"app.py": RETURN % f"new {caller.account}"}))
    new = wait_until_active(client, "fn")["CodeSha256"]
    caller.result("fn")
    wait_for(lambda: not processes_with(lambent, old))
    assert processes_with(lambent, new)
    client.delete_function(FunctionName="fn")
    wait_for(lambda: not processes_with(lambent, new))


def processes_with(lambent: LambentServer, code_sha256: str) -> list[int]:
    """The processes that have this deployment package at /var/task."""
    tree = base64.b64decode(code_sha256).hex()
    found = []
    for pid in lambent.processes():
        with contextlib.suppress(OSError):
            if tree in Path(f"/proc/{pid}/mountinfo").read_text():
                found.append(pid)
    return found
