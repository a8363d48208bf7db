"""What is sent when an event is over. Source: invocation.md §2.1 and §2.2; how often it is tried is ours."""

import json

import pytest

from lambent.core.deliveries import (
    DeliverAgain,
    DeliveryKind,
    DeliveryOutcome,
    DeliveryOver,
    DeliveryProgress,
    EventTerms,
    Target,
    after_delivery,
    deliveries_of,
)
from lambent.core.event_invoke_configs import Destinations
from lambent.core.event_records import EventEnd, Response
from lambent.core.retry import Condition, RetryPolicy
from lambent.core.scope import Scope

SCOPE = Scope("123456789012", "eu-west-1")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:fn:$LATEST"
GOOD, BAD, LETTERS = (f"arn:aws:sqs:eu-west-1:123456789012:{name}" for name in ("good", "bad", "letters"))
EVERYWHERE = EventTerms(RetryPolicy(), Destinations(GOOD, BAD), LETTERS)
FAILED = Response("1", "Unhandled", b'{"errorMessage":"boom"}')
NOW_MS = 1_714_557_605_568
HOUR_MS = 3_600_000


def sent(condition: Condition, terms: EventTerms = EVERYWHERE) -> list[tuple[str, str]]:
    response = Response("1", None, b"1") if condition is Condition.SUCCESS else FAILED
    end = EventEnd("e4b4", ARN, condition, 1, b"{}", response)
    made = deliveries_of(end, terms, scope=SCOPE, function_name="fn", trace_id="Root=1", now_ms=NOW_MS)
    return [(delivery.kind.value, delivery.target) for delivery in made]


def test_a_success_goes_to_the_destination_for_successes_only() -> None:
    assert sent(Condition.SUCCESS) == [("destination", GOOD)]


@pytest.mark.parametrize(
    "condition", [Condition.RETRIES_EXHAUSTED, Condition.EVENT_AGE_EXCEEDED, Condition.ZERO_RESERVED_CONCURRENCY]
)
def test_a_failure_feeds_both_the_destination_and_the_dead_letter_queue(condition: Condition) -> None:
    assert sent(condition) == [("destination", BAD), ("dead-letter", LETTERS)]


def test_nothing_is_sent_where_nothing_is_set() -> None:
    assert sent(Condition.SUCCESS, EventTerms()) == sent(Condition.RETRIES_EXHAUSTED, EventTerms()) == []


@pytest.mark.parametrize(
    ("service", "length", "whole"), [("sns", 200_000, True), ("sns", 262_144, False), ("sqs", 262_144, True)]
)
def test_a_record_that_is_too_long_for_a_topic_is_sent_without_payloads(service: str, length: int, whole: bool) -> None:
    """Source: API model, OnFailure."""
    target = f"arn:aws:{service}:eu-west-1:123456789012:any"
    end = EventEnd("e4b4", ARN, Condition.RETRIES_EXHAUSTED, 3, b'"' + b"x" * length + b'"', FAILED)
    terms = EventTerms(destinations=Destinations(None, target))
    [record] = deliveries_of(end, terms, scope=SCOPE, function_name="fn", trace_id="Root=1", now_ms=NOW_MS)
    said = json.loads(record.body)
    assert said["responseContext"]["functionError"] == "Unhandled"
    assert (said["requestPayload"] is not None, said["responsePayload"] is not None) == (whole, whole)


def test_a_record_and_a_letter_carry_what_their_targets_need() -> None:
    end = EventEnd("e4b4", ARN, Condition.RETRIES_EXHAUSTED, 3, b'{"order": 1}', FAILED)
    record, letter = deliveries_of(end, EVERYWHERE, scope=SCOPE, function_name="fn", trace_id="Root=1", now_ms=NOW_MS)
    assert record.body.startswith(b'{"version":"1.0","timestamp":"2024-05-01T10:00:05.568Z"')
    assert (letter.kind, letter.body) == (DeliveryKind.DEAD_LETTER, b'{"order": 1}')
    assert (letter.error_code, letter.error_message) == ("200", "boom")
    assert {record.function_arn, letter.function_arn} == {ARN}
    assert (record.created_ms, record.trace_id, record.condition) == (NOW_MS, "Root=1", "RetriesExhausted")


@pytest.mark.parametrize(
    ("arn", "service", "region", "account", "resource"),
    [
        (GOOD, "sqs", "eu-west-1", "123456789012", "good"),
        ("arn:aws:s3:::bucket", "s3", "", "", "bucket"),
        (ARN, "lambda", "eu-west-1", "123456789012", "function:fn:$LATEST"),
        ("kafka://cluster", "", "", "", ""),
    ],
)
def test_a_target_is_what_its_arn_says(arn: str, service: str, region: str, account: str, resource: str) -> None:
    assert Target.of(arn) == Target(arn, service, region, account, resource)


def test_what_is_delivered_is_over() -> None:
    over = after_delivery(DeliveryOutcome.DELIVERED, DeliveryProgress(NOW_MS, attempts=3), now_ms=NOW_MS)
    assert over == DeliveryOver(True, DeliveryProgress(NOW_MS, attempts=4))


def test_what_can_never_be_sent_is_not_tried_again() -> None:
    over = after_delivery(DeliveryOutcome.IMPOSSIBLE, DeliveryProgress(NOW_MS), now_ms=NOW_MS)
    assert over == DeliveryOver(False, DeliveryProgress(NOW_MS, attempts=1))


def test_what_nobody_answers_for_is_tried_for_six_hours_with_growing_delays() -> None:
    now_ms, delays, progress = NOW_MS, [], DeliveryProgress(NOW_MS)
    while isinstance(following := after_delivery(DeliveryOutcome.UNREACHABLE, progress, now_ms=now_ms), DeliverAgain):
        delays.append((following.at_ms - now_ms) // 1_000)
        now_ms, progress = following.at_ms, following.progress
    assert delays[:11] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert not following.delivered
    assert 5.9 * HOUR_MS < now_ms - NOW_MS <= 6 * HOUR_MS


def test_what_is_refused_is_tried_six_times_however_long_nobody_answered_before() -> None:
    now_ms, delays, progress = NOW_MS, [], DeliveryProgress(NOW_MS, attempts=20)
    while isinstance(following := after_delivery(DeliveryOutcome.REFUSED, progress, now_ms=now_ms), DeliverAgain):
        delays.append((following.at_ms - now_ms) // 1_000)
        now_ms, progress = following.at_ms, following.progress
    assert delays == [1, 2, 4, 8, 16]
    assert following == DeliveryOver(False, DeliveryProgress(NOW_MS, attempts=26, refusals=6))
