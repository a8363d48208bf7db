"""Which messages pass. Source: event-sources.md §8, the table at its end; cases that AWS doesn't say are named so."""

import json
from typing import Any

import pytest

from lambent.core.mappings.queues.filters import QueueFilter
from lambent.core.mappings.queues.messages import Message, record_of

ARN = "arn:aws:sqs:eu-west-1:123456789012:q"


def passes(pattern: object, body: str, **more: Any) -> bool:
    record = record_of(Message("m1", "r", body, **more), queue_arn=ARN)
    return QueueFilter([json.dumps(pattern)]).passes(record)


@pytest.mark.parametrize(
    ("pattern", "body", "passed"),
    [
        ({"body": ["hello"]}, "hello", True),
        ({"body": [{"prefix": "he"}]}, "hello", True),
        ({"body": ["hello"]}, "bye", False),
        ({"body": {"a": [1]}}, '{"a":1}', True),
        ({"body": {"a": [1]}}, '{"a":2}', False),
        ({"body": {"a": ["1"]}}, '{"a":1}', False),
        ({"body": {"a": {"b": [{"numeric": [">", 5]}]}}}, '{"a":{"b":6}}', True),
        # plain text, JSON pattern: dropped; and the other way round
        ({"body": {"a": [1]}}, "a is 1", False),
        ({"body": {"a": [{"exists": False}]}}, "plain", False),
        ({"body": [{"exists": True}]}, '{"a":1}', False),
        ({"body": [{"anything-but": "x"}]}, '{"a":1}', False),
        # one of several JSON objects
        ({"body": {"a": [1]}}, '[{"a":2},{"a":1}]', True),
        # a single JSON value: unverified
        ({"body": ["17"]}, "17", True),
        ({"body": [17]}, "17", True),
        ({"body": [{"numeric": [">", 17]}]}, "17", False),
        ({"body": {"a": [1]}}, "17", False),
    ],
)
def test_bodies(pattern: object, body: str, *, passed: bool) -> None:
    assert passes(pattern, body) is passed


def test_metadata_alone_whatever_the_body() -> None:
    assert passes(
        {"messageAttributes": {"kind": {"stringValue": ["x"]}}}, "text", attributes={"kind": {"StringValue": "x"}}
    )
    assert passes({"attributes": {"MessageGroupId": ["g"]}}, "{}", system_attributes={"MessageGroupId": "g"})
    assert not passes({"messageId": ["other"]}, "text")


def test_filters_are_joined_by_or_and_keys_by_and() -> None:
    either = QueueFilter([json.dumps({"body": {"a": [1]}}), json.dumps({"messageId": ["m2"]})])
    assert either.passes({"messageId": "m2", "body": "x"})
    assert either.passes({"messageId": "m1", "body": '{"a":1}'})
    assert not either.passes({"messageId": "m1", "body": '{"a":2}'})
    both = QueueFilter([json.dumps({"body": {"a": [1]}, "messageId": ["m2"]})])
    assert not both.passes({"messageId": "m1", "body": '{"a":1}'})


def test_or_across_keys() -> None:
    pattern = {"$or": [{"body": {"a": [1]}}, {"messageId": ["m2"]}]}
    assert passes(pattern, '{"a":1}')
    assert not passes(pattern, '{"a":2}')


def test_without_filters_everything_passes() -> None:
    assert QueueFilter([]).passes({"body": "x"})


def test_a_pattern_that_is_none_any_more_matches_nothing() -> None:
    assert not QueueFilter(["{}"]).passes({"body": "x"})


def test_a_body_that_is_too_deep_for_json_is_text() -> None:
    assert not passes({"body": {"a": [1]}}, "[" * 100_000)
