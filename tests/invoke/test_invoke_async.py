"""InvokeAsync, the older way to send an event. Source: API model, InvokeAsync."""

import http.client
import json
import warnings
from typing import Any
from urllib.parse import quote

import pytest

from tests.golden import Answer
from tests.invoke.caller import Caller
from tests.invoke.logs import lines_of, wait_for
from tests.lambent_server import LambentServer, create_function

NOTES = """\
import json, os

def handler(event, context):
    note = [event, context.aws_request_id, context.invoked_function_arn, os.environ["_X_AMZN_TRACE_ID"]]
    print("NOTE", json.dumps(note if len(str(event)) < 100 else len(event)))
"""


@pytest.fixture
def function(client: Any) -> str:
    create_function(client, "notes", NOTES)
    return "notes"


def invoke_async(
    caller: Caller, name: str, body: bytes, *, slash: str = "/", headers: dict[str, str] | None = None
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", caller.port, timeout=20)
    path = f"/2014-11-13/functions/{quote(name, safe='')}/invoke-async{slash}"
    connection.request("POST", path, body, {**caller.authorization, **(headers or {})})
    response = connection.getresponse()
    answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    connection.close()
    return answer


def notes_of(lambent: LambentServer, caller: Caller) -> list[Any]:
    return [json.loads(line) for line in wait_for(lambda: lines_of(lambent, caller, "notes", beginning="NOTE "))]


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_event_is_accepted_and_runs(lambent: LambentServer, caller: Caller, function: str, slash: str) -> None:
    answer = invoke_async(caller, function, b'{"a": 1}', slash=slash)
    assert (answer.status, answer.body) == (202, b"")
    ((event, request_id, arn, _),) = notes_of(lambent, caller)
    assert (event, request_id, arn) == ({"a": 1}, answer.headers["x-amzn-requestid"], caller.arn(function))


def test_boto3s_client_has_it(lambent: LambentServer, caller: Caller, client: Any, function: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated
        assert client.invoke_async(FunctionName=function, InvokeArgs=b'"x"')["Status"] == 202
    assert notes_of(lambent, caller)[0][0] == "x"


def test_an_alias_may_be_part_of_the_name(lambent: LambentServer, caller: Caller, client: Any, function: str) -> None:
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="$LATEST")
    assert invoke_async(caller, f"{function}:live", b"1").status == 202
    assert notes_of(lambent, caller)[0][2] == caller.arn(function, "live")


def test_the_callers_trace_isnt_passed_on_and_none_sampled(
    lambent: LambentServer, caller: Caller, client: Any, function: str
) -> None:
    client.update_function_configuration(FunctionName=function, TracingConfig={"Mode": "Active"})
    client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    invoke_async(caller, function, b"1", headers={"X-Amzn-Trace-Id": trace})
    found = notes_of(lambent, caller)[0][3]
    assert "1-5759e988-bd862e3fe1be46a994272793" not in found
    assert ";Sampled=0;" in found


def test_an_event_may_have_1_mb(lambent: LambentServer, caller: Caller, function: str) -> None:
    """Source: quotas.md §4."""
    largest = b'"' + b"x" * (1_048_576 - 2) + b'"'
    assert invoke_async(caller, function, largest).status == 202
    assert notes_of(lambent, caller) == [1_048_574]
    for longer in (largest[:-1] + b'x"', b"1" * 7_000_000):
        answer = invoke_async(caller, function, longer)
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("notes", b"{", 400, "InvalidRequestContentException"),
        ("missing", b"1", 404, "ResourceNotFoundException"),
        ("notes:7", b"1", 404, "ResourceNotFoundException"),
        ("no name", b"1", 400, "ValidationException"),
    ],
)
def test_what_cant_be_invoked_isnt_accepted(
    caller: Caller, function: str, name: str, body: bytes, status: int, code: str
) -> None:
    answer = invoke_async(caller, name, body)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (status, code)
