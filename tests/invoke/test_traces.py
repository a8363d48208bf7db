"""Whose trace an invocation belongs to, and whether it is sampled: logs-metrics-traces.md section 7.1."""

import base64
import re
from typing import Any

import pytest

from tests.invoke.caller import Caller
from tests.invoke.logs import lines_of, wait_for
from tests.lambent_server import LambentServer, create_function

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
OWN = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0")
TRACE = """\
import os

def handler(event, context):
    trace = os.environ["_X_AMZN_TRACE_ID"]
    print("TRACE", trace)
    if event == "fail":
        raise ValueError
    return trace
"""
ACTIVE = {"TracingConfig": {"Mode": "Active"}}


@pytest.fixture
def function(client: Any) -> str:
    create_function(client, "traced", TRACE)
    return "traced"


def trace_of(caller: Caller, function: str, header: str) -> str:
    """What a caller is told, and the function has."""
    answer = caller.invoke(function, headers={"X-Amzn-Trace-Id": header})
    assert answer.body.decode() == f'"{answer.headers["x-amzn-trace-id"]}"'
    return answer.headers["x-amzn-trace-id"]


@pytest.mark.parametrize("decision", ["", ";Sampled=0", ";Sampled=?"])
def test_a_function_without_tracing_of_its_own_samples_what_its_caller_does(
    caller: Caller, function: str, decision: str
) -> None:
    assert ";Sampled=0;" in trace_of(caller, function, f"Root={ROOT}{decision}")
    assert ";Sampled=1;" in trace_of(caller, function, f"Root={ROOT};Sampled=1")


def test_active_tracing_samples_where_the_caller_hasnt_decided(caller: Caller, client: Any) -> None:
    create_function(client, "active", TRACE, **ACTIVE)
    own = [caller.invoke("active").headers["x-amzn-trace-id"] for _ in range(3)]
    assert ";Sampled=1;" in own[0]
    undecided = trace_of(caller, "active", f"Root={ROOT};Sampled=?")
    assert undecided.startswith(f"Root={ROOT};Parent=")
    assert ";Sampled=0;" in trace_of(caller, "active", f"Root={ROOT};Sampled=0")


@pytest.mark.parametrize("header", ["Root=1-5", "x", f"Root={ROOT};x=" + "y" * 256])
def test_a_header_that_names_no_trace_counts_as_missing(caller: Caller, function: str, header: str) -> None:
    assert OWN.fullmatch(trace_of(caller, function, header))


def test_fields_that_arent_lambdas_arent_passed_on(caller: Caller, function: str) -> None:
    trace = trace_of(caller, function, f"Self=1-2-3;Root={ROOT};app=x;Sampled=1")
    assert re.fullmatch(f"Root={ROOT};Parent=[0-9a-f]{{16}};Sampled=1;Lineage=1:[0-9a-f]{{8}}:0", trace)


@pytest.mark.parametrize("sampled", ["0", "1"])
def test_report_names_a_trace_that_is_sampled(caller: Caller, function: str, sampled: str) -> None:
    """Source: logs-metrics-traces.md section 2."""
    headers = {"X-Amzn-Trace-Id": f"Root={ROOT};Sampled={sampled}", "X-Amz-Log-Type": "Tail"}
    answer = caller.invoke(function, headers=headers)
    parent = answer.headers["x-amzn-trace-id"].partition("Parent=")[2][:16]
    log = base64.b64decode(answer.headers["x-amz-log-result"]).decode()
    line = f"XRAY TraceId: {ROOT}\tSegmentId: {parent}\tSampled: true\t\n"
    _, report = log.split("REPORT ")
    assert report.partition("\n")[2] == (line if sampled == "1" else "")


def test_a_lineage_goes_on(caller: Caller, function: str) -> None:
    trace = trace_of(caller, function, f"Root={ROOT};Lineage=5:bd4cecd5:2")
    assert trace.endswith(";Sampled=0;Lineage=6:bd4cecd5:2")


def test_an_event_is_of_its_callers_trace_at_each_attempt(
    lambent: LambentServer, caller: Caller, function: str
) -> None:
    header = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
    caller.invoke(function, headers={"X-Amz-Invocation-Type": "Event", "X-Amzn-Trace-Id": header})
    (trace,) = wait_for(lambda: lines_of(lambent, caller, function, beginning="TRACE "))
    assert re.fullmatch(f"Root={ROOT};Parent=(?!53995c3f42cd8ad8)[0-9a-f]{{16}};Sampled=1;Lineage=1:.{{8}}:0", trace)


def test_an_event_without_a_header_begins_a_trace(lambent: LambentServer, caller: Caller, function: str) -> None:
    caller.invoke(function, headers={"X-Amz-Invocation-Type": "Event"})
    (trace,) = wait_for(lambda: lines_of(lambent, caller, function, beginning="TRACE "))
    assert OWN.fullmatch(trace)
