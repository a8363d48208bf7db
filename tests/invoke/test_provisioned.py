"""Provisioned concurrency as invocations see it: environments that were initialised before anybody called.

Sources: runtime-api.md §4 and §7, logs-metrics-traces.md §2, invocation.md §3; developer guide, "Configuring provisioned
concurrency".
"""

import base64
import json
import re
import signal
from collections import Counter
from typing import Any

import pytest

from tests.invoke.caller import Caller, at_the_same_time
from tests.invoke.gate import WAITING, closed_gate
from tests.invoke.logs import events_of, wait_for
from tests.invoke.test_concurrency import callers, statuses
from tests.lambent_server import LambentServer, create_function, wait_until_active, zip_of

AHEAD = """\
import os, time
began = time.time()

def handler(event, context):
    if event == "exit":
        os._exit(1)
    if event == "sleep":
        time.sleep(60)
    return [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], context.function_version, context.log_stream_name, began]
"""


def publish(client: Any, source: str = AHEAD, **settings: Any) -> str:
    """Version 1, or the next one, of the function `fn`."""
    if any(function["FunctionName"] == "fn" for function in client.list_functions()["Functions"]):
        client.update_function_code(FunctionName="fn", ZipFile=zip_of({"app.py": source}))
        wait_until_active(client, "fn")
    else:
        create_function(client, "fn", source, **settings)
    version: str = client.publish_version(FunctionName="fn")["Version"]
    return version


def put(client: Any, qualifier: str, count: int) -> None:
    client.put_provisioned_concurrency_config(
        FunctionName="fn", Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )


def state(client: Any, qualifier: str) -> tuple[str, int, int]:
    config = client.get_provisioned_concurrency_config(FunctionName="fn", Qualifier=qualifier)
    allocated, available = (f"{kind}ProvisionedConcurrentExecutions" for kind in ("Allocated", "Available"))
    return config["Status"], config[allocated], config[available]


def provision(client: Any, qualifier: str, count: int) -> None:
    """Until so many are ready."""
    put(client, qualifier, count)
    wait_for(lambda: state(client, qualifier) == ("READY", count, count))


def test_the_first_invocation_finds_an_environment_that_was_initialised_before(caller: Caller, client: Any) -> None:
    version = publish(client)
    provision(client, version, 1)
    kind, ran, stream, _ = caller.result(f"fn:{version}")
    assert (kind, ran) == ("provisioned-concurrency", version)
    assert caller.result(f"fn:{version}")[2] == stream
    assert caller.result("fn")[0] == "on-demand"


def test_all_that_are_provisioned_are_used_and_what_is_more_runs_on_demand(caller: Caller, client: Any) -> None:
    """Source: logs-metrics-traces.md §6, ProvisionedConcurrencySpilloverInvocations."""
    publish(client, WAITING)
    provision(client, "1", 2)
    with closed_gate() as gate, callers(3, lambda _: caller.invoke("fn:1", gate.event)) as answers:
        wait_for(lambda: gate.waiting == 3)
        gate.open()
    assert statuses(answers) == {200: 3}
    assert len({answer.body for answer in answers}) == 3


def test_an_init_ahead_has_lines_of_its_own_and_is_no_part_of_the_first_invocation(
    caller: Caller, client: Any, lambent: LambentServer
) -> None:
    """Source: logs-metrics-traces.md §2."""
    publish(client, "print('outside')\n" + AHEAD)
    provision(client, "1", 1)
    answer = caller.invoke("fn:1", headers={"X-Amz-Log-Type": "Tail"})
    tail = base64.b64decode(answer.headers["x-amz-log-result"]).decode()
    assert tail.startswith("START")
    wait_for(lambda: any(event.message.startswith("REPORT") for event in events_of(lambent, caller, "fn")))
    lines = [event.message for event in events_of(lambent, caller, "fn")]
    assert [line.split()[0] for line in lines] == ["INIT_START", "outside", "INIT_REPORT", "START", "END", "REPORT"]
    assert re.fullmatch(r"INIT_REPORT Init Duration: [0-9.]+ ms\tPhase: init\tStatus: success\n?", lines[2])
    assert "Init Duration" not in lines[5]


def test_in_json_the_init_says_its_type(caller: Caller, client: Any, lambent: LambentServer) -> None:
    """Source: logs-metrics-traces.md §4: a provisioned environment's initReport is an INFO event."""
    publish(client, LoggingConfig={"LogFormat": "JSON"})
    provision(client, "1", 1)
    wait_for(lambda: len(events_of(lambent, caller, "fn")) == 2)
    started, reported = (json.loads(event.message) for event in events_of(lambent, caller, "fn"))
    assert (started["type"], reported["type"]) == ("platform.initStart", "platform.initReport")
    for event in (started, reported):
        assert event["record"]["initializationType"] == "provisioned-concurrency"


def test_an_init_that_takes_longer_than_on_demand_is_let_finish(caller: Caller, client: Any) -> None:
    """Source: runtime-api.md §4: 10 s on demand, 130 s here."""
    publish(client, "import time\ntime.sleep(11)\n" + AHEAD)
    put(client, "1", 1)
    wait_for(lambda: state(client, "1") == ("READY", 1, 1), seconds=60)
    assert caller.result("fn:1")[0] == "provisioned-concurrency"


def test_an_alias_and_the_version_it_points_at_use_the_same_environments(caller: Caller, client: Any) -> None:
    publish(client)
    client.create_alias(FunctionName="fn", Name="live", FunctionVersion="1")
    provision(client, "live", 1)
    by_alias, by_number = caller.result("fn:live"), caller.result("fn:1")
    assert by_alias == by_number
    assert by_alias[0] == "provisioned-concurrency"


def test_provisioned_environments_follow_their_alias(caller: Caller, client: Any) -> None:
    publish(client)
    client.create_alias(FunctionName="fn", Name="live", FunctionVersion="1")
    provision(client, "live", 1)
    second = publish(client, "# two\n" + AHEAD)
    client.update_alias(FunctionName="fn", Name="live", FunctionVersion=second)
    wait_for(lambda: state(client, "live") == ("READY", 1, 1))
    assert caller.result("fn:live")[:2] == ["provisioned-concurrency", second]
    assert caller.result("fn:1")[0] == "on-demand"
    client.delete_alias(FunctionName="fn", Name="live")
    client.create_alias(FunctionName="fn", Name="live", FunctionVersion=second)
    with pytest.raises(client.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        state(client, "live")
    wait_for(lambda: caller.result("fn:live")[0] == "on-demand")


def test_one_that_crashes_is_replaced(caller: Caller, client: Any) -> None:
    publish(client)
    provision(client, "1", 1)
    stream = caller.result("fn:1")[2]
    caller.error("fn:1", "exit")
    wait_for(lambda: state(client, "1") == ("READY", 1, 1))
    kind, _, other_stream, _ = caller.result("fn:1")
    assert kind == "provisioned-concurrency"
    assert other_stream != stream


def test_one_whose_invocation_times_out_is_replaced(caller: Caller, client: Any) -> None:
    publish(client, Timeout=1)
    provision(client, "1", 1)
    caller.error("fn:1", "sleep")
    wait_for(lambda: caller.result("fn:1")[0] == "provisioned-concurrency")
    wait_for(lambda: state(client, "1") == ("READY", 1, 1))


def test_an_init_that_fails_is_told_and_tried_again_when_asked_anew(caller: Caller, client: Any) -> None:
    publish(client, "raise ValueError('not today')")
    put(client, "1", 2)
    wait_for(lambda: state(client, "1") == ("FAILED", 0, 0))
    config = client.get_provisioned_concurrency_config(FunctionName="fn", Qualifier="1")
    assert config["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"
    put(client, "1", 2)
    wait_for(lambda: state(client, "1") == ("FAILED", 0, 0))
    caller.error("fn:1")


def test_what_is_reserved_and_all_provisioned_keeps_latest_from_running(caller: Caller, client: Any) -> None:
    """Source: developer guide, "Configuring provisioned concurrency"."""
    publish(client)
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=1)
    provision(client, "1", 1)
    assert caller.invoke("fn").status == 429
    assert caller.result("fn:1")[0] == "provisioned-concurrency"


def test_without_its_config_a_version_runs_on_demand_again(caller: Caller, client: Any) -> None:
    publish(client)
    provision(client, "1", 1)
    assert caller.result("fn:1")[0] == "provisioned-concurrency"
    client.delete_provisioned_concurrency_config(FunctionName="fn", Qualifier="1")
    wait_for(lambda: caller.result("fn:1")[0] == "on-demand")


def test_a_burst_of_what_is_provisioned_starts_nothing(caller: Caller, client: Any) -> None:
    publish(client)
    provision(client, "1", 4)
    for _ in range(3):
        results = at_the_same_time(4, lambda _: caller.result("fn:1"))
        assert Counter(result[0] for result in results) == {"provisioned-concurrency": 4}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_they_are_there_again_after_a_restart(own_lambent: LambentServer, how: signal.Signals) -> None:
    client = own_lambent.start().client()
    publish(client)
    provision(client, "1", 2)
    if how is signal.SIGKILL:
        own_lambent.kill()
    else:
        own_lambent.stop()
    client = own_lambent.start().client()
    wait_for(lambda: state(client, "1") == ("READY", 2, 2))
    assert Caller(own_lambent.port, "000000000000").result("fn:1")[0] == "provisioned-concurrency"
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 998
