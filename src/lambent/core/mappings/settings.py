"""What a caller may set on an event source mapping, under the API's names; and the values of what wasn't set.

The same structures hold a request (None: not sent) and a mapping's settings (None: not shown). How long a batch is
gathered is not shown for Kafka, MQ and DocumentDB until it is set: 500 ms, which can't be said in whole seconds.

Source: API model; api-event-source-mappings.md §3 (recorded from AWS, but for MSK, MQ and DocumentDB: documented).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from lambent.core.mappings.sources import KAFKA, QUEUES, STREAMS, SourceKind


@dataclass(frozen=True, slots=True)
class Filter:
    """One of the patterns of which an event must match one."""

    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class FilterCriteria:
    """Which records reach the function; without filters all of them."""

    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where discarded batches are reported: an ARN, or `kafka://topic`."""

    destination: str | None = None


@dataclass(frozen=True, slots=True)
class DestinationConfig:
    """OnSuccess is in the model, and no source has it."""

    on_success: Destination | None = None
    on_failure: Destination | None = None


@dataclass(frozen=True, slots=True)
class ScalingConfig:
    """How many invocations at a time a queue may cause."""

    maximum_concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class ProvisionedPollerConfig:
    """Pollers that are kept ready."""

    minimum_pollers: int | None = None
    maximum_pollers: int | None = None
    poller_group_name: str | None = None


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """Which metrics are published beside those of every mapping."""

    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoggingConfig:
    """How much the pollers log."""

    system_log_level: str | None = None


@dataclass(frozen=True, slots=True)
class AccessConfiguration:
    """How to get at a broker, a cluster or a schema registry: a kind of credentials or network, and which."""

    type: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class SelfManagedEventSource:
    """The brokers of a Kafka cluster, `host:port`, under KAFKA_BOOTSTRAP_SERVERS."""

    endpoints: Mapping[str, tuple[str, ...]] | None = None

    @property
    def brokers(self) -> tuple[str, ...]:
        """All of them, in the order of the request."""
        return tuple(broker for brokers in (self.endpoints or {}).values() for broker in brokers)


@dataclass(frozen=True, slots=True)
class SchemaValidation:
    """Whether keys or values are validated."""

    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class SchemaRegistryConfig:
    """Where the schemas of a topic are."""

    schema_registry_uri: str | None = None
    event_record_format: str | None = None
    access_configs: tuple[AccessConfiguration, ...] | None = None
    schema_validation_configs: tuple[SchemaValidation, ...] | None = None


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """What only Kafka has; MSK has no consumption mode."""

    consumer_group_id: str | None = None
    schema_registry_config: SchemaRegistryConfig | None = None
    consumption_mode: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentDbConfig:
    """Which changes of a cluster are read."""

    database_name: str | None = None
    collection_name: str | None = None
    full_document: str | None = None


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """Everything that may be set; which of it depends on the source."""

    batch_size: int | None = None
    maximum_batching_window_in_seconds: int | None = None
    filter_criteria: FilterCriteria | None = None
    kms_key_arn: str | None = None
    metrics_config: MetricsConfig | None = None
    logging_config: LoggingConfig | None = None
    scaling_config: ScalingConfig | None = None
    provisioned_poller_config: ProvisionedPollerConfig | None = None
    parallelization_factor: int | None = None
    starting_position: str | None = None
    starting_position_timestamp: datetime | None = None
    destination_config: DestinationConfig | None = None
    maximum_record_age_in_seconds: int | None = None
    bisect_batch_on_function_error: bool | None = None
    maximum_retry_attempts: int | None = None
    tumbling_window_in_seconds: int | None = None
    topics: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    source_access_configurations: tuple[AccessConfiguration, ...] | None = None
    self_managed_event_source: SelfManagedEventSource | None = None
    function_response_types: tuple[str, ...] | None = None
    amazon_managed_kafka_event_source_config: KafkaConfig | None = None
    self_managed_kafka_event_source_config: KafkaConfig | None = None
    document_db_event_source_config: DocumentDbConfig | None = None

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of the filters."""
        return tuple(one.pattern or "" for one in (self.filter_criteria or FilterCriteria()).filters)

    @property
    def kafka(self) -> KafkaConfig:
        """Of MSK or self-managed Kafka."""
        mine = self.amazon_managed_kafka_event_source_config or self.self_managed_kafka_event_source_config
        return mine or KafkaConfig()


NOTHING: Final = MappingSettings()

_QUEUE_DEFAULTS: Final = MappingSettings(
    batch_size=10, maximum_batching_window_in_seconds=0, function_response_types=()
)
_STREAM_DEFAULTS: Final = MappingSettings(
    batch_size=100,
    maximum_batching_window_in_seconds=0,
    function_response_types=(),
    parallelization_factor=1,
    maximum_record_age_in_seconds=-1,
    maximum_retry_attempts=-1,
    tumbling_window_in_seconds=0,
    bisect_batch_on_function_error=False,
    destination_config=DestinationConfig(on_failure=Destination()),
)
_KAFKA_DEFAULTS: Final = MappingSettings(batch_size=100, starting_position="TRIM_HORIZON")
_OTHER_DEFAULTS: Final = MappingSettings(batch_size=100)


def defaults(kind: SourceKind) -> MappingSettings:
    """The settings of a mapping of which nothing was said."""
    if kind in QUEUES:
        return _QUEUE_DEFAULTS
    if kind in STREAMS:
        return _STREAM_DEFAULTS
    return _KAFKA_DEFAULTS if kind in KAFKA else _OTHER_DEFAULTS


def sent(settings: MappingSettings) -> dict[str, Any]:
    """The members that have a value, by name."""
    return {member.name: value for member in fields(settings) if (value := getattr(settings, member.name)) is not None}


def asks_for_nothing(value: object) -> bool:
    """Whether a value is empty: no structure's member set, no element, no text, `false`.

    Numbers always ask for something. Empty values are accepted for every source, because infrastructure tools send
    them; in an update they take away what was set.
    """
    if value is None or value is False or value in ("", (), {}):
        return True
    members = getattr(value, "__dataclass_fields__", None)
    return members is not None and all(asks_for_nothing(getattr(value, name)) for name in members)


def laid_over(base: MappingSettings, requested: MappingSettings, *, kind: SourceKind) -> MappingSettings:
    """`base` with what was sent; what was sent empty is as if it had never been set."""
    reset = defaults(kind)
    return replace(
        base,
        **{name: getattr(reset, name) if asks_for_nothing(value) else value for name, value in sent(requested).items()},
    )
