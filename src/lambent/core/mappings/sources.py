"""Event sources: their kinds, and how an ARN tells which one it is.

Source: api-event-source-mappings.md §4.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lambent.core.errors import InvalidParameterValue
from lambent.core.scope import Scope


class SourceKind(StrEnum):
    """What an event source is."""

    SQS = "SQS"
    SQS_FIFO = "SQS FIFO"
    KINESIS = "Kinesis"
    DYNAMODB = "DynamoDB"
    MSK = "MSK"
    SELF_MANAGED_KAFKA = "self-managed Kafka"
    MQ = "MQ"
    DOCUMENTDB = "DocumentDB"


QUEUES: Final = frozenset({SourceKind.SQS, SourceKind.SQS_FIFO})
STREAMS: Final = frozenset({SourceKind.KINESIS, SourceKind.DYNAMODB})
KAFKA: Final = frozenset({SourceKind.MSK, SourceKind.SELF_MANAGED_KAFKA})

_ARN: Final = re.compile(r"arn:aws[a-zA-Z-]*:(?P<service>[a-z-]+):(?P<region>[a-z0-9-]+):[0-9]{12}:(?P<resource>.+)")

# Service and resource; the first that matches is it.
_RESOURCES: Final = tuple(
    (service, re.compile(resource), kind)
    for service, resource, kind in (
        ("sqs", r"[a-zA-Z0-9_-]{1,75}\.fifo", SourceKind.SQS_FIFO),
        ("sqs", r"[a-zA-Z0-9_-]{1,80}", SourceKind.SQS),
        ("kinesis", r"stream/[a-zA-Z0-9_.-]+(/consumer/[a-zA-Z0-9_.-]+:[0-9]+)?", SourceKind.KINESIS),
        ("dynamodb", r"table/[a-zA-Z0-9_.-]+/stream/[0-9T:.-]+", SourceKind.DYNAMODB),
        ("kafka", r"cluster/[^/]+/[^/]+|vpc-connection/.+", SourceKind.MSK),
        ("mq", r"broker:[^:]+:[^:]+", SourceKind.MQ),
        ("rds", r"cluster:[^:]+", SourceKind.DOCUMENTDB),
    )
)


@dataclass(frozen=True, slots=True)
class EventSource:
    """A source as a mapping names it."""

    kind: SourceKind
    arn: str | None = None
    """None of self-managed Kafka, which is named by its brokers."""

    @property
    def scope(self) -> Scope:
        """The account and region that it is in, by its ARN."""
        assert self.arn is not None
        _, _, _, region, account, *_ = self.arn.split(":")
        return Scope(account, region)

    @property
    def resource(self) -> str:
        """What the ARN says after the account: `stream/name`, `table/T/stream/…`; of a queue its name."""
        assert self.arn is not None
        return self.arn.split(":", 5)[5]


def recognise(arn: str | None, *, is_self_managed: bool, region: str) -> EventSource:
    """The source that a caller names.

    Args:
        region: the endpoint's; sources are in the region of the function.

    Raises:
        InvalidParameterValue: none is named, or two, or something that no mapping can read. Source: recorded for none
            and for a foreign service; unverified for two, and for another region.
    """
    if is_self_managed and arn is None:
        return EventSource(SourceKind.SELF_MANAGED_KAFKA)
    match = None if arn is None or is_self_managed else _ARN.fullmatch(arn)
    if match is not None and match["region"] == region:
        for service, resource, kind in _RESOURCES:
            if match["service"] == service and resource.fullmatch(match["resource"]):
                return EventSource(kind, arn)
    raise InvalidParameterValue("Unrecognized event source.")
