"""Which settings a source may have, and what is wrong with those of a mapping.

Each function raises InvalidParameterValue. Ranges that the API model has were checked before.

Source: api-event-source-mappings.md §2, §4. Recorded from AWS unless the function says otherwise.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from lambent.core.errors import InvalidParameterValue
from lambent.core.event_patterns import InvalidEventPattern, parse_event_pattern
from lambent.core.mappings.settings import DocumentDbConfig, MappingSettings, asks_for_nothing, sent
from lambent.core.mappings.sources import KAFKA, QUEUES, STREAMS, EventSource, SourceKind

MAX_FILTERS = 5
_FIFO_BATCH = 10
_BATCH_WITHOUT_WINDOW = 10
_LEAST_RECORD_AGE = 60
_MOST_POLLERS = 2_000

_DESTINATION_SERVICES: Final = frozenset({"sqs", "sns", "s3"})

_EVERY_SOURCE: Final = frozenset({"batch_size", "maximum_batching_window_in_seconds", "filter_criteria", "kms_key_arn"})
_QUEUE: Final = _EVERY_SOURCE | {
    "function_response_types",
    "metrics_config",
    "provisioned_poller_config",
    "scaling_config",
}
_RETRIES: Final = frozenset(
    {"bisect_batch_on_function_error", "maximum_record_age_in_seconds", "maximum_retry_attempts"}
)
_POSITION: Final = frozenset({"starting_position", "starting_position_timestamp"})
_STREAM: Final = (
    _EVERY_SOURCE
    | _RETRIES
    | _POSITION
    | {
        "destination_config",
        "function_response_types",
        "metrics_config",
        "parallelization_factor",
        "tumbling_window_in_seconds",
    }
)
_KAFKA: Final = (
    _EVERY_SOURCE
    | _RETRIES
    | _POSITION
    | {
        "destination_config",
        "function_response_types",
        "logging_config",
        "metrics_config",
        "provisioned_poller_config",
        "source_access_configurations",
        "topics",
    }
)
SUPPORTED: Final[Mapping[SourceKind, frozenset[str]]] = {
    SourceKind.SQS: _QUEUE,
    SourceKind.SQS_FIFO: _QUEUE,
    SourceKind.KINESIS: _STREAM,
    SourceKind.DYNAMODB: _STREAM,
    SourceKind.MSK: _KAFKA | {"amazon_managed_kafka_event_source_config"},
    SourceKind.SELF_MANAGED_KAFKA: _KAFKA | {"self_managed_event_source", "self_managed_kafka_event_source_config"},
    SourceKind.MQ: _EVERY_SOURCE | {"queues", "source_access_configurations"},
    SourceKind.DOCUMENTDB: _EVERY_SOURCE
    | _POSITION
    | {"document_db_event_source_config", "source_access_configurations"},
}
"""Which members a request may have for which source."""

_METRICS: Final[Mapping[SourceKind, frozenset[str]]] = {
    **dict.fromkeys(QUEUES | STREAMS, frozenset({"EventCount"})),
    **dict.fromkeys(KAFKA, frozenset({"EventCount", "ErrorCount", "KafkaMetrics"})),
}
_DATA_KEYS: Final = {SourceKind.KINESIS: "data", SourceKind.DYNAMODB: "dynamodb"}
"""Where records hold what is always JSON when it is matched: a pattern for plain text is refused (documented)."""


def check_supported(kind: SourceKind, requested: MappingSettings) -> None:
    """Settings of other sources are refused.

    Source: recorded for destinations, observed for others (pulumi/pulumi-aws#1418, boto/boto3#1613); the place in the
    order is unverified.
    """
    for name, value in sent(requested).items():
        if name in SUPPORTED[kind] or asks_for_nothing(value):
            continue
        if name == "destination_config":
            raise unsupported_destinations()
        if name == "starting_position" and kind in QUEUES:
            raise InvalidParameterValue("StartingPosition is not valid for SQS event sources.")
        raise _unsupported(name)


def check_required(kind: SourceKind, settings: MappingSettings) -> None:
    """What a source can't be read without. The texts are unverified, made like that of sourceAccessConfigurations."""
    wanted: dict[str, object] = {}
    if kind in KAFKA:
        wanted["topics"] = settings.topics
    if kind is SourceKind.SELF_MANAGED_KAFKA:
        wanted["selfManagedEventSource.endpoints"] = settings.self_managed_event_source
    if kind is SourceKind.MQ:
        wanted["queues"] = settings.queues
    if kind is SourceKind.DOCUMENTDB:
        config = settings.document_db_event_source_config or DocumentDbConfig()
        wanted["documentDBEventSourceConfig.databaseName"] = config.database_name
    if kind in {SourceKind.SELF_MANAGED_KAFKA, SourceKind.MQ, SourceKind.DOCUMENTDB}:
        wanted["sourceAccessConfigurations"] = settings.source_access_configurations
    for name, value in wanted.items():
        if asks_for_nothing(value):
            raise required(name)


def check_batch_size(kind: SourceKind, settings: MappingSettings) -> None:
    """Source of the text: observed (pulumi/pulumi-aws-serverless#20), when every queue had this limit."""
    if kind is SourceKind.SQS_FIFO and (settings.batch_size or 0) > _FIFO_BATCH:
        raise InvalidParameterValue(f"Maximum batch size must be between 1 and {_FIFO_BATCH} inclusive")


def check_starting_position(source: EventSource, settings: MappingSettings, *, now: datetime) -> None:
    """Source: recorded for Kinesis and DynamoDB; that DocumentDB needs one is documented.

    AT_TIMESTAMP without a moment: observed (awsdocs/aws-cloudformation-user-guide#334). The other texts are unverified.
    """
    position, moment = settings.starting_position, settings.starting_position_timestamp
    if position is None and source.kind in STREAMS | {SourceKind.DOCUMENTDB}:
        raise InvalidParameterValue(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if position == "AT_TIMESTAMP" and source.kind is SourceKind.DYNAMODB:
        raise InvalidParameterValue(f"Unsupported starting position for arn type: {source.arn}")
    if position == "AT_TIMESTAMP" and moment is None:
        raise InvalidParameterValue("Need to specify a timestamp")
    if position != "AT_TIMESTAMP" and moment is not None:
        raise InvalidParameterValue("StartingPositionTimestamp is only valid with StartingPosition AT_TIMESTAMP.")
    if moment is not None and moment > now:
        raise InvalidParameterValue("StartingPositionTimestamp cannot be in the future.")


def _check_window(kind: SourceKind, settings: MappingSettings) -> None:
    """Source: recorded; of FIFO observed (aws/aws-lambda-dotnet#1758)."""
    window = settings.maximum_batching_window_in_seconds
    if kind is SourceKind.SQS_FIFO and window:
        raise InvalidParameterValue("Batching window is not supported for FIFO queues")
    if kind is SourceKind.SQS and (settings.batch_size or 0) > _BATCH_WITHOUT_WINDOW and not window:
        raise InvalidParameterValue(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )


def check_the_rest(kind: SourceKind, settings: MappingSettings) -> None:
    """What is checked alike at creation and update, of all values together, in AWS's order as far as it is known."""
    _check_destination(kind, settings)
    _check_window(kind, settings)
    _check_retries(kind, settings)
    _check_pollers(kind, settings)
    _check_metrics(kind, settings)
    _check_filters(kind, settings)


def _check_destination(kind: SourceKind, settings: MappingSettings) -> None:
    """Source: API reference, OnFailure; the text is that of event invoke configurations, here unverified."""
    config = settings.destination_config
    target = config.on_failure.destination if config is not None and config.on_failure is not None else None
    if not target:
        return
    supported = kind in KAFKA if target.startswith("kafka://") else target.split(":")[2] in _DESTINATION_SERVICES
    if not supported:
        raise InvalidParameterValue(
            f"The provided destination config DestinationConfig(onSuccess=null, "
            f"onFailure=OnFailure(destination={target})) is invalid."
        )


def _check_retries(kind: SourceKind, settings: MappingSettings) -> None:
    """Source: the text of the age is observed (hashicorp/terraform-provider-aws#16113); the rest is documented."""
    if kind in KAFKA and settings.provisioned_poller_config is None:
        for name in sorted(_RETRIES):
            if not asks_for_nothing(getattr(settings, name)):
                raise _unsupported(name)
    age = settings.maximum_record_age_in_seconds
    if age is not None and age != -1 and age < _LEAST_RECORD_AGE:
        raise InvalidParameterValue(
            "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)"
        )
    if settings.kafka.consumption_mode == "Queue" and settings.maximum_retry_attempts == -1:
        raise InvalidParameterValue("MaximumRetryAttempts can't be -1 with ConsumptionMode Queue.")


def _check_pollers(kind: SourceKind, settings: MappingSettings) -> None:
    """Source: API reference, ProvisionedPollerConfig; the texts are unverified."""
    pollers = settings.provisioned_poller_config
    if pollers is None:
        return
    if settings.scaling_config is not None:
        raise InvalidParameterValue("ScalingConfig and ProvisionedPollerConfig can't be set together.")
    least, most = pollers.minimum_pollers or 0, pollers.maximum_pollers or 0
    if kind in QUEUES and least < 2:
        raise InvalidParameterValue("MinimumPollers must be between 2 and 200 for SQS event sources.")
    if most > _MOST_POLLERS:
        raise InvalidParameterValue(f"MaximumPollers must be less than or equal to {_MOST_POLLERS}.")
    if least > most:
        raise InvalidParameterValue("MinimumPollers must be less than or equal to MaximumPollers.")


def _check_metrics(kind: SourceKind, settings: MappingSettings) -> None:
    """Source: developer guide, "Event source mapping metrics"; the text is unverified."""
    for metric in settings.metrics_config.metrics if settings.metrics_config else ():
        if metric not in _METRICS[kind]:
            raise InvalidParameterValue(f"Unsupported metric {metric} for given event source mapping type.")


def _check_filters(kind: SourceKind, settings: MappingSettings) -> None:
    """Source: recorded; the text for too many is unverified."""
    if len(settings.patterns) > MAX_FILTERS:
        raise InvalidParameterValue(f"FilterCriteria can't have more than {MAX_FILTERS} filters.")
    for text in settings.patterns:
        try:
            pattern = parse_event_pattern(text)
        except InvalidEventPattern as error:
            raise InvalidParameterValue("Invalid filter pattern definition.") from error
        if isinstance(pattern.document.get(_DATA_KEYS.get(kind, "")), list):
            raise InvalidParameterValue("Invalid filter pattern definition.")


def _unsupported(name: str) -> InvalidParameterValue:
    first, *others = name.split("_")
    camel = first + "".join(other.capitalize() for other in others)
    return InvalidParameterValue(f"Unsupported '{camel}' parameter for given event source mapping type.")


def unsupported_destinations() -> InvalidParameterValue:
    """The answer to a destination that the source doesn't have."""
    return InvalidParameterValue("Unsupported DestinationConfig parameter for given event source mapping type.")


def required(name: str) -> InvalidParameterValue:
    """The answer to a request that lacks what the source needs."""
    return InvalidParameterValue(f"Required '{name}' parameter is missing.")
