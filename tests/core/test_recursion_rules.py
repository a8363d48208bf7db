"""Recursion detection: which invocation of a chain is stopped. Source: invocation.md section 4."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from lambent.core.recursion import Lineage, after_stop, parse_lineage, passed, resource_hash
from lambent.core.scope import Scope

# What OpenTelemetry's propagators let pass.
FORM = re.compile(r"(\d{1,5}):[0-9a-f]{8}:(\d{1,3})")


def ran(chain: Iterable[str], *, allowing: Sequence[str] = ()) -> Counter[str]:
    """How often each function of a chain ran before one was stopped; at most 5,000 invocations."""
    counts: Counter[str] = Counter()
    text = ""
    for name in itertools.islice(chain, 5_000):
        lineage = passed(parse_lineage(text), _hash(name), allows_loops=name in allowing)
        if lineage is None:
            counts["stopped"] += 1
            break
        counts[name] += 1
        text = str(lineage)
        match = FORM.fullmatch(text)
        assert match is not None
        assert int(match[1]) <= 32_767
        assert int(match[2]) <= 255
    return counts


def _hash(name: str) -> str:
    return resource_hash(Scope("000000000000", "eu-west-1"), name)


def test_the_first_invocation_of_a_chain_has_the_lineage_that_aws_writes() -> None:
    assert str(passed(None, "bd4cecd5", allows_loops=False)) == "1:bd4cecd5:0"


def test_a_function_that_invokes_itself_runs_sixteen_times() -> None:
    assert ran(itertools.repeat("a")) == {"a": 16, "stopped": 1}


@pytest.mark.parametrize("length", range(2, 30))
def test_a_loop_of_several_functions_is_stopped_after_about_sixteen_turns(length: int) -> None:
    counts = ran(itertools.cycle([f"f{number}" for number in range(length)]))
    assert counts.pop("stopped") == 1
    assert 16 <= max(counts.values()) <= 18


@pytest.mark.parametrize("before", range(20))
def test_a_loop_is_found_that_begins_later_in_a_chain(before: int) -> None:
    way = [f"before{number}" for number in range(before)]
    counts = ran(itertools.chain(way, itertools.cycle(["a", "b", "c"])))
    assert counts.pop("stopped") == 1
    assert 16 <= max(counts.values()) <= 18 + before


def test_a_loop_behind_one_that_ended_is_found() -> None:
    chain = itertools.chain(["a", "x"] * 5, itertools.repeat("b"))
    assert ran(chain)["stopped"] == 1


def test_a_chain_without_a_loop_is_never_stopped() -> None:
    assert ran(f"f{number}" for number in range(5_000))["stopped"] == 0


def test_sixteen_visits_are_no_loop() -> None:
    assert ran(["a"] * 16) == {"a": 16}


def test_a_function_that_allows_loops_isnt_stopped() -> None:
    assert ran(itertools.repeat("a"), allowing=["a"]) == {"a": 5_000}


@pytest.mark.parametrize("chain", [["a", "b"], ["b", "a"], ["a", "c", "a", "b"]])
def test_another_function_of_its_loop_is(chain: list[str]) -> None:
    counts = ran(itertools.cycle(chain), allowing=["a"])
    assert counts["stopped"] == 1
    assert 16 <= counts["b"] <= 18


def test_a_function_behind_a_loop_that_was_allowed_runs() -> None:
    assert ran([*["a"] * 100, "b"], allowing=["a"]) == {"a": 100, "b": 1}


@pytest.mark.parametrize(
    "text", ["", "x", "1:2:3", "1:bd4cecd5", "bd4cecd5:3|68fd508a:5", "-1:bd4cecd5:0", "1:bd4cecd5:0 "]
)
def test_what_is_of_another_form_says_nothing(text: str) -> None:
    assert parse_lineage(text) is None


def test_a_forged_lineage_stays_within_the_bounds() -> None:
    lineage = passed(Lineage(99_999, "bd4cecd5", 999), "00000000", allows_loops=True)
    assert lineage is not None
    assert lineage.hops == 32_767


def test_the_same_name_elsewhere_is_another_function() -> None:
    scopes = [
        Scope("000000000000", "eu-west-1"),
        Scope("111111111111", "eu-west-1"),
        Scope("000000000000", "us-east-1"),
    ]
    assert len({resource_hash(scope, "greet") for scope in scopes}) == 3


def test_what_is_sent_of_a_stopped_event_marks_the_chain_and_of_the_next_one_nothing_is_sent() -> None:
    root = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    marked = after_stop(f"{root};Lineage=31:bd4cecd5:15")
    assert marked == f"{root};Lineage=31:bd4cecd5:16"
    assert passed(parse_lineage("31:bd4cecd5:16"), "68fd508a", allows_loops=False) == Lineage(32, "bd4cecd5", 16)
    assert passed(parse_lineage("31:bd4cecd5:16"), "bd4cecd5", allows_loops=False) is None
    assert after_stop(marked) is None


@pytest.mark.parametrize("header", ["", "Root=1-5759e988-bd862e3fe1be46a994272793"])
def test_a_header_without_a_lineage_is_sent_as_it_is(header: str) -> None:
    assert after_stop(header) == header
