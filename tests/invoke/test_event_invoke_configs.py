"""Event invoke configurations in force: how often an asynchronous invocation is tried.

Source: invocation.md section 2; developer guide, "Configuring error handling settings for asynchronous invocations".
"""

import sqlite3
from functools import partial
from typing import Any

from tests.invoke.caller import Caller
from tests.invoke.logs import lines_of, wait_for
from tests.invoke.test_events import EVENT, next_try_ms
from tests.lambent_server import LambentServer, create_function

FAILS = """\
def handler(event, context):
    print("NOTE", context.aws_request_id)
    raise ValueError("no")
"""


def is_over(lambent: LambentServer, request_id: str) -> bool:
    """Whether an event has left the server's queue."""
    with sqlite3.connect(f"file:{lambent.data_directory / 'queue.db'}?mode=ro", uri=True) as database:
        row = database.execute("SELECT 1 FROM events WHERE request_id = ?", (request_id,)).fetchone()
    database.close()
    return row is None


def send(caller: Caller, qualifier: str | None = None) -> str:
    return caller.invoke("fn", qualifier=qualifier, headers=EVENT).headers["x-amzn-requestid"]


def test_without_retries_a_failed_event_is_over(client: Any, caller: Caller, lambent: LambentServer) -> None:
    create_function(client, "fn", FAILS)
    client.put_function_event_invoke_config(FunctionName="fn", MaximumRetryAttempts=0)
    request_id = send(caller)
    wait_for(partial(is_over, lambent, request_id))
    assert wait_for(partial(lines_of, lambent, caller, "fn", beginning="NOTE ")) == [request_id]


def test_what_is_sent_to_a_qualifier_goes_by_the_qualifiers_own(
    client: Any, caller: Caller, lambent: LambentServer
) -> None:
    create_function(client, "fn", FAILS)
    client.publish_version(FunctionName="fn")
    client.create_alias(FunctionName="fn", Name="live", FunctionVersion="1")
    client.put_function_event_invoke_config(FunctionName="fn", MaximumRetryAttempts=0)
    for qualifier in ("live", "1"):
        assert wait_for(partial(next_try_ms, lambent, send(caller, qualifier), attempts=1))
    client.put_function_event_invoke_config(FunctionName="fn", Qualifier="live", MaximumRetryAttempts=0)
    wait_for(partial(is_over, lambent, send(caller, "live")))


def test_a_deleted_configuration_is_in_force_no_more(client: Any, caller: Caller, lambent: LambentServer) -> None:
    create_function(client, "fn", FAILS)
    client.put_function_event_invoke_config(FunctionName="fn", MaximumRetryAttempts=0)
    request_id = send(caller)
    wait_for(partial(is_over, lambent, request_id))
    client.delete_function_event_invoke_config(FunctionName="fn")
    assert wait_for(partial(next_try_ms, lambent, send(caller), attempts=1))
