"""LogType=Tail: the last 4 KB of what the invocation logged, in the answer."""

import base64
import re
from typing import Any

import pytest

from tests.golden import Answer
from tests.invoke.caller import Caller
from tests.lambent_server import create_function

TAIL = {"X-Amz-Log-Type": "Tail"}
NUMBER = r"\d+\.\d\d ms"


def tail_of(answer: Answer) -> str:
    return base64.b64decode(answer.headers["x-amz-log-result"]).decode()


def test_the_first_tail_begins_with_init_start_and_ends_with_the_report(caller: Caller, client: Any) -> None:
    """Source: logs-metrics-traces.md section 2, byte for byte."""
    create_function(
        client, "fn", "print('loading')\ndef handler(event, context):\n    print('handling')\n", MemorySize=256
    )
    answer = caller.invoke("fn", headers=TAIL)
    request_id = answer.headers["x-amzn-requestid"]
    assert re.fullmatch(
        r"INIT_START Runtime Version: python:3\.13\.v\d+\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:[0-9a-f]{64}\n"
        "loading\n"
        f"START RequestId: {request_id} Version: \\$LATEST\n"
        "handling\n"
        f"END RequestId: {request_id}\n"
        f"REPORT RequestId: {request_id}\tDuration: {NUMBER}\tBilled Duration: \\d+ ms\tMemory Size: 256 MB\t"
        f"Max Memory Used: \\d+ MB\tInit Duration: {NUMBER}\t\n",
        tail_of(answer),
    )


def test_the_next_tail_has_the_next_invocation_only(caller: Caller, client: Any) -> None:
    create_function(client, "fn", "def handler(event, context):\n    print(event)\n")
    for number, headers in ((1, {}), (2, TAIL), (3, {}), (4, TAIL)):
        answer = caller.invoke("fn", str(number).encode(), headers=headers)
        request_id = answer.headers["x-amzn-requestid"]
        if not headers:
            assert "x-amz-log-result" not in answer.headers
            continue
        assert re.fullmatch(
            f"START RequestId: {request_id} Version: \\$LATEST\n"
            f"{number}\n"
            f"END RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id}\tDuration: {NUMBER}\tBilled Duration: \\d+ ms\tMemory Size: 128 MB\t"
            "Max Memory Used: \\d+ MB\t\n",
            tail_of(answer),
        )


def test_a_tail_is_the_last_4096_bytes(caller: Caller, client: Any) -> None:
    create_function(client, "fn", "def handler(event, context):\n    for n in range(2000):\n        print('line', n)\n")
    answer = caller.invoke("fn", headers=TAIL)
    tail = base64.b64decode(answer.headers["x-amz-log-result"])
    assert len(tail) == 4096
    assert b"line 1999\nEND RequestId: " in tail
    assert tail.endswith(b"\t\n")


def test_boto3_has_the_tail(client: Any) -> None:
    create_function(client, "fn", "def handler(event, context):\n    print('Grüße')\n")
    answer = client.invoke(FunctionName="fn", LogType="Tail")
    assert "Grüße\n" in base64.b64decode(answer["LogResult"]).decode()


@pytest.mark.parametrize(
    ("source", "settings", "lines"),
    [
        (
            "import os\ndef handler(event, context):\n    print('before', flush=True)\n    os._exit(1)\n",
            {},
            (
                "START RequestId: {id} Version: \\$LATEST\n"
                "before\n"
                "RequestId: {id} Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n"
                "END RequestId: {id}\n"
                "REPORT RequestId: {id}\t[^\n]*\tStatus: error\tError Type: Runtime.ExitError\n"
            ),
        ),
        (
            "import time\ndef handler(event, context):\n    print('before', flush=True)\n    time.sleep(9)\n",
            {"Timeout": 1},
            "START RequestId: {id} Version: \\$LATEST\n"
            "before\n"
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z {id} Task timed out after 1.00 seconds" + "\n\n"
            "END RequestId: {id}\n"
            "REPORT RequestId: {id}\tDuration: 1000.00 ms\t[^\n]*\tStatus: timeout\n",
        ),
        (
            "def handler(event, context):\n    raise ValueError('no')\n",
            {},
            "START RequestId: {id} Version: \\$LATEST\n"
            r"\[ERROR\] ValueError: no" + "\nTraceback \\(most recent call last\\):\n"
            "\u00a0\u00a0File \"/var/task/app.py\", line 2, in handler\n\u00a0\u00a0\u00a0\u00a0raise ValueError\\('no'\\)"
            "END RequestId: {id}\n"
            "REPORT RequestId: {id}\tDuration: [^\n]*\t\n",
        ),
    ],
    ids=["exit", "timeout", "exception"],
)
def test_a_failure_is_in_the_tail(
    caller: Caller, client: Any, source: str, settings: dict[str, Any], lines: str
) -> None:
    create_function(client, "fn", source, **settings)
    answer = caller.invoke("fn", headers=TAIL)
    tail = tail_of(answer)
    assert re.search(lines.replace("{id}", answer.headers["x-amzn-requestid"]) + "$", tail), tail


def test_a_tail_is_not_for_events(caller: Caller, client: Any) -> None:
    """Source: API reference, Invoke, LogType: "Applies to synchronously invoked functions only"."""
    create_function(client, "fn", "def handler(event, context):\n    pass\n")
    answer = caller.invoke("fn", headers={**TAIL, "X-Amz-Invocation-Type": "Event"})
    assert answer.status == 202
    assert "x-amz-log-result" not in answer.headers
