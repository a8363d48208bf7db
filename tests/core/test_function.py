from dataclasses import replace

import pytest

from lambent.core.arn import FunctionReference
from lambent.core.concurrency import AccountLimits, UnreservedBelowMinimum
from lambent.core.errors import InvalidParameterValue, PreconditionFailed, ResourceConflict
from lambent.core.function import (
    LATEST,
    Code,
    FunctionConfiguration,
    FunctionSettings,
    LastUpdateStatus,
    LoggingSettings,
    State,
    activated,
    activation_failed,
    target_of,
    updated,
)
from lambent.core.function_rules import (
    check_deletable_qualifier,
    check_revision,
    check_settled,
    function_not_found,
    is_version_number,
    not_invocable,
    unqualified_name,
)
from lambent.core.honesty import refuse_unsupported_settings
from lambent.core.scope import Scope
from lambent.core.versions import check_code_sha256, code_sha256_base64, fingerprint, published

SCOPE = Scope("123456789012", "eu-west-1")
SETTINGS = FunctionSettings(
    runtime="python3.13", role="role", handler="index.handler", logging=LoggingSettings(log_group="/aws/lambda/f")
)
CREATED = FunctionConfiguration(
    scope=SCOPE,
    function_name="f",
    version=LATEST,
    settings=SETTINGS,
    code=Code(sha256="00" * 32, size=100),
    last_modified_ms=1,
    revision_id="r1",
)
ACTIVE = activated(CREATED, revision_id="r2")
CHANGED = replace(SETTINGS, timeout_seconds=10)
UPDATING = updated(ACTIVE, settings=CHANGED, code=Code(sha256="11" * 32, size=200), now_ms=2, revision_id="r3")


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


def test_a_settled_version_can_be_changed() -> None:
    check_settled(ACTIVE)
    check_settled(activation_failed(UPDATING, revision_id="r4", reason="why", reason_code="InternalError"))


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        (CREATED, r"function:f is currently in the following state: 'Pending'. StateReasonCode: 'Creating'"),
        (UPDATING, r"An update is in progress for resource: arn:aws:lambda:eu-west-1:123456789012:function:f$"),
    ],
)
def test_an_unsettled_version_cannot_be_changed(configuration: FunctionConfiguration, text: str) -> None:
    with pytest.raises(ResourceConflict, match=text):
        check_settled(configuration)


def test_a_revision_is_a_condition_only_when_given() -> None:
    check_revision(ACTIVE, None)
    check_revision(ACTIVE, "r2")
    with pytest.raises(PreconditionFailed, match="does not match the latest Revision Id"):
        check_revision(ACTIVE, "r1")


@pytest.mark.parametrize("qualifier", ["$LATEST", "1", "alias"])
def test_operations_on_functions_take_no_qualifier(qualifier: str) -> None:
    assert unqualified_name(FunctionReference("f", None)) == "f"
    with pytest.raises(InvalidParameterValue, match="permitted on Lambda functions only"):
        unqualified_name(FunctionReference("f", qualifier))


def test_versions_can_be_deleted_and_nothing_else_by_qualifier() -> None:
    check_deletable_qualifier("12")
    with pytest.raises(InvalidParameterValue, match="cannot be deleted without deleting the function"):
        check_deletable_qualifier("$LATEST")
    with pytest.raises(InvalidParameterValue, match="Deletion of aliases"):
        check_deletable_qualifier("v1")


def test_a_version_number_is_digits() -> None:
    assert [is_version_number(text) for text in ("1", "10", "$LATEST", "v1", "1a", "²")] == [True] * 2 + [False] * 4


def test_what_is_not_there_is_named_by_its_arn() -> None:
    assert (function_not_found(SCOPE, "f").message or "").endswith("123456789012:function:f")
    assert (function_not_found(SCOPE, "f", "3").message or "").endswith("function:f:3")
    assert (not_invocable(State.PENDING).message or "").endswith("state: Pending")


def test_a_published_version_runs_what_latest_runs() -> None:
    version = published(ACTIVE, number="1", description=None, revision_id="own")
    assert (version.version, version.revision_id, version.state) == ("1", "own", State.ACTIVE)
    assert version.settings == ACTIVE.settings
    target = target_of(version)
    assert target is not None
    assert target.version == "1"


def test_a_published_version_may_have_its_own_description() -> None:
    version = published(ACTIVE, number="1", description="own", revision_id="own")
    assert version.settings.description == "own"
    assert version.published_from == fingerprint(ACTIVE)


@pytest.mark.parametrize(
    "latest", [CREATED, UPDATING, activation_failed(UPDATING, revision_id="r4", reason="", reason_code="InternalError")]
)
def test_what_latest_does_not_run_yet_is_published_pending(latest: FunctionConfiguration) -> None:
    version = published(latest, number="1", description=None, revision_id="own")
    assert (version.state, version.state_reason_code, version.last_update_status) == (State.PENDING, "Creating", None)
    assert version.deployment is None


def test_the_fingerprint_is_of_settings_and_code() -> None:
    assert fingerprint(ACTIVE) == fingerprint(replace(ACTIVE, revision_id="other", last_modified_ms=9))
    assert fingerprint(ACTIVE) != fingerprint(replace(ACTIVE, code=Code(sha256="22" * 32, size=100)))
    assert fingerprint(ACTIVE) != fingerprint(replace(ACTIVE, settings=replace(SETTINGS, description="new")))


def test_expected_code_is_compared_as_base64() -> None:
    check_code_sha256(ACTIVE, None)
    check_code_sha256(ACTIVE, code_sha256_base64("00" * 32))
    with pytest.raises(InvalidParameterValue, match=r"CodeSHA256 \(other\) is different from current CodeSHA256"):
        check_code_sha256(ACTIVE, "other")


def test_a_small_account_reserves_nothing() -> None:
    assert (AccountLimits().reservable, AccountLimits().unreserved_minimum) == (900, 100)
    assert AccountLimits(concurrent_executions=50).reservable == 0
    error = UnreservedBelowMinimum(AccountLimits(concurrent_executions=50))
    assert (error.message or "").endswith("minimum value of [50].")
    assert error.fault is None


@pytest.mark.parametrize(
    "request_part",
    [
        {},
        {"layers": [], "kms_key_arn": "", "package_type": "Zip", "snap_start": {"apply_on": "None"}, "code": {}},
        {"vpc_config": {"subnet_ids": [], "security_group_ids": [], "ipv6_allowed_for_dual_stack": False}},
        {"code": None, "vpc_config": None},
    ],
)
def test_settings_that_ask_for_nothing_are_accepted(request_part: dict[str, object]) -> None:
    refuse_unsupported_settings(request_part)


@pytest.mark.parametrize(
    ("request_part", "setting"),
    [
        ({"layers": ["arn"]}, "Layers"),
        ({"vpc_config": {"subnet_ids": ["subnet-1"]}}, "VpcConfig"),
        ({"vpc_config": {"ipv6_allowed_for_dual_stack": True}}, "VpcConfig"),
        ({"code": {"image_uri": "x"}}, "Code.ImageUri"),
        ({"accelerator_config": {"accelerator_memory_size": 1}}, "AcceleratorConfig"),
    ],
)
def test_settings_that_would_not_be_in_force_are_refused(request_part: dict[str, object], setting: str) -> None:
    with pytest.raises(InvalidParameterValue, match=f"^{setting} is not supported"):
        refuse_unsupported_settings(request_part)
