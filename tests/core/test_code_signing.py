"""Code signing configs: their names, their changes, and AWS's words."""

import re
from dataclasses import replace

import pytest

from lambent.core.code_signing import (
    CodeSigningConfig,
    ConfigChange,
    UntrustedArtifact,
    check_untrusted,
    config_in_use,
    config_not_found,
    function_config_not_found,
    make_config_id,
    parse_config_arn,
)
from lambent.core.errors import CodeVerificationFailed
from lambent.core.scope import Scope

SCOPE = Scope("123456789012", "eu-west-1")
CONFIG = CodeSigningConfig(SCOPE, "csc-" + "a" * 17, ("publisher",), UntrustedArtifact.WARN, "", 1)


def test_every_config_has_an_id_of_its_own() -> None:
    ids = {make_config_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("csc-[a-z0-9]{17}", one) for one in ids)


def test_an_arn_leads_back_to_its_config_in_its_own_account_and_region_only() -> None:
    assert parse_config_arn(CONFIG.arn, scope=SCOPE) == CONFIG.config_id
    assert parse_config_arn(CONFIG.arn, scope=Scope("123456789012", "eu-west-2")) is None
    assert parse_config_arn(CONFIG.arn, scope=Scope("999999999999", "eu-west-1")) is None
    assert parse_config_arn("arn:aws-cn:lambda:eu-west-1:123456789012:code-signing-config:x", scope=SCOPE) is None


def test_a_change_changes_what_it_names() -> None:
    assert ConfigChange().of(CONFIG, now_ms=1) == CONFIG
    changed = ConfigChange(("another",), UntrustedArtifact.ENFORCE, "words").of(CONFIG, now_ms=2)
    assert (changed.publishers, changed.policy, changed.description) == (("another",), "Enforce", "words")
    assert changed.last_modified_ms == 2


def test_what_names_a_config_or_a_function_says_which() -> None:
    for error in (config_not_found("ARN"), function_config_not_found("ARN"), config_in_use("ARN")):
        assert "ARN" in str(error)
    assert config_not_found("ARN").fault is None


def test_code_is_untrusted_and_comes_in_unless_signatures_are_enforced() -> None:
    check_untrusted(None, "fn")
    check_untrusted(CONFIG, "fn")
    with pytest.raises(CodeVerificationFailed, match="Check the provided signature for fn"):
        check_untrusted(replace(CONFIG, policy=UntrustedArtifact.ENFORCE), "fn")
