"""The concurrency ledger against its rules and against a model that counts from scratch."""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambent.core.admission import Admission, ThrottleReason
from lambent.core.scope import Scope

HERE = Scope("000000000000", "us-east-1")
ELSEWHERE = Scope("000000000000", "eu-west-1")
ACCOUNT_FULL = ThrottleReason.CONCURRENT_INVOCATION_LIMIT
RESERVATION_FULL = ThrottleReason.RESERVED_CONCURRENT_INVOCATION_LIMIT


def test_the_account_limit_is_1000_unless_said_otherwise() -> None:
    assert Admission().unreserved_available(HERE) == 1000


def test_functions_without_a_reservation_share_the_account_limit() -> None:
    admission = Admission(2)
    assert admission.try_acquire(HERE, "a") is None
    assert admission.try_acquire(HERE, "b") is None
    assert admission.try_acquire(HERE, "a") == ACCOUNT_FULL
    assert admission.running(HERE) == 2


def test_an_ended_invocation_makes_room() -> None:
    admission = Admission(1)
    admission.try_acquire(HERE, "a")
    admission.release(HERE, "a")
    assert admission.try_acquire(HERE, "b") is None


def test_a_throttled_invocation_takes_nothing() -> None:
    admission = Admission(1)
    admission.try_acquire(HERE, "a")
    for _ in range(5):
        admission.try_acquire(HERE, "b")
    admission.release(HERE, "a")
    assert admission.unreserved_available(HERE) == 1
    assert admission.running(HERE, "b") == 0


def test_accounts_and_regions_have_pools_of_their_own() -> None:
    admission = Admission(1)
    admission.try_acquire(HERE, "a")
    assert admission.try_acquire(ELSEWHERE, "a") is None


def test_reserving_zero_throttles_every_invocation() -> None:
    admission = Admission(10)
    admission.set_reserved(HERE, "a", 0)
    assert admission.try_acquire(HERE, "a") == RESERVATION_FULL
    assert admission.unreserved_available(HERE) == 10


def test_a_reservation_is_a_cap_even_when_the_account_has_room() -> None:
    admission = Admission(10)
    admission.set_reserved(HERE, "a", 1)
    assert admission.try_acquire(HERE, "a") is None
    assert admission.try_acquire(HERE, "a") == RESERVATION_FULL


def test_a_reservation_is_a_guarantee_even_when_the_others_use_all_they_can() -> None:
    admission = Admission(3)
    admission.set_reserved(HERE, "a", 2)
    assert admission.try_acquire(HERE, "b") is None
    assert admission.try_acquire(HERE, "b") == ACCOUNT_FULL
    assert admission.try_acquire(HERE, "a") is None
    assert admission.try_acquire(HERE, "a") is None


def test_what_runs_when_a_reservation_is_made_counts_as_its_own() -> None:
    admission = Admission(3)
    admission.try_acquire(HERE, "a")
    admission.set_reserved(HERE, "a", 2)
    assert admission.unreserved_available(HERE) == 1
    assert admission.try_acquire(HERE, "a") is None
    assert admission.try_acquire(HERE, "a") == RESERVATION_FULL


def test_a_reservation_below_what_runs_lets_it_run_and_frees_the_rest_as_it_ends() -> None:
    admission = Admission(3)
    for _ in range(3):
        admission.try_acquire(HERE, "a")
    admission.set_reserved(HERE, "a", 1)
    assert admission.try_acquire(HERE, "b") == ACCOUNT_FULL
    admission.release(HERE, "a")
    assert admission.try_acquire(HERE, "a") == RESERVATION_FULL
    assert admission.try_acquire(HERE, "b") is None


def test_giving_a_reservation_up_gives_what_is_unused_to_all() -> None:
    admission = Admission(3)
    admission.set_reserved(HERE, "a", 3)
    admission.try_acquire(HERE, "a")
    admission.set_reserved(HERE, "a", None)
    assert admission.unreserved_available(HERE) == 2
    assert admission.reserved(HERE, "a") is None


def test_releasing_what_was_not_acquired_is_an_error() -> None:
    admission = Admission()
    admission.try_acquire(HERE, "a")
    with pytest.raises(KeyError):
        admission.release(HERE, "b")


def test_what_is_provisioned_for_a_version_is_kept_from_everybody_else() -> None:
    admission = Admission(3)
    admission.set_provisioned(HERE, "a", {"1": 2})
    assert admission.unreserved_available(HERE) == 1
    assert admission.try_acquire(HERE, "b") is None
    assert admission.try_acquire(HERE, "a") == ACCOUNT_FULL
    assert admission.try_acquire(HERE, "a", "1") is None
    assert admission.try_acquire(HERE, "a", "1") is None
    assert admission.try_acquire(HERE, "a", "1") == ACCOUNT_FULL


def test_a_version_runs_beyond_what_is_provisioned_for_it_while_the_account_has_room() -> None:
    admission = Admission(3)
    admission.set_provisioned(HERE, "a", {"1": 1})
    for _ in range(3):
        assert admission.try_acquire(HERE, "a", "1") is None
    assert admission.try_acquire(HERE, "a", "1") == ACCOUNT_FULL
    admission.release(HERE, "a", "1")
    assert admission.try_acquire(HERE, "b") is None


def test_provisioned_concurrency_is_a_part_of_the_reservation() -> None:
    """With all of it provisioned, the function's other versions never run."""
    admission = Admission(10)
    admission.set_reserved(HERE, "a", 3)
    admission.set_provisioned(HERE, "a", {"1": 2})
    assert admission.unreserved_available(HERE) == 7
    assert admission.try_acquire(HERE, "a") is None
    assert admission.try_acquire(HERE, "a") == RESERVATION_FULL
    assert admission.try_acquire(HERE, "a", "1") is None
    assert admission.try_acquire(HERE, "a", "1") is None
    assert admission.try_acquire(HERE, "a", "1") == RESERVATION_FULL


def test_what_runs_when_it_is_provisioned_for_counts_as_provisioned() -> None:
    admission = Admission(3)
    admission.try_acquire(HERE, "a", "1")
    admission.set_provisioned(HERE, "a", {"1": 2})
    assert admission.unreserved_available(HERE) == 1
    admission.set_provisioned(HERE, "a", {})
    assert admission.unreserved_available(HERE) == 2
    admission.release(HERE, "a", "1")
    assert admission.unreserved_available(HERE) == 3


def test_functions_that_have_nothing_any_more_are_forgotten_when_there_are_many() -> None:
    admission = Admission(5000)
    admission.set_reserved(HERE, "reserving", 1)
    admission.set_provisioned(HERE, "provisioned", {"1": 1})
    for number in range(1500):
        admission.try_acquire(HERE, f"running-{number}")
    for number in range(10_000):
        assert admission.try_acquire(HERE, f"passing-{number}") is None
        admission.release(HERE, f"passing-{number}")
    assert len(admission._pools[HERE].uses) < 4000
    assert admission.running(HERE) == 1500
    assert admission.unreserved_available(HERE) == 5000 - 1502
    assert admission.reserved(HERE, "reserving") == 1


class Ledger(RuleBasedStateMachine):
    """Any order of invocations, ends, reservations and provisioning, against counting everything anew each time."""

    LIMIT = 6
    FUNCTIONS = ("a", "b", "c")
    VERSIONS = ("$LATEST", "1", "2")

    def __init__(self) -> None:
        super().__init__()
        self.admission = Admission(self.LIMIT)
        self.running: Counter[tuple[str, str]] = Counter()
        self.reserved: dict[str, int] = {}
        self.provisioned: dict[str, dict[str, int]] = {}

    def of_function(self, name: str) -> int:
        return sum(self.running[name, version] for version in self.VERSIONS)

    def covered(self, name: str, version: str) -> int:
        return self.provisioned.get(name, {}).get(version, 0)

    def claim(self, name: str) -> int:
        return sum(max(self.running[name, version], self.covered(name, version)) for version in self.VERSIONS)

    def unreserved_room(self) -> int:
        return self.LIMIT - sum(max(self.claim(name), self.reserved.get(name, 0)) for name in self.FUNCTIONS)

    @rule(name=st.sampled_from(FUNCTIONS), version=st.sampled_from(VERSIONS))
    def invoke(self, name: str, version: str) -> None:
        if self.running[name, version] < self.covered(name, version):
            expected = None
        elif name in self.reserved:
            expected = None if self.claim(name) < self.reserved[name] else RESERVATION_FULL
        else:
            expected = None if self.unreserved_room() > 0 else ACCOUNT_FULL
        assert self.admission.try_acquire(HERE, name, version) == expected
        self.running[name, version] += expected is None

    @precondition(lambda self: self.running.total() > 0)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        name, version = data.draw(st.sampled_from(sorted(+self.running)))
        self.admission.release(HERE, name, version)
        self.running[name, version] -= 1

    @rule(name=st.sampled_from(FUNCTIONS), reserved=st.none() | st.integers(0, LIMIT))
    def reserve(self, name: str, reserved: int | None) -> None:
        self.admission.set_reserved(HERE, name, reserved)
        self.reserved.pop(name, None)
        if reserved is not None:
            self.reserved[name] = reserved

    @rule(name=st.sampled_from(FUNCTIONS), counts=st.dictionaries(st.sampled_from(VERSIONS[1:]), st.integers(0, 3)))
    def provision(self, name: str, counts: dict[str, int]) -> None:
        self.admission.set_provisioned(HERE, name, counts)
        self.provisioned[name] = counts

    @invariant()
    def counts_agree(self) -> None:
        assert self.admission.unreserved_available(HERE) == max(0, self.unreserved_room())
        assert self.admission.running(HERE) == self.running.total()
        for name in self.FUNCTIONS:
            assert self.admission.running(HERE, name) == self.of_function(name)
            assert self.admission.reserved(HERE, name) == self.reserved.get(name)
        running = {name: count for _, name, count in self.admission.running_functions()}
        assert running == {name: self.of_function(name) for name in self.FUNCTIONS if self.of_function(name)}


TestLedger = Ledger.TestCase
TestLedger.settings = settings(deadline=None)
