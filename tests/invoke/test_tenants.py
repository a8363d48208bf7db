"""Tenant isolation: api-durable-capacity.md section 4."""

import functools
import json
from typing import Any

import pytest

from tests.golden import Answer
from tests.invoke.caller import Caller, at_the_same_time
from tests.invoke.gate import WAITING, closed_gate
from tests.invoke.logs import lines_of, wait_for
from tests.invoke.test_concurrency import callers, statuses
from tests.lambent_server import LambentServer, create_function

PER_TENANT = {"TenantIsolationMode": "PER_TENANT"}
MISSING = (
    "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again."
)

REMEMBERS = """\
import os, pathlib
seen = []

def handler(event, context):
    left = pathlib.Path("/tmp/left")
    found = left.read_text() if left.exists() else ""
    left.write_text(context.tenant_id)
    seen.append(context.tenant_id)
    return {"seen": seen, "stream": context.log_stream_name, "tmp": found, "tenant": context.tenant_id}
"""


def of(tenant: str, **more: str) -> dict[str, str]:
    return {"X-Amz-Tenant-Id": tenant, **more}


def message(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.headers["x-amzn-errortype"], json.loads(answer.body)["message"]


def test_tenants_never_share_an_environment_and_each_keeps_its_own(caller: Caller, client: Any) -> None:
    create_function(client, "fn", REMEMBERS, TenancyConfig=PER_TENANT)
    tenants = ["blue", "green", "blue team:1/a=b+c@d.e", "BLUE"]
    answers = [caller.result("fn", headers=of(tenant)) for tenant in tenants * 3]
    for tenant in tenants:
        own = [answer for answer in answers if answer["tenant"] == tenant]
        assert [answer["seen"] for answer in own] == [[tenant] * count for count in (1, 2, 3)]
        assert [answer["tmp"] for answer in own] == ["", tenant, tenant]
        assert len({answer["stream"] for answer in own}) == 1
    assert len({answer["stream"] for answer in answers}) == len(tenants)


def test_tenants_at_the_same_time_never_share_an_environment(caller: Caller, client: Any) -> None:
    create_function(client, "fn", REMEMBERS, TenancyConfig=PER_TENANT)
    answers = at_the_same_time(24, lambda number: caller.result("fn", headers=of(f"tenant-{number % 3}")))
    for answer in answers:
        assert set(answer["seen"]) == {answer["tenant"]}
        assert answer["tmp"] in {"", answer["tenant"]}


def test_versions_have_tenants_too(caller: Caller, client: Any) -> None:
    create_function(client, "fn", REMEMBERS, TenancyConfig=PER_TENANT)
    version = client.publish_version(FunctionName="fn")
    assert version["TenancyConfig"] == PER_TENANT
    seen = [caller.result("fn", headers=of("blue"), qualifier=qualifier)["seen"] for qualifier in ("1", "$LATEST", "1")]
    assert seen == [["blue"], ["blue"], ["blue", "blue"]]


@pytest.mark.parametrize("invocation_type", ["RequestResponse", "Event", "DryRun"])
def test_an_invocation_without_a_tenant_is_refused(caller: Caller, client: Any, invocation_type: str) -> None:
    """Source: observed (AWS announcement of November 2025)."""
    create_function(client, "fn", REMEMBERS, TenancyConfig=PER_TENANT)
    answer = caller.invoke("fn", headers={"X-Amz-Invocation-Type": invocation_type})
    assert message(answer) == (400, "InvalidParameterValueException", MISSING)
    assert caller.result("fn", headers=of("blue"))["seen"] == ["blue"]
    answer = caller.invoke("fn", headers={"X-Amz-Invocation-Type": invocation_type})
    assert message(answer) == (400, "InvalidParameterValueException", MISSING)


@pytest.mark.parametrize("invocation_type", ["RequestResponse", "Event", "DryRun"])
def test_a_tenant_of_a_function_that_has_none_is_refused(caller: Caller, client: Any, invocation_type: str) -> None:
    """Source: api-durable-capacity.md section 4; the text is unverified."""
    create_function(client, "fn", "def handler(event, context):\n    return 1\n")
    answer = caller.invoke("fn", headers=of("blue", **{"X-Amz-Invocation-Type": invocation_type}))
    assert message(answer)[:2] == (400, "InvalidParameterValueException")
    assert "not enabled with tenancy configuration" in message(answer)[2]
    assert caller.result("fn") == 1


def test_a_function_that_isnt_there_is_missing_first(caller: Caller) -> None:
    assert caller.invoke("missing", headers=of("blue")).status == 404


@pytest.mark.parametrize("tenant", ["", "blue*", "x" * 257])
def test_a_tenant_id_is_checked_by_the_model(caller: Caller, client: Any, tenant: str) -> None:
    """Source: API model, TenantId: 1 to 256 of [a-zA-Z0-9._:/=+-@ ]."""
    create_function(client, "fn", REMEMBERS, TenancyConfig=PER_TENANT)
    answer = caller.invoke("fn", headers=of(tenant))
    assert message(answer)[:2] == (400, "ValidationException")
    assert caller.result("fn", headers=of("x" * 256))["seen"] == ["x" * 256]


def test_an_event_is_invoked_for_its_tenant(caller: Caller, client: Any, lambent: LambentServer) -> None:
    create_function(
        client, "fn", "def handler(event, context):\n    print('for', context.tenant_id)\n", TenancyConfig=PER_TENANT
    )
    for tenant in ("blue", "green"):
        accepted = caller.invoke("fn", headers=of(tenant, **{"X-Amz-Invocation-Type": "Event"}))
        assert accepted.status == 202
    wait_for(lambda: sorted(lines_of(lambent, caller, "fn", beginning="for")) == ["blue", "green"])


def test_the_json_log_names_the_tenant(caller: Caller, client: Any, lambent: LambentServer) -> None:
    """Source: extensions-telemetry.md section 4.2."""
    source = "import logging\ndef handler(event, context):\n    logging.getLogger().error('x')\n"
    levels = {"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}
    create_function(client, "fn", source, TenancyConfig=PER_TENANT, LoggingConfig=levels)
    for tenant in ("blue", "green"):
        caller.result("fn", headers=of(tenant))

    def tells_both(kind: str) -> bool:
        """Whether what is of one kind names each tenant, once."""
        found = [json.loads(f"{{{line}") for line in lines_of(lambent, caller, "fn", beginning="{")]
        of_kind = [line.get("record", line) for line in found if kind in (line.get("type"), line.get("message"))]
        return sorted(line["tenantId"] for line in of_kind) == ["blue", "green"]

    for kind in ("platform.start", "x", "platform.runtimeDone"):
        wait_for(functools.partial(tells_both, kind))


def test_concurrency_is_the_functions_and_not_a_tenants(caller: Caller, client: Any) -> None:
    create_function(client, "fn", WAITING, TenancyConfig=PER_TENANT)
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=2)
    with (
        closed_gate() as gate,
        callers(6, lambda number: caller.invoke("fn", gate.event, headers=of(f"tenant-{number}"))) as answers,
    ):
        wait_for(lambda: len(answers) == 4 and gate.waiting == 2)
        gate.open()
    assert statuses(answers) == {200: 2, 429: 4}
