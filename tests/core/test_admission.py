"""The ledger of concurrency against a naive model that keeps every running invocation by name."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambent.core.admission import ACCOUNT_LIMIT, RESERVED_LIMIT, Admission
from lambent.core.scope import Scope

SCOPE = Scope("000000000000", "us-east-1")
OTHER = Scope("111111111111", "us-east-1")
LIMIT = 8
FUNCTIONS = ("a", "b", "c")


def admitted(admission: Admission, name: str, count: int, scope: Scope = SCOPE) -> list[str | None]:
    return [admission.try_acquire(scope, name) for _ in range(count)]


def test_an_account_runs_as_many_as_its_limit() -> None:
    admission = Admission(3)
    assert admitted(admission, "a", 4) == [None, None, None, ACCOUNT_LIMIT]
    admission.release(SCOPE, "a")
    assert admitted(admission, "b", 2) == [None, ACCOUNT_LIMIT]


def test_accounts_and_regions_have_their_own_limits() -> None:
    admission = Admission(1)
    assert admitted(admission, "a", 1) == [None]
    assert admitted(admission, "a", 1, OTHER) == [None]
    assert admitted(admission, "a", 1, Scope(SCOPE.account, "eu-west-1")) == [None]


def test_a_reservation_caps_its_function() -> None:
    admission = Admission(10)
    admission.set_reserved(SCOPE, "a", 2)
    assert admitted(admission, "a", 3) == [None, None, RESERVED_LIMIT]


def test_a_reservation_of_nothing_throttles_everything() -> None:
    admission = Admission(10)
    admission.set_reserved(SCOPE, "a", 0)
    assert admitted(admission, "a", 1) == [RESERVED_LIMIT]


def test_what_is_reserved_is_gone_for_the_others_and_there_for_the_function() -> None:
    admission = Admission(10)
    admission.set_reserved(SCOPE, "a", 7)
    assert admitted(admission, "b", 4) == [None, None, None, ACCOUNT_LIMIT]
    assert admitted(admission, "a", 7) == [None] * 7


def test_giving_up_a_reservation_gives_the_room_back() -> None:
    admission = Admission(10)
    admission.set_reserved(SCOPE, "a", 7)
    admission.set_reserved(SCOPE, "a", None)
    assert admitted(admission, "b", 11) == [None] * 10 + [ACCOUNT_LIMIT]


def test_what_runs_from_before_a_reservation_counts_towards_it() -> None:
    admission = Admission(10)
    admitted(admission, "a", 3)
    admission.set_reserved(SCOPE, "a", 2)
    assert admitted(admission, "a", 1) == [RESERVED_LIMIT]
    admission.release(SCOPE, "a")
    admission.release(SCOPE, "a")
    assert admitted(admission, "a", 2) == [None, RESERVED_LIMIT]


class Ledger(RuleBasedStateMachine):
    """Random reservations and invocations; the model counts, the ledger must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.admission = Admission(LIMIT)
        self.reserved: dict[str, int] = {}
        self.running: dict[str, list[str]] = {name: [] for name in FUNCTIONS}

    def unreserved_running(self) -> int:
        return sum(pools.count("unreserved") for pools in self.running.values())

    @rule(name=st.sampled_from(FUNCTIONS))
    def invoke(self, name: str) -> None:
        if name in self.reserved:
            full = len(self.running[name]) >= self.reserved[name]
            expected, pool = (RESERVED_LIMIT if full else None), "reserved"
        else:
            full = self.unreserved_running() >= LIMIT - sum(self.reserved.values())
            expected, pool = (ACCOUNT_LIMIT if full else None), "unreserved"
        assert self.admission.try_acquire(SCOPE, name) == expected
        if not full:
            self.running[name].append(pool)

    @precondition(lambda self: any(self.running.values()))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([n for n in FUNCTIONS if self.running[n]]))
        # Those from before the last change of the reservation end first.
        old = "unreserved" if name in self.reserved else "reserved"
        pools = self.running[name]
        pools.remove(old if old in pools else pools[0])
        self.admission.release(SCOPE, name)

    @rule(name=st.sampled_from(FUNCTIONS), reserved=st.none() | st.integers(0, 5))
    def reserve(self, name: str, reserved: int | None) -> None:
        others = sum(value for other, value in self.reserved.items() if other != name)
        if reserved is not None and others + reserved > LIMIT:
            return
        self.admission.set_reserved(SCOPE, name, reserved)
        if reserved is None:
            self.reserved.pop(name, None)
        else:
            self.reserved[name] = reserved

    @invariant()
    def counts_agree(self) -> None:
        for name in FUNCTIONS:
            assert self.admission.running(SCOPE, name) == len(self.running[name])
        assert self.admission.unreserved_running(SCOPE) == self.unreserved_running()


TestLedger = Ledger.TestCase
