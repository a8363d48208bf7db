from lambent.core.concurrency import AccountLimits, UnreservedBelowMinimum


def test_a_small_account_reserves_nothing() -> None:
    assert (AccountLimits().reservable, AccountLimits().unreserved_minimum) == (900, 100)
    assert AccountLimits(concurrent_executions=50).reservable == 0
    error = UnreservedBelowMinimum(AccountLimits(concurrent_executions=50))
    assert (error.message or "").endswith("minimum value of [50].")
    assert error.fault is None
