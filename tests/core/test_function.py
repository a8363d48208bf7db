from dataclasses import replace

import pytest

from lambent.core.function import (
    LastUpdateStatus,
    LoggingSettings,
    State,
    activated,
    activation_failed,
    target_of,
)
from tests.one_function import ACTIVE, CREATED, SETTINGS, UPDATING


def test_a_created_version_is_pending_and_runs_nothing() -> None:
    assert (CREATED.state, CREATED.state_reason_code, CREATED.last_update_status) == (State.PENDING, "Creating", None)
    assert not CREATED.is_settled
    assert target_of(CREATED) is None


def test_activation_deploys_the_settings_and_takes_the_reasons_away() -> None:
    assert (ACTIVE.state, ACTIVE.state_reason, ACTIVE.state_reason_code) == (State.ACTIVE, None, None)
    assert ACTIVE.last_update_status is LastUpdateStatus.SUCCESSFUL
    assert ACTIVE.is_settled
    target = target_of(ACTIVE)
    assert target is not None
    assert (target.timeout_seconds, target.code_sha256, target.revision) == (3, "00" * 32, "r2")


def test_during_an_update_the_old_settings_and_code_run() -> None:
    assert (UPDATING.state, UPDATING.last_update_status) == (State.ACTIVE, LastUpdateStatus.IN_PROGRESS)
    assert (UPDATING.last_modified_ms, UPDATING.revision_id) == (2, "r3")
    assert not UPDATING.is_settled
    assert target_of(UPDATING) == target_of(ACTIVE)
    after = target_of(activated(UPDATING, revision_id="r4"))
    assert after is not None
    assert (after.timeout_seconds, after.code_sha256, after.revision) == (10, "11" * 32, "r4")


def test_a_new_version_that_cannot_be_made_ready_has_failed() -> None:
    failed = activation_failed(CREATED, revision_id="r2", reason="why", reason_code="InternalError")
    assert (failed.state, failed.state_reason, failed.state_reason_code) == (State.FAILED, "why", "InternalError")
    assert target_of(failed) is None


def test_an_update_that_cannot_be_made_ready_leaves_the_old_one_running() -> None:
    failed = activation_failed(UPDATING, revision_id="r4", reason="why", reason_code="InternalError")
    assert (failed.state, failed.last_update_status) == (State.ACTIVE, LastUpdateStatus.FAILED)
    assert (failed.last_update_status_reason, failed.last_update_status_reason_code) == ("why", "InternalError")
    assert target_of(failed) == target_of(ACTIVE)


@pytest.mark.parametrize(("group", "prefix"), [("/aws/lambda/f", ""), ("shared", "f")])
def test_streams_of_a_chosen_group_begin_with_the_functions_name(group: str, prefix: str) -> None:
    settings = replace(SETTINGS, logging=LoggingSettings(log_group=group))
    target = target_of(activated(replace(CREATED, settings=settings), revision_id="r2"))
    assert target is not None
    assert (target.log_group, target.log_stream_prefix) == (group, prefix)
