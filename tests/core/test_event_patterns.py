import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.core.event_patterns import InvalidEventPattern, parse_event_pattern


def matches(pattern: Any, event: Any) -> bool:
    return parse_event_pattern(json.dumps(pattern)).matches(event)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '"x"',
        "null",
        "[]",
        "{}",
        '{"a": "x"}',
        '{"a": 1}',
        '{"a": null}',
        '{"a": []}',
        '{"a": {}}',
        '{"a": {"b": "x"}}',
        '{"a": [["x"]]}',
        '{"a": [{}]}',
        '{"a": [{"prefix": "x", "suffix": "y"}]}',
        '{"a": [{"like": "x"}]}',
        '{"a": ["x"], "a": ["y"]}',
        '{"a": {"b": ["x"], "b": ["y"]}}',
        '{"a": [NaN]}',
        '{"a": ["\\ud800"]}',
        '{"a": [{"exists": "true"}]}',
        '{"a": [{"prefix": 1}]}',
        '{"a": [{"prefix": {"suffix": "x"}}]}',
        '{"a": [{"suffix": null}]}',
        '{"a": [{"suffix": {"equals-ignore-case": 1}}]}',
        '{"a": [{"equals-ignore-case": ["x"]}]}',
        '{"a": [{"anything-but": []}]}',
        '{"a": [{"anything-but": ["x", 1]}]}',
        '{"a": [{"anything-but": [true]}]}',
        '{"a": [{"anything-but": {}}]}',
        '{"a": [{"anything-but": {"numeric": ["=", 1]}}]}',
        '{"a": [{"anything-but": {"prefix": []}}]}',
        '{"a": [{"anything-but": {"prefix": [1]}}]}',
        '{"a": [{"anything-but": {"prefix": "x", "suffix": "y"}}]}',
        '{"a": [{"numeric": 5}]}',
        '{"a": [{"numeric": []}]}',
        '{"a": [{"numeric": ["="]}]}',
        '{"a": [{"numeric": ["!=", 1]}]}',
        '{"a": [{"numeric": [1, "="]}]}',
        '{"a": [{"numeric": ["=", "1"]}]}',
        '{"a": [{"numeric": ["=", true]}]}',
        '{"a": [{"numeric": ["=", 5000000001]}]}',
        '{"a": [{"numeric": ["<", 5, ">", 1]}]}',
        '{"a": [{"numeric": [">", 5, "<", 5]}]}',
        '{"a": [{"numeric": [">", 1, ">", 2]}]}',
        '{"a": [{"wildcard": "a**"}]}',
        '{"a": [{"wildcard": "a\\\\"}]}',
        '{"a": [{"wildcard": "a\\\\b"}]}',
        '{"a": [{"wildcard": 1}]}',
        '{"a": [{"cidr": "300.0.0.0/8"}]}',
        '{"a": [{"cidr": 10}]}',
        '{"$or": [{"a": [1]}, {}]}',
        '{"$or": [{"a": [1]}]}',
    ],
)
def test_what_is_no_event_pattern_is_refused(text: str) -> None:
    """Source: event-sources.md §8 ("x", null and {"a":"x"} recorded, duplicate keys documented)."""
    with pytest.raises(InvalidEventPattern):
        parse_event_pattern(text)


def test_depth_and_combinations_are_bounded() -> None:
    deep = "".join('{"a":' for _ in range(200)) + "[1]" + "}" * 200
    with pytest.raises(InvalidEventPattern, match="too deep"):
        parse_event_pattern(deep)
    with pytest.raises(InvalidEventPattern):
        parse_event_pattern('{"a":' * 100_000)
    ten = [{"a": [number]} for number in range(10)]
    nested: dict[str, Any] = {"x": {"$or": ten}, "y": {"$or": ten}, "$or": ten}
    assert matches(nested, {"x": {"a": 1}, "y": {"a": 2}, "a": 3})
    with pytest.raises(InvalidEventPattern, match="combinations"):
        parse_event_pattern(json.dumps({**nested, "z": {"$or": ten}}))


@pytest.mark.parametrize(
    ("condition", "wanted", "unwanted"),
    [
        ("x", ["x", ["y", "x"], [["x"]]], ["y", "X", ["y"], None, {"x": 1}]),
        ("", [""], [" ", None]),
        (None, [None, [1, None]], [0, "", False, "null"]),
        (5, [5, 5.0], ["5", 6, True]),
        (1, [1], [True]),
        (True, [True], [1, "true"]),
        ({"exists": True}, [1, "", None, [1]], [{"b": 1}, [], [{"b": 1}]]),
        ({"exists": False}, [{"b": 1}, []], [1, None, [1]]),
        ({"prefix": "us-"}, ["us-", "us-east-1"], ["eu-", "", 5, None]),
        ({"prefix": {"equals-ignore-case": "US-"}}, ["us-1"], ["eu-1", 1]),
        ({"suffix": ".png"}, ["a.png"], ["a.PNG", "png", 5]),
        ({"suffix": {"equals-ignore-case": ".png"}}, ["a.PNG"], ["a.jpg", 5]),
        ({"equals-ignore-case": "alice"}, ["Alice", "ALICE"], ["alice2", 5]),
        ({"anything-but": "x"}, ["y", 5, None], ["x"]),
        ({"anything-but": ["x", "y"]}, ["z"], ["x", "y"]),
        ({"anything-but": [1, 2]}, [3, "1", True], [1, 2.0]),
        ({"anything-but": None}, [0, "x"], [None]),
        ({"anything-but": False}, [0, True], [False]),
        ({"anything-but": {"prefix": "x"}}, ["yx", 5], ["x", "xy"]),
        ({"anything-but": {"suffix": ["a", "b"]}}, ["c"], ["xa", "xb"]),
        ({"anything-but": {"equals-ignore-case": "x"}}, ["y"], ["X"]),
        ({"anything-but": {"wildcard": "a*c"}}, ["ab"], ["abc"]),
        ({"numeric": ["=", 100]}, [100, 100.0], [101, "100", None, True]),
        ({"numeric": [">", 10, "<=", 20]}, [10.5, 20], [10, 21]),
        ({"numeric": ["<", 0]}, [-1], [0]),
        ({"numeric": [">=", 0]}, [0, 5e9], [-1]),
        ({"wildcard": "a*b*c"}, ["abc", "aXbYc", "abbcc"], ["ab", "abcd", "bc", 5]),
        ({"wildcard": "abc"}, ["abc"], ["abcd"]),
        ({"wildcard": "*"}, ["", "abc"], [5]),
        ({"wildcard": "a*a"}, ["aa"], ["a"]),
        ({"wildcard": "a\\*\\\\*"}, ["a*\\", "a*\\b"], ["ab\\"]),
        ({"cidr": "10.0.0.0/24"}, ["10.0.0.255"], ["10.0.1.0", "x", 5, "::1"]),
        ({"cidr": "2001:db8::/32"}, ["2001:db8::1"], ["2001:db9::1"]),
    ],
)
def test_a_condition_lets_through_what_it_says(condition: Any, wanted: list[Any], unwanted: list[Any]) -> None:
    """Source: event-sources.md §8; EventBridge user guide, "Comparison operators"."""
    for value in wanted:
        assert matches({"a": [condition]}, {"a": value}), value
    for value in unwanted:
        assert not matches({"a": [condition]}, {"a": value}), value


def test_a_key_that_is_not_there_matches_only_its_absence() -> None:
    conditions = [
        "",
        None,
        {"exists": True},
        {"anything-but": "x"},
        {"anything-but": {"prefix": "x"}},
        {"wildcard": "*"},
    ]
    for condition in conditions:
        assert not matches({"a": [condition]}, {"b": 1})
    assert matches({"a": [{"exists": False}]}, {"b": 1})
    assert matches({"a": {"b": {"c": [{"exists": False}]}}}, {"a": "text"})
    assert not matches({"a": {"b": ["x"]}}, "text")


def test_keys_are_joined_by_and_elements_by_or() -> None:
    pattern = {"a": ["x", {"prefix": "y"}], "b": {"c": [1]}}
    assert matches(pattern, {"a": "x", "b": {"c": 1}, "more": True})
    assert matches(pattern, {"a": "yes", "b": {"c": 1}})
    assert not matches(pattern, {"a": "x", "b": {"c": 2}})
    assert not matches(pattern, {"a": "z", "b": {"c": 1}})


def test_alternatives_across_keys() -> None:
    pattern = {"c": ["z"], "$or": [{"a": [1]}, {"b": {"d": [2]}}]}
    assert matches(pattern, {"a": 1, "c": "z"})
    assert matches(pattern, {"b": {"d": 2}, "c": "z"})
    assert not matches(pattern, {"a": 1})
    assert not matches(pattern, {"a": 2, "c": "z"})


def test_a_field_may_be_called_or() -> None:
    """Source: event-ruler's documentation: one that holds conditions is a field."""
    assert matches({"$or": ["x", "y"]}, {"$or": "y"})
    assert matches({"$or": [{"prefix": "x"}, {"prefix": "y"}]}, {"$or": "yes"})
    assert matches({"$or": {"a": [1]}}, {"$or": {"a": 1}})


def test_an_array_of_objects_matches_if_one_of_them_does() -> None:
    pattern = {"items": {"name": ["x"], "size": [1]}}
    assert matches(pattern, {"items": [{"name": "y"}, {"name": "x", "size": 1}]})
    assert not matches(pattern, {"items": [{"name": "x", "size": 2}, {"name": "y", "size": 1}]})


def test_very_deep_events_are_no_trouble() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    assert matches({"a": ["x"]}, {"a": deep})
    assert not matches({"a": {"b": ["x"]}}, {"a": deep})


_scalars = st.none() | st.booleans() | st.integers(-10, 10) | st.sampled_from(["", "x", "xy", "Y"])
_names = st.sampled_from(["a", "b", "$or", "prefix"])
_events = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3), max_leaves=12
)
_conditions = (
    _scalars
    | st.booleans().map(lambda value: {"exists": value})
    | st.sampled_from(["", "x", "Y"]).flatmap(
        lambda text: st.sampled_from(
            [
                {"prefix": text},
                {"suffix": text},
                {"equals-ignore-case": text},
                {"anything-but": text},
                {"anything-but": {"prefix": text}},
                {"wildcard": text + "*"},
            ]
        )
    )
    | st.integers(-5, 5).map(lambda bound: {"numeric": [">=", bound]})
)
_leaves = st.lists(_conditions, min_size=1, max_size=3)
_patterns = st.recursive(
    st.dictionaries(st.sampled_from(["a", "b"]), _leaves, min_size=1, max_size=2),
    lambda inner: (
        st.dictionaries(st.sampled_from(["a", "b"]), inner | _leaves, min_size=1, max_size=2)
        | st.lists(inner, min_size=2, max_size=3).map(lambda objects: {"$or": objects})
    ),
    max_leaves=6,
)


@given(_patterns, _events)
def test_or_of_patterns_is_or_of_their_matches(pattern: Any, event: Any) -> None:
    other = {"b": [{"exists": True}]}
    either = matches(pattern, event) or matches(other, event)
    if not isinstance(event, list):  # in an array, each pattern may be met by another element
        assert matches({"$or": [pattern, other]}, event) is either


@given(st.text(max_size=40) | _events.map(json.dumps))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        parsed = parse_event_pattern(text)
    except InvalidEventPattern:
        return
    assert isinstance(parsed.matches({}), bool)


@given(_leaves, _events)
def test_exists_is_the_complement_of_not_exists(conditions: Any, event: Any) -> None:
    present = matches({"a": [{"exists": True}]}, {"a": event})
    assert present is not matches({"a": [{"exists": False}]}, {"a": event})
    if not present:
        # Nothing but absence matches what isn't there.
        wanted = any(condition == {"exists": False} for condition in conditions)
        assert matches({"a": conditions}, {"a": event}) is wanted


@given(st.lists(_conditions, min_size=2, max_size=4), _events)
def test_more_conditions_let_more_through(conditions: Any, event: Any) -> None:
    one_by_one = any(matches({"a": [condition]}, {"a": event}) for condition in conditions)
    assert matches({"a": conditions}, {"a": event}) is one_by_one


@given(st.lists(st.sampled_from(["a", "b", "*"]), max_size=8).map("".join), st.text("ab", max_size=8))
def test_a_wildcard_is_what_a_regular_expression_would_be(pattern: str, text: str) -> None:
    if "**" in pattern:
        return
    expected = re.fullmatch(pattern.replace("*", ".*"), text) is not None
    assert matches({"a": [{"wildcard": pattern}]}, {"a": text}) is expected
