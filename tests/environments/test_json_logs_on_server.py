"""LogFormat=JSON on a real server: what LoggingConfig asks for is what stands in the log."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.lambent_server import create_function

pytestmark = pytest.mark.root

WRITES = """
import json, logging, os, subprocess

logger = logging.getLogger()
STAMP = "2026-01-01T00:00:00Z"

def handler(event, context):
    print("printed")
    os.write(1, b"raw\\n")
    subprocess.run(["echo", "from a child process"])
    for level in ("DEBUG", "ERROR"):
        print(json.dumps({"timestamp": STAMP, "level": level, "message": "own " + level}))
    logger.debug("logged debug")
    logger.info("logged info\\nin two lines")
    logger.error("logged error")
"""
FAILS = """
import os, time

def handler(event, context):
    if event == "exit":
        os._exit(3)
    time.sleep(60)
"""


def invoke(client: Any, name: str, event: object = None) -> tuple[str, list[str]]:
    """An invocation's request id, and the lines of its log."""
    answer = client.invoke(FunctionName=name, LogType="Tail", Payload=json.dumps(event))
    log = base64.b64decode(answer["LogResult"]).decode()
    assert log.endswith("\n") or log == ""
    return answer["ResponseMetadata"]["RequestId"], log.splitlines()


def events(lines: Sequence[str]) -> list[str]:
    """What stands in the log: platform events by type, the function's own by message."""
    found = []
    for line in lines:
        fields = json.loads(line) if line.startswith("{") else {"message": line}
        found.append(fields.get("type") or fields["message"])
    return found


def create(client: Any, source: str, *, application: str = "INFO", system: str = "INFO", **settings: Any) -> str:
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": application, "SystemLogLevel": system}
    create_function(client, "json", source, LoggingConfig=logging, **settings)
    return "json"


def test_json_at_info_has_no_line_of_the_text_format_and_no_debug_event(client: Any) -> None:
    name = create(client, WRITES)
    request_id, lines = invoke(client, name)
    found = events(lines)
    assert (found[:2], found[-1]) == (["platform.initStart", "platform.start"], "platform.report")
    # What a pipe brings isn't ordered against what the runtime's client sends.
    assert sorted(found[2:-1]) == [
        "from a child process",
        "logged error",
        "logged info\nin two lines",
        "own ERROR",
        "printed",
        "raw",
    ]
    assert json.loads(lines[1])["record"] == {"requestId": request_id, "version": "$LATEST"}
    report = json.loads(lines[-1])
    assert report["time"].endswith("Z")
    assert (report["record"]["requestId"], report["record"]["status"]) == (request_id, "success")
    assert set(report["record"]["metrics"]) == {
        "durationMs",
        "billedDurationMs",
        "memorySizeMB",
        "maxMemoryUsedMB",
        "initDurationMs",
    }
    _, lines = invoke(client, name)
    assert (events(lines)[0], "initDurationMs" in lines[-1]) == ("platform.start", False)


def test_levels_of_their_own_for_the_application_and_the_system(client: Any) -> None:
    name = create(client, WRITES, application="ERROR", system="WARN")
    _, lines = invoke(client, name)
    assert events(lines) == ["own ERROR", "logged error"]


def test_at_debug_everything_is_there(client: Any) -> None:
    name = create(client, WRITES, application="DEBUG", system="DEBUG")
    found = events(invoke(client, name)[1])
    assert found[:4] == ["platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start"]
    assert {"own DEBUG", "logged debug"} <= set(found)
    assert found[-2:] == ["platform.runtimeDone", "platform.report"]


def test_failures_are_reported_at_every_level_and_in_words(client: Any) -> None:
    name = create(client, FAILS, application="FATAL", system="WARN", Timeout=1)
    request_id, lines = invoke(client, name, "exit")
    assert lines[:2] == [
        f"RequestId: {request_id} Error: Runtime exited with error: exit status 3",
        "Runtime.ExitError",
    ]
    assert events(lines[2:]) == ["platform.runtimeDone", "platform.report"]
    assert json.loads(lines[-1])["record"]["errorType"] == "Runtime.ExitError"
    request_id, lines = invoke(client, name, "sleep")
    assert lines[0].endswith(f"Z {request_id} Task timed out after 1.00 seconds")
    assert events(lines[2:]) == ["platform.runtimeDone", "platform.report"]
    assert json.loads(lines[-1])["record"]["status"] == "timeout"
