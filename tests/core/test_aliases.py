from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.core.aliases import (
    Alias,
    AliasChange,
    Routing,
    Split,
    alias_exists,
    alias_not_found,
    alias_to_update_not_found,
    changed,
    check_alias_revision,
    check_routing,
    check_versions_of_alias,
    routing_of,
    version_is_referenced,
)
from lambent.core.errors import InvalidParameterValue, PreconditionFailed
from lambent.core.function import LATEST, FunctionSettings, LoggingSettings
from lambent.core.scope import Scope

SCOPE = Scope("123456789012", "eu-west-1")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f:live"
ALIAS = Alias(
    scope=SCOPE,
    function_name="f",
    name="live",
    version="1",
    description="d",
    revision_id="r1",
    routing=Routing("2", 0.2),
)
SETTINGS = FunctionSettings(
    runtime="python3.13", role="role", handler="index.handler", logging=LoggingSettings(log_group="/aws/lambda/f")
)
WEIGHTS = st.floats(0, 1)


@given(weight=WEIGHTS, draw=st.floats(0, 1, exclude_max=True))
def test_the_second_version_runs_for_draws_below_its_weight(weight: float, draw: float) -> None:
    chosen = Split("first", "second", weight).choose(draw)
    assert chosen == ("second" if draw < weight else "first")


@given(weight=WEIGHTS)
def test_of_evenly_spread_draws_the_second_version_gets_its_share(weight: float) -> None:
    draws = [number / 1000 for number in range(1000)]
    share = [Split("first", "second", weight).choose(draw) for draw in draws].count("second") / 1000
    assert share == pytest.approx(weight, abs=0.001)


@given(draw=st.floats(0, 1, exclude_max=True))
def test_no_weight_is_never_and_the_whole_weight_is_always(draw: float) -> None:
    assert Split("first", "second", 0.0).choose(draw) == "first"
    assert Split("first", "second", 1.0).choose(draw) == "second"


def test_an_empty_map_of_weights_is_no_routing() -> None:
    assert routing_of({}) is None
    assert routing_of({"2": 0.5}) == Routing("2", 0.5)


def test_there_is_one_second_version_at_most() -> None:
    with pytest.raises(InvalidParameterValue) as refused:
        routing_of({"1": 0.8, "2": 0.2})
    assert refused.value.message == "Number of items in AdditionalVersionWeights cannot be greater than 1"


def test_latest_has_no_second_version() -> None:
    check_routing(LATEST, None)
    with pytest.raises(InvalidParameterValue) as refused:
        check_routing(LATEST, Routing("1", 0.5))
    assert refused.value.message == "$LATEST is not supported for an alias pointing to more than 1 version"
    assert refused.value.fault is None  # recorded without Type


def test_the_second_version_is_another_one() -> None:
    with pytest.raises(InvalidParameterValue) as refused:
        check_routing("1", Routing("1", 0.5))
    assert refused.value.message == (
        "Invalid function version 1. Function version 1 is already included in routing configuration."
    )


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (replace(SETTINGS, role="another"), "same execution role"),
        (replace(SETTINGS, dead_letter_target="arn:aws:sqs:eu-west-1:123456789012:q"), "same dead-letter queue"),
    ],
)
def test_both_versions_have_one_role_and_one_dead_letter_queue(other: FunctionSettings, text: str) -> None:
    check_versions_of_alias(SETTINGS, SETTINGS)
    with pytest.raises(InvalidParameterValue, match=text):
        check_versions_of_alias(SETTINGS, other)


def test_an_update_changes_what_it_names_and_the_revision() -> None:
    assert changed(ALIAS, AliasChange(), revision_id="r2") == replace(ALIAS, revision_id="r2")
    update = AliasChange(version="3", description="", weights={"4": 1.0})
    assert changed(ALIAS, update, revision_id="r2") == replace(
        ALIAS, version="3", description="", routing=Routing("4", 1.0), revision_id="r2"
    )


def test_an_empty_map_of_weights_takes_the_routing_away() -> None:
    assert changed(ALIAS, AliasChange(weights={}), revision_id="r2").routing is None


@pytest.mark.parametrize("version", ["2", LATEST])
def test_the_routing_that_is_kept_must_go_with_the_new_version(version: str) -> None:
    with pytest.raises(InvalidParameterValue):
        changed(ALIAS, AliasChange(version=version), revision_id="r2")
    assert changed(ALIAS, AliasChange(version=version, weights={}), revision_id="r2").version == version


def test_an_update_may_insist_on_a_revision() -> None:
    check_alias_revision(ALIAS, None)
    check_alias_revision(ALIAS, "r1")
    with pytest.raises(PreconditionFailed, match="does not match the latest Revision Id"):
        check_alias_revision(ALIAS, "r0")


def test_refusals_name_the_alias() -> None:
    assert alias_not_found(SCOPE, "f", "live").message == f"Cannot find alias arn: {ARN}"
    assert alias_to_update_not_found(SCOPE, "f", "live").message == f"Alias not found: {ARN}"
    assert alias_exists(ALIAS).message == f"Alias already exists: {ARN}"
    assert version_is_referenced(["a", "b"]).message == (
        "Unable to delete version because the following aliases reference it: [a, b]"
    )
