"""Event invoke configurations: what they come to. What a caller sees is in tests/api/test_event_invoke_configs.py."""

import pytest

from lambent.core.arn import FunctionReference
from lambent.core.errors import InvalidParameterValue
from lambent.core.event_invoke_configs import (
    Destinations,
    EventInvokeChange,
    EventInvokeConfig,
    check_event_invoke_change,
    destination_function,
    merged,
    replaced,
)
from lambent.core.retry import RetryPolicy
from lambent.core.scope import Scope

SCOPE = Scope("123456789012", "us-east-1")
PREFIX = "arn:aws:lambda:us-east-1:123456789012"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
BARE = EventInvokeConfig(SCOPE, "f", "$LATEST", 1)


def test_what_is_not_set_is_awss_default() -> None:
    assert BARE.retry_policy == RetryPolicy(2, 21_600)
    change = EventInvokeChange(maximum_retry_attempts=0)
    assert replaced(BARE, change).retry_policy == RetryPolicy(0, 21_600)
    assert replaced(BARE, EventInvokeChange(maximum_event_age_seconds=60)).retry_policy == RetryPolicy(2, 60)


def test_an_update_keeps_what_it_does_not_name() -> None:
    whole = EventInvokeConfig(SCOPE, "f", "$LATEST", 1, 0, 60, Destinations(QUEUE))
    assert merged(whole, EventInvokeChange(maximum_retry_attempts=2), now_ms=2) == EventInvokeConfig(
        SCOPE, "f", "$LATEST", 2, 2, 60, Destinations(QUEUE)
    )
    assert merged(whole, EventInvokeChange(destinations=Destinations()), now_ms=2).destinations == Destinations()


def test_a_request_asks_for_something() -> None:
    with pytest.raises(InvalidParameterValue, match="You must specify at least one of error handling or destination"):
        check_event_invoke_change(EventInvokeChange())
    check_event_invoke_change(EventInvokeChange(maximum_retry_attempts=0))
    check_event_invoke_change(EventInvokeChange(destinations=Destinations()))


@pytest.mark.parametrize(
    "destinations",
    [Destinations(), Destinations(QUEUE, QUEUE), Destinations(on_failure="arn:aws:s3:::b")],
)
def test_services_that_take_records(destinations: Destinations) -> None:
    check_event_invoke_change(EventInvokeChange(destinations=destinations))


@pytest.mark.parametrize(
    ("destinations", "said"),
    [
        (Destinations("arn:aws:s3:::b"), "onSuccess=OnSuccess(destination=arn:aws:s3:::b), onFailure=null"),
        (Destinations(None, "kafka://t"), "onSuccess=null, onFailure=OnFailure(destination=kafka://t)"),
        (Destinations(QUEUE, "x"), f"onSuccess=OnSuccess(destination={QUEUE}), onFailure=OnFailure(destination=x)"),
    ],
)
def test_services_that_do_not(destinations: Destinations, said: str) -> None:
    with pytest.raises(InvalidParameterValue) as error:
        check_event_invoke_change(EventInvokeChange(destinations=destinations))
    assert error.value.message == f"The provided destination config DestinationConfig({said}) is invalid."


def test_a_destination_function() -> None:
    assert destination_function(QUEUE, scope=SCOPE) is None
    assert destination_function(f"{PREFIX}:function:g", scope=SCOPE) == FunctionReference("g", None)
    assert destination_function(f"{PREFIX}:function:g:live", scope=SCOPE) == FunctionReference("g", "live")


@pytest.mark.parametrize(
    "arn",
    [
        f"{PREFIX}:layer:g",
        f"{PREFIX}:function:g:1:2",
        "arn:aws:lambda:us-west-2:123456789012:function:g",
        "arn:aws:lambda:us-east-1:999999999999:function:g",
    ],
)
def test_what_is_no_destination_function(arn: str) -> None:
    with pytest.raises(InvalidParameterValue) as error:
        destination_function(arn, scope=SCOPE)
    assert error.value.message == f"The destination ARN {arn} is invalid."
