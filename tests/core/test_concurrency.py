"""How much of an account's concurrency functions may set aside."""

import pytest

from lambent.core.concurrency import (
    AccountLimits,
    Claim,
    ProvisionedBelowMinimum,
    ProvisionedOverUnreserved,
    UnreservedBelowMinimum,
    check_reservation,
)
from lambent.core.errors import InvalidParameterValue

LIMITS = AccountLimits()


def test_a_small_account_reserves_nothing() -> None:
    assert (AccountLimits().reservable, AccountLimits().unreserved_minimum) == (900, 100)
    assert AccountLimits(concurrent_executions=50).reservable == 0
    error = UnreservedBelowMinimum(AccountLimits(concurrent_executions=50))
    assert (error.message or "").endswith("minimum value of [50].")
    assert error.fault is None


def test_limits_of_what_is_provisioned_have_no_type_either() -> None:
    assert ProvisionedBelowMinimum(LIMITS).fault is None
    assert ProvisionedOverUnreserved(5).fault is None
    assert (ProvisionedOverUnreserved(5).message or "").endswith("unreserved concurrency [5].")


def test_a_function_claims_the_larger_of_reserved_and_provisioned() -> None:
    assert [Claim().total, Claim(5).total, Claim(None, 3).total, Claim(5, 3).total] == [0, 5, 3, 5]


def test_a_reservation_covers_what_is_provisioned_and_leaves_the_minimum() -> None:
    check_reservation(5, provisioned=5, claimed_by_others=895, limits=LIMITS)
    with pytest.raises(UnreservedBelowMinimum):
        check_reservation(6, provisioned=5, claimed_by_others=895, limits=LIMITS)
    with pytest.raises(InvalidParameterValue) as error:
        check_reservation(1, provisioned=2, claimed_by_others=0, limits=LIMITS)
    assert error.value.message == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
    )
