from dataclasses import replace
from typing import Any

import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.function import (
    Code,
    FunctionConfiguration,
    State,
    VpcSettings,
    activation_failed,
    target_of,
)
from lambent.core.versions import check_code_sha256, code_sha256_base64, fingerprint, published
from tests.one_function import ACTIVE, CREATED, SETTINGS, UPDATING


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


def test_a_fingerprint_that_was_made_before_there_were_later_settings_is_still_the_same() -> None:
    assert fingerprint(ACTIVE) == "5f99f4a79885abf2afbff20c25688699291a10724ed53427a5a5e5f4156dee6b"


@pytest.mark.parametrize(
    "change",
    [
        {"vpc": VpcSettings()},
        {"dead_letter_target": "arn:aws:sqs:eu-west-1:123456789012:queue"},
        {"kms_key": "arn:aws:kms:eu-west-1:123456789012:key/k"},
        {"source_kms_key": "arn:aws:kms:eu-west-1:123456789012:key/k"},
        {"tenant_isolation": "PER_TENANT"},
    ],
)
def test_each_setting_counts(change: dict[str, Any]) -> None:
    assert fingerprint(ACTIVE) != fingerprint(replace(ACTIVE, settings=replace(SETTINGS, **change)))


def test_expected_code_is_compared_as_base64() -> None:
    check_code_sha256(ACTIVE, None)
    check_code_sha256(ACTIVE, code_sha256_base64("00" * 32))
    with pytest.raises(InvalidParameterValue, match=r"CodeSHA256 \(other\) is different from current CodeSHA256"):
        check_code_sha256(ACTIVE, "other")
