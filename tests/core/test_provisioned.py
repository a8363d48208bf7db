"""Provisioned concurrency's rules, and how what was asked for goes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.core.aliases import Alias, Routing
from lambent.core.concurrency import AccountLimits
from lambent.core.errors import InvalidParameterValue, ResourceConflict
from lambent.core.function import Code, FunctionConfiguration, FunctionSettings, LoggingSettings
from lambent.core.provisioned import (
    INIT_FAILURE,
    Allocation,
    Demand,
    Provision,
    Status,
    check_alias,
    check_amount,
    check_conflict,
    check_function,
    check_put_qualifier,
    check_read_qualifier,
    combined,
    no_such_config,
    qualifier_not_found,
    shares,
)
from lambent.core.scope import Scope

SCOPE = Scope("000000000000", "eu-west-1")


def alias(routing: Routing | None = None, version: str = "1") -> Alias:
    return Alias(SCOPE, "fn", "live", version, "", "r", routing)


def test_a_version_has_its_config_to_itself() -> None:
    assert shares(5, None, "3") == {"3": 5}


def test_an_alias_s_config_is_its_version_s() -> None:
    assert shares(5, alias(), "live") == {"1": 5}


@given(st.integers(1, 1000), st.floats(0, 1))
def test_routing_divides_a_config_and_loses_nothing(requested: int, weight: float) -> None:
    divided = shares(requested, alias(Routing("2", weight)), "live")
    assert sum(divided.values()) == requested
    assert abs(divided["2"] - requested * weight) <= 0.5
    assert min(divided.values()) >= 0


def test_a_config_is_ready_when_all_its_versions_are() -> None:
    ready, starting = Allocation(3, 3, complete=True), Allocation(1, 1)
    wanted = {"1": 3, "2": 2}
    assert combined({"1": ready, "2": starting}, wanted) == Allocation(4, 4)
    assert combined({"1": ready, "2": Allocation(2, 1, complete=True)}, wanted) == Allocation(5, 4, complete=True)
    assert combined({"1": ready}, wanted) == Allocation(3, 3)
    assert combined({"1": ready}, {"1": 3, "2": 0}) == ready


def test_a_config_has_failed_when_one_of_its_versions_has() -> None:
    failed = combined({"1": Allocation(3, 3, complete=True), "2": Allocation(failure="why")}, {"1": 3, "2": 2})
    assert failed.status is Status.FAILED
    assert failed.failure == "why"


def test_a_provision_starts_what_is_lacking_until_all_have_been_initialised() -> None:
    provision = Provision()
    assert provision.lacking(0) == 0
    provision.ask(Demand(3, 1), initialised=0)
    assert provision.lacking(0) == 3
    provision.starting = 2
    assert provision.lacking(1) == 0
    provision.initialised(2)
    assert provision.allocation(2) == Allocation(2, 2)
    provision.initialised(3)
    assert provision.allocation(3) == Allocation(3, 3, complete=True)
    assert provision.allocation(2) == Allocation(3, 2, complete=True)


def test_a_failure_lasts_until_somebody_asks_anew() -> None:
    provision = Provision()
    provision.ask(Demand(3, 1), initialised=0)
    assert provision.lost(INIT_FAILURE) == 0
    provision.ask(Demand(3, 1), initialised=0)
    assert (provision.wanted, provision.asked_for) == (0, 3)
    assert provision.allocation(0).status is Status.FAILED
    provision.ask(Demand(3, 2), initialised=0)
    assert provision.wanted == 3
    assert provision.allocation(0).status is Status.IN_PROGRESS


def test_setbacks_after_that_are_waited_out_longer_and_longer_until_one_serves() -> None:
    provision = Provision()
    provision.ask(Demand(1, 1), initialised=0)
    provision.initialised(1)
    assert [provision.lost("why") for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert provision.wanted == 1
    provision.paused = True
    assert provision.lacking(0) == 0
    provision.served()
    assert provision.lost("why") == 1


def test_latest_has_none() -> None:
    for check in (check_put_qualifier, check_read_qualifier):
        check("1")
        with pytest.raises(InvalidParameterValue):
            check("$LATEST")


def test_an_alias_points_at_one_published_version() -> None:
    check_alias(alias())
    for unfit in (alias(Routing("2", 0.5)), alias(version="$LATEST")):
        with pytest.raises(InvalidParameterValue):
            check_alias(unfit)


def test_a_function_with_tenants_has_none() -> None:
    settings = FunctionSettings("python3.13", "role", "index.handler", LoggingSettings("group"))
    configuration = FunctionConfiguration(SCOPE, "fn", "1", settings, Code("00", 1), 1, "r")
    check_function(configuration)
    with pytest.raises(InvalidParameterValue):
        check_function(replace(configuration, settings=replace(settings, tenant_isolation="PER_TENANT")))


def test_a_version_is_provisioned_once() -> None:
    check_conflict(qualifier="1", others={})
    for qualifier, words in (("1", "Version is pointed"), ("live", "Alias can't be used")):
        with pytest.raises(ResourceConflict, match=words):
            check_conflict(qualifier=qualifier, others={"other": "1"})


def test_what_isnt_there_is_named_as_the_qualifier_looks() -> None:
    assert str(qualifier_not_found(SCOPE, "fn", "1")).startswith("Function not found")
    assert str(qualifier_not_found(SCOPE, "fn", "$odd")).startswith("Function not found")
    assert str(qualifier_not_found(SCOPE, "fn", "live")).startswith("Cannot find alias arn")
    assert no_such_config().status == 404


@given(
    requested=st.integers(1, 1200),
    others=st.integers(0, 200),
    reserved=st.none() | st.integers(0, 1000),
    claimed=st.integers(0, 900),
)
def test_what_is_accepted_leaves_the_minimum_unreserved(
    requested: int, others: int, reserved: int | None, claimed: int
) -> None:
    limits = AccountLimits()
    try:
        check_amount(requested, others=others, reserved=reserved, claimed_by_others=claimed, limits=limits)
    except InvalidParameterValue:
        accepted = False
    else:
        accepted = True
    if reserved is not None:
        assert accepted == (requested + others <= reserved)
    else:
        assert accepted == (1000 - claimed - others - requested >= 100)


def test_an_account_with_few_keeps_them_all() -> None:
    with pytest.raises(InvalidParameterValue):
        check_amount(1, others=0, reserved=None, claimed_by_others=0, limits=AccountLimits(concurrent_executions=50))
