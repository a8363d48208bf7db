"""Which headers an Invoke understands, and which its answers have: invocation.md section 1."""

import base64
import json
import re
from typing import Any

import pytest

from tests.invoke.caller import Caller
from tests.lambent_server import create_function

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TRACE = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0")
GENERAL = {"content-length", "date"}

CONTEXT = """\
import os

def handler(event, context):
    client = context.client_context
    return {
        "request_id": context.aws_request_id,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "tenant": context.tenant_id,
        "arn": context.invoked_function_arn,
        "client": client and {
            "title": client.client and client.client.app_title,
            "custom": client.custom,
            "env": client.env,
        },
    }
"""


@pytest.fixture
def context(client: Any) -> str:
    create_function(client, "context", CONTEXT)
    return "context"


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_synchronous_answer_has_these_headers_and_no_others(caller: Caller, context: str) -> None:
    answer = caller.invoke(context)
    assert answer.status == 200
    assert set(answer.headers) == GENERAL | {
        "content-type",
        "x-amzn-requestid",
        "x-amzn-remapped-content-length",
        "x-amz-executed-version",
        "x-amzn-trace-id",
    }
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amzn-remapped-content-length"] == "0"
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    assert UUID.fullmatch(answer.headers["x-amzn-requestid"])
    assert TRACE.fullmatch(answer.headers["x-amzn-trace-id"])


def test_an_event_is_accepted_with_these_headers_and_no_others(caller: Caller, context: str) -> None:
    answer = caller.invoke(context, headers={"X-Amz-Invocation-Type": "Event"})
    assert (answer.status, answer.body) == (202, b"")
    assert set(answer.headers) == GENERAL | {"content-type", "x-amzn-requestid", "x-amzn-remapped-content-length"}
    assert UUID.fullmatch(answer.headers["x-amzn-requestid"])


def test_a_dry_run_is_answered_with_no_content_and_runs_nothing(caller: Caller, client: Any) -> None:
    create_function(client, "counter", "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n")
    answer = caller.invoke("counter", headers={"X-Amz-Invocation-Type": "DryRun"})
    assert (answer.status, answer.body) == (204, b"")
    assert set(answer.headers) <= {"date", "x-amzn-requestid"}
    assert caller.result("counter") == 1


def test_a_dry_run_of_what_isnt_there_says_so(caller: Caller) -> None:
    answer = caller.invoke("missing", headers={"X-Amz-Invocation-Type": "DryRun"})
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")


def test_the_request_id_is_the_one_that_the_function_sees(caller: Caller, context: str) -> None:
    """Source: invocation.md section 1 (recorded)."""
    answers = [caller.invoke(context) for _ in range(3)]
    ids = [answer.headers["x-amzn-requestid"] for answer in answers]
    assert [json.loads(answer.body)["request_id"] for answer in answers] == ids
    assert len(set(ids)) == 3


def test_the_functions_error_is_a_header_of_its_own(caller: Caller, client: Any) -> None:
    create_function(client, "fails", "def handler(event, context):\n    raise ValueError('no')\n")
    answer = caller.invoke("fails")
    assert answer.status == 200
    assert answer.headers["x-amz-function-error"] == "Unhandled"
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    assert "x-amzn-errortype" not in answer.headers


def test_an_error_of_the_callers_has_its_type_and_the_request_id(caller: Caller) -> None:
    answer = caller.invoke("missing")
    assert set(answer.headers) == GENERAL | {"content-type", "x-amzn-errortype", "x-amzn-requestid"}


def test_a_trace_header_reaches_the_function_and_comes_back(caller: Caller, context: str) -> None:
    """Source: logs-metrics-traces.md section 7.1."""
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    answer = caller.invoke(context, headers={"X-Amzn-Trace-Id": trace})
    passed_on = json.loads(answer.body)["trace"]
    assert answer.headers["x-amzn-trace-id"] == passed_on
    fields = dict(field.split("=") for field in passed_on.split(";"))
    assert list(fields) == ["Root", "Parent", "Sampled", "Lineage"]
    assert (fields["Root"], fields["Sampled"]) == ("1-5759e988-bd862e3fe1be46a994272793", "1")
    assert re.fullmatch("[0-9a-f]{16}", fields["Parent"])
    assert fields["Parent"] != "53995c3f42cd8ad8"
    assert re.fullmatch("1:[0-9a-f]{8}:0", fields["Lineage"])


def test_without_a_trace_header_one_is_made_for_each_invocation(caller: Caller, context: str) -> None:
    answers = [caller.invoke(context) for _ in range(2)]
    traces = [json.loads(answer.body)["trace"] for answer in answers]
    assert all(TRACE.fullmatch(trace) for trace in traces)
    assert traces == [answer.headers["x-amzn-trace-id"] for answer in answers]
    assert traces[0] != traces[1]


def test_a_function_without_tenants_sees_none(caller: Caller, context: str) -> None:
    """That of a function with tenants is tested in test_tenants.py."""
    assert caller.result(context)["tenant"] is None


def test_a_tenant_id_is_checked_by_the_model(caller: Caller, context: str) -> None:
    """Source: API model, TenantId: [a-zA-Z0-9\\._:\\/=+\\-@ ]+, 1 to 256 characters."""
    assert_validation_error(caller, context, {"X-Amz-Tenant-Id": "blue*team"}, "'tenantId'", "pattern")


def test_the_client_context_reaches_the_function(caller: Caller, context: str) -> None:
    """Source: developer guide, "Lambda context object in Python"; the header is base64 of JSON."""
    text = '{"client": {"app_title": "shop"},\n "custom": {"tier": "gold"}, "env": {"locale": "fr"}}'
    answered = caller.result(context, headers={"X-Amz-Client-Context": in_base64(text)})
    assert answered["client"] == {"title": "shop", "custom": {"tier": "gold"}, "env": {"locale": "fr"}}
    assert caller.result(context)["client"] is None


@pytest.mark.parametrize(
    "value",
    ["{}", "not base64!", in_base64("{"), in_base64("[]"), in_base64("1"), in_base64('{"custom": NaN}'), "/w=="],
)
def test_a_client_context_that_isnt_json_in_base64_is_refused(caller: Caller, context: str, value: str) -> None:
    answer = caller.invoke(context, headers={"X-Amz-Client-Context": value})
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")
    assert json.loads(answer.body)["Type"] == "User"


def test_a_client_context_may_have_3583_bytes(caller: Caller, context: str) -> None:
    """Source: API reference, Invoke, ClientContext."""
    longest = in_base64(json.dumps({"custom": {"x": "y" * 2600}}))
    assert len(longest) <= 3583
    assert caller.invoke(context, headers={"X-Amz-Client-Context": longest}).status == 200
    answer = caller.invoke(context, headers={"X-Amz-Client-Context": in_base64("{}" + " " * 2700)})
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "InvalidParameterValueException")


@pytest.mark.parametrize("value", ["event", "", "Sync"])
def test_another_invocation_type_fails_the_models_check(caller: Caller, context: str, value: str) -> None:
    """Source: API model; api-errors.md section 3."""
    expected = f"Value '{value}' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: "
    assert_validation_error(caller, context, {"X-Amz-Invocation-Type": value}, expected)


def test_another_log_type_fails_the_models_check(caller: Caller, context: str) -> None:
    expected = "Value 'tail' at 'logType' failed to satisfy constraint: Member must satisfy enum value set: "
    assert_validation_error(caller, context, {"X-Amz-Log-Type": "tail"}, expected)


def test_all_violations_are_said_at_once(caller: Caller, context: str) -> None:
    headers = {"X-Amz-Log-Type": "tail", "X-Amz-Invocation-Type": "x"}
    assert_validation_error(caller, context, headers, "2 validation errors detected: ")


def assert_validation_error(caller: Caller, function: str, headers: dict[str, str], *texts: str) -> None:
    answer = caller.invoke(function, headers=headers)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
    message = json.loads(answer.body)["message"]
    for text in texts:
        assert text in message
