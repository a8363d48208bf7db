"""Between a version's commit and its being Active, and what else can only be seen from within the process."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.core.errors import ResourceConflict
from lambent.core.scope import Scope
from tests.api.calls import PATIENTLY, call, create, package, refusal, settle
from tests.api.conftest import ClientFactory
from tests.api.control_plane import ControlPlane
from tests.lambent_server import REGION


def test_a_pending_function_can_be_neither_updated_nor_published_nor_invoked(
    control_client: Any, control_plane: ControlPlane, account: str
) -> None:
    with control_plane.activation_held():
        create(control_client)
        text = (
            "The operation cannot be performed at this time. The resource "
            f"arn:aws:lambda:{REGION}:{account}:function:my-function is currently in the following state: "
            "'Pending'. StateReasonCode: 'Creating'"
        )
        for operation in (control_client.update_function_configuration, control_client.publish_version):
            with pytest.raises(ClientError) as error:
                operation(FunctionName="my-function")
            assert refusal(error) == ("ResourceConflictException", text)
        with pytest.raises(ResourceConflict, match="currently in the following state: Pending"):
            control_plane.run(control_plane.view.load(Scope(account, REGION), "my-function", None))


def test_the_old_version_runs_until_the_update_is_done(
    control_client: Any, control_plane: ControlPlane, account: str
) -> None:
    scope = Scope(account, REGION)
    create(control_client, Timeout=5)
    settle(control_client)
    with control_plane.activation_held():
        control_client.update_function_configuration(FunctionName="my-function", Timeout=7)
        during = control_plane.run(control_plane.view.load(scope, "my-function", None))
    settle(control_client)
    after = control_plane.run(control_plane.view.load(scope, "my-function", None))
    assert (during.timeout_seconds, after.timeout_seconds) == (5, 7)
    assert during.revision != after.revision


def test_nothing_is_changed_or_published_while_an_update_is_in_progress(
    control_client: Any, control_plane: ControlPlane, account: str
) -> None:
    create(control_client)
    settle(control_client)
    text = (
        "The operation cannot be performed at this time. An update is in progress for resource: "
        f"arn:aws:lambda:{REGION}:{account}:function:my-function"
    )
    with control_plane.activation_held():
        control_client.update_function_configuration(FunctionName="my-function", Timeout=7)
        for operation, more in (
            ("UpdateFunctionConfiguration", {"Timeout": 8}),
            ("UpdateFunctionCode", {"ZipFile": package("new")}),
            ("UpdateFunctionCode", {"ZipFile": package("new"), "DryRun": True}),
            ("PublishVersion", {}),
        ):
            with pytest.raises(ClientError) as error:
                control_client._make_api_call(operation, {"FunctionName": "my-function", **more})
            assert refusal(error) == ("ResourceConflictException", text)
    assert settle(control_client)["Timeout"] == 7


def test_code_that_cannot_be_unpacked_makes_the_function_failed(
    control_client: Any, control_plane: ControlPlane
) -> None:
    with control_plane.activation_held():
        created = create(control_client, Code={"ZipFile": package("unique to this test")})
        digest = base64.b64decode(created["CodeSha256"]).hex()
        control_plane.lose_code(digest)
    with pytest.raises(Exception, match="terminal failure state"):
        control_client.get_waiter("function_active_v2").wait(FunctionName="my-function", WaiterConfig=PATIENTLY)
    shown = control_client.get_function_configuration(FunctionName="my-function")
    assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "InternalError")


def test_a_bug_is_a_service_exception_with_a_traceback_in_the_log(
    control_client: Any,
    control_plane: ControlPlane,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(control_plane.database, "read", broken)
    answer = call(control_client, "ListFunctions", {})
    assert answer.status == 500
    assert answer.headers["x-amzn-errortype"] == "ServiceException"
    assert answer.headers["x-amzn-requestid"] in json.loads(answer.body)["Message"]
    [record] = [record for record in caplog.records if record.name == "lambent.gateway.errors"]
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ControlPlane]:
    server = ControlPlane(tmp_path)
    server.start()
    yield server
    server.stop()


def test_what_was_pending_is_activated_at_the_next_start(
    own_server: ControlPlane, lambda_client: ClientFactory
) -> None:
    client = lambda_client(url=own_server.url)
    create(client, "active")
    settle(client, "active")
    client.put_function_concurrency(FunctionName="active", ReservedConcurrentExecutions=2)
    own_server.hold_activation()
    create(client, "pending", Publish=True)
    client.update_function_configuration(FunctionName="active", Timeout=9)
    own_server.stop()
    own_server.reserved.clear()
    own_server.start()
    client = lambda_client(url=own_server.url)
    settle(client, "pending")
    assert settle(client, "active")["Timeout"] == 9
    client.get_waiter("published_version_active").wait(FunctionName="pending", Qualifier="1", WaiterConfig=PATIENTLY)
    assert list(own_server.reserved.values()) == [2]
