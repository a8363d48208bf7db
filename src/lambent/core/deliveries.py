"""What is sent when an asynchronous invocation is over: records and dead letters, and how often each is tried.

A failure feeds both the dead-letter queue and the destination for failures, a success the destination for successes.

AWS doesn't say how it repeats deliveries. Here one that can't be made for now (nobody answers, the other service fails
or throttles) is tried for six hours, like an event. One that the other service refuses is tried six times: a queue that
isn't there, or rights that are missing, may be there in half a minute. One that can never be made, such as a message
that is too long, isn't tried again. Delays grow from one second to five minutes.

Source: invocation.md §2.1 and §2.2; how often is unverified.
"""

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from lambent.core.event_invoke_configs import Destinations
from lambent.core.event_records import EventEnd, dead_letter, destination_record
from lambent.core.recursion import after_stop
from lambent.core.retry import Condition, RetryPolicy
from lambent.core.scope import Scope

_FIRST_DELAY_MS: Final = 1_000
LONGEST_DELAY_MS: Final = 300_000
"""No delivery waits for longer between two attempts."""
_MOST_REFUSALS: Final = 6
_LONGEST_AGE_MS: Final = 6 * 3_600_000
_TOPIC_BYTES: Final = 262_144
"""Longest record with its payloads that a topic gets. Source: API model, OnFailure: "Lambda will drop the payload"."""
_SERVICE, _REGION, _ACCOUNT, _RESOURCE = 2, 3, 4, 5  # parts of an ARN


_AWS_RETRIES: Final = RetryPolicy()
_NOWHERE: Final = Destinations()


class DeliveryKind(Enum):
    """Why something is sent; the values are those of the table of deliveries."""

    DESTINATION = "destination"
    DEAD_LETTER = "dead-letter"


@dataclass(frozen=True, slots=True)
class EventTerms:
    """What an asynchronous invocation goes by: the settings of the qualifier that it was sent to, as they are now.

    Attributes:
        dead_letter_target: the ARN of a queue or topic; empty if there is none.
    """

    retry: RetryPolicy = _AWS_RETRIES
    destinations: Destinations = _NOWHERE
    dead_letter_target: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where something is sent, as its ARN has it.

    Attributes:
        service: `sqs`, `sns`, `events`, `lambda` or `s3`.
        region, account: empty where the ARN has none, which are those of buckets.
        resource: what follows: a queue's name, `event-bus/NAME`, `function:NAME`.
    """

    arn: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def of(cls, arn: str) -> "Target":
        """The parts of an ARN that was checked when it was set."""
        parts = arn.split(":", _RESOURCE)
        parts += [""] * (_RESOURCE + 1 - len(parts))
        return cls(arn, parts[_SERVICE], parts[_REGION], parts[_ACCOUNT], parts[_RESOURCE])


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to send.

    Attributes:
        scope, function_name, request_id, function_arn, condition: of the event that is over; the ARN is qualified.
        target: an ARN.
        body: the record, or the event itself.
        error_code, error_message: of a dead letter; the code is a number, as text.
        trace_id: the trace header that the function had; the event's where it didn't run.
        created_ms: when the event was over.
    """

    scope: Scope
    function_name: str
    request_id: str
    function_arn: str
    condition: str
    kind: DeliveryKind
    target: str
    body: bytes = field(repr=False)
    created_ms: int
    trace_id: str = ""
    error_code: str = ""
    error_message: str = ""


def deliveries_of(
    end: EventEnd, terms: EventTerms, *, scope: Scope, function_name: str, trace_id: str, now_ms: int
) -> list[Delivery]:
    """What is to be sent because an event is over.

    Args:
        trace_id: the trace header that the function had; the event's where it didn't run.
    """
    carried_on = after_stop(trace_id) if end.condition is Condition.RECURSIVE_LOOP else trace_id
    if carried_on is None:
        return []

    def delivery(kind: DeliveryKind, target: str, body: bytes) -> Delivery:
        return Delivery(
            scope,
            function_name,
            end.request_id,
            end.function_arn,
            end.condition.value,
            kind,
            target,
            body,
            now_ms,
            carried_on,
        )

    succeeded = end.condition is Condition.SUCCESS
    destination = terms.destinations.on_success if succeeded else terms.destinations.on_failure
    made = []
    if destination:
        record = destination_record(end, now_ms=now_ms)
        if len(record) > _TOPIC_BYTES and Target.of(destination).service == "sns":
            record = destination_record(end, now_ms=now_ms, with_payloads=False)
        made.append(delivery(DeliveryKind.DESTINATION, destination, record))
    if terms.dead_letter_target and not succeeded:
        letter = dead_letter(end)
        sent = delivery(DeliveryKind.DEAD_LETTER, terms.dead_letter_target, letter.body)
        made.append(replace(sent, error_code=letter.error_code, error_message=letter.error_message))
    return made


class DeliveryOutcome(Enum):
    """What came of one attempt to send."""

    DELIVERED = auto()
    UNREACHABLE = auto()
    """Nobody answered, or the other service failed or throttled."""
    REFUSED = auto()
    """The other service doesn't want it: no such queue, no permission."""
    IMPOSSIBLE = auto()
    """It can't be sent as it is, now or later."""


@dataclass(frozen=True, slots=True)
class DeliveryProgress:
    """How far a delivery has come.

    Attributes:
        attempts: how often it was tried.
        refusals: how often of these the other service refused it.
    """

    created_ms: int
    attempts: int = 0
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class DeliverAgain:
    """The delivery waits until `at_ms` (epoch) and is then tried again."""

    at_ms: int
    progress: DeliveryProgress


@dataclass(frozen=True, slots=True)
class DeliveryOver:
    """The delivery is made, or was given up."""

    delivered: bool
    progress: DeliveryProgress


def after_delivery(outcome: DeliveryOutcome, progress: DeliveryProgress, *, now_ms: int) -> DeliverAgain | DeliveryOver:
    """What follows from one attempt that has just ended."""
    delay_ms = min(_FIRST_DELAY_MS << min(progress.attempts, 16), LONGEST_DELAY_MS)
    progress = replace(progress, attempts=progress.attempts + 1)
    if outcome is DeliveryOutcome.DELIVERED:
        return DeliveryOver(True, progress)
    if outcome is DeliveryOutcome.IMPOSSIBLE:
        return DeliveryOver(False, progress)
    if outcome is DeliveryOutcome.REFUSED:
        delay_ms = _FIRST_DELAY_MS << min(progress.refusals, 16)
        progress = replace(progress, refusals=progress.refusals + 1)
        if progress.refusals >= _MOST_REFUSALS:
            return DeliveryOver(False, progress)
    if now_ms + delay_ms - progress.created_ms > _LONGEST_AGE_MS:
        return DeliveryOver(False, progress)
    return DeliverAgain(now_ms + delay_ms, progress)
