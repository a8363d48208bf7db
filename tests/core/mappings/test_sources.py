import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.mappings.sources import EventSource, SourceKind, recognise
from lambent.core.scope import Scope

REGION = "eu-west-1"


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("sqs:eu-west-1:123456789012:queue", SourceKind.SQS),
        ("sqs:eu-west-1:123456789012:queue.fifo", SourceKind.SQS_FIFO),
        ("kinesis:eu-west-1:123456789012:stream/name", SourceKind.KINESIS),
        ("kinesis:eu-west-1:123456789012:stream/name/consumer/c:1700000000", SourceKind.KINESIS),
        ("dynamodb:eu-west-1:123456789012:table/T/stream/2024-05-01T00:00:00.000", SourceKind.DYNAMODB),
        ("kafka:eu-west-1:123456789012:cluster/name/11111111-2222-3333-4444-555555555555-1", SourceKind.MSK),
        ("kafka:eu-west-1:123456789012:vpc-connection/123456789012/name/11111111", SourceKind.MSK),
        ("mq:eu-west-1:123456789012:broker:name:b-1111", SourceKind.MQ),
        ("rds:eu-west-1:123456789012:cluster:name", SourceKind.DOCUMENTDB),
    ],
)
def test_an_arn_tells_what_a_source_is(resource: str, kind: SourceKind) -> None:
    """Source: api-event-source-mappings.md §4."""
    source = recognise(f"arn:aws:{resource}", is_self_managed=False, region=REGION)
    assert source == EventSource(kind, f"arn:aws:{resource}")
    assert source.scope == Scope("123456789012", REGION)
    assert f"arn:aws:{resource}".endswith(":" + source.resource)


def test_brokers_are_a_source_without_an_arn() -> None:
    assert recognise(None, is_self_managed=True, region=REGION) == EventSource(SourceKind.SELF_MANAGED_KAFKA)


@pytest.mark.parametrize(
    "arn",
    [
        None,
        "arn:aws:sns:eu-west-1:123456789012:topic",
        "arn:aws:s3:::bucket",
        "arn:aws:sqs:us-east-1:123456789012:queue",
        "arn:aws:sqs:eu-west-1::queue",
        "arn:aws:sqs:eu-west-1:123456789012:a.queue",
        "arn:aws:sqs:eu-west-1:123456789012:a/b",
        "arn:aws:kinesis:eu-west-1:123456789012:name",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/a/consumer/b",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/T",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/T/stream/",
        "arn:aws:rds:eu-west-1:123456789012:db:name",
    ],
)
def test_what_no_mapping_can_read_is_unrecognized(arn: str | None) -> None:
    """Source: api-event-source-mappings.md §2 (c), recorded for none and for a foreign service."""
    with pytest.raises(InvalidParameterValue, match=r"^Unrecognized event source\.$"):
        recognise(arn, is_self_managed=False, region=REGION)


def test_a_queue_and_brokers_at_once_are_unrecognized() -> None:
    with pytest.raises(InvalidParameterValue, match="Unrecognized event source"):
        recognise("arn:aws:sqs:eu-west-1:123456789012:queue", is_self_managed=True, region=REGION)
