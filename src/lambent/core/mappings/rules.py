"""What a new mapping's settings are, and what an update makes of them.

The order of the checks is AWS's: `check_request` (destinations, access), then the source (`sources.recognise`), then
`new_settings` or `changed_settings`, which call the rest (`checks`).

Source: api-event-source-mappings.md §2, §3, §5.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from lambent.core.errors import InvalidParameterValue
from lambent.core.mappings.checks import (
    check_batch_size,
    check_required,
    check_starting_position,
    check_supported,
    check_the_rest,
    required,
    unsupported_destinations,
)
from lambent.core.mappings.settings import (
    DocumentDbConfig,
    KafkaConfig,
    MappingSettings,
    ProvisionedPollerConfig,
    defaults,
    laid_over,
)
from lambent.core.mappings.sources import KAFKA, QUEUES, EventSource, SourceKind

_DEFAULT_MAXIMUM_POLLERS = 200


def check_request(requested: MappingSettings) -> None:
    """What is checked of a new mapping before its source is looked at.

    Raises:
        InvalidParameterValue: a destination for successes; brokers without a way to them.
    """
    destinations = requested.destination_config
    if destinations is not None and destinations.on_success is not None:
        raise unsupported_destinations()
    if requested.self_managed_event_source is not None and not requested.source_access_configurations:
        raise required("sourceAccessConfigurations")


def new_settings(source: EventSource, requested: MappingSettings, *, mapping_id: str, now: datetime) -> MappingSettings:
    """The settings of a new mapping.

    Args:
        mapping_id: its UUID, which is the consumer group of Kafka unless another is given.

    Raises:
        InvalidParameterValue: in AWS's order, what the source doesn't have, or not like this.
    """
    kind = source.kind
    check_supported(kind, requested)
    settings = laid_over(defaults(kind), requested, kind=kind)
    check_batch_size(kind, settings)
    check_starting_position(source, settings, now=now)
    check_required(kind, settings)
    settings = _with_nested_defaults(kind, settings, mapping_id)
    check_the_rest(kind, settings)
    return settings


def changed_settings(source: EventSource, current: MappingSettings, requested: MappingSettings) -> MappingSettings:
    """The settings of a mapping after an update: members that weren't sent stay, empty structures are reset.

    Raises:
        InvalidParameterValue: the new and the kept values together aren't right.
    """
    kind = source.kind
    if requested.destination_config is not None and requested.destination_config.on_success is not None:
        raise unsupported_destinations()
    check_supported(kind, requested)
    settings = laid_over(current, requested, kind=kind)
    check_batch_size(kind, settings)
    if kind in KAFKA:
        settings = _with_kept_kafka_config(kind, current, requested, settings)
    if kind is SourceKind.DOCUMENTDB:
        settings = _with_kept_documentdb_config(current, requested, settings)
    check_required(kind, settings)
    settings = _with_nested_defaults(kind, settings, current.kafka.consumer_group_id or "")
    check_the_rest(kind, settings)
    return settings


def _with_nested_defaults(kind: SourceKind, settings: MappingSettings, group: str) -> MappingSettings:
    """Values of structures that are shown once the structure, or the source, is there."""
    filled: dict[str, Any] = {}
    if kind is SourceKind.MSK:
        filled["amazon_managed_kafka_event_source_config"] = _in_group(settings.kafka, group)
    elif kind is SourceKind.SELF_MANAGED_KAFKA:
        filled["self_managed_kafka_event_source_config"] = _in_group(settings.kafka, group)
    elif kind is SourceKind.DOCUMENTDB and settings.document_db_event_source_config is not None:
        config = settings.document_db_event_source_config
        filled["document_db_event_source_config"] = replace(config, full_document=config.full_document or "Default")
    pollers = settings.provisioned_poller_config
    if pollers is not None:
        filled["provisioned_poller_config"] = _filled_pollers(kind, pollers)
    return replace(settings, **filled)


def _in_group(config: KafkaConfig, group: str) -> KafkaConfig:
    return replace(config, consumer_group_id=config.consumer_group_id or group)


def _filled_pollers(kind: SourceKind, pollers: ProvisionedPollerConfig) -> ProvisionedPollerConfig:
    """Source: API reference, ProvisionedPollerConfig."""
    least = pollers.minimum_pollers or (2 if kind in QUEUES else 1)
    return replace(
        pollers,
        minimum_pollers=least,
        maximum_pollers=pollers.maximum_pollers or max(least, _DEFAULT_MAXIMUM_POLLERS),
    )


def _with_kept_kafka_config(
    kind: SourceKind, current: MappingSettings, requested: MappingSettings, settings: MappingSettings
) -> MappingSettings:
    """An update may change the schema registry; consumer group and consumption mode stay. Text: unverified."""
    wanted, kept = requested.kafka, current.kafka
    for name, new, old in (
        ("ConsumerGroupId", wanted.consumer_group_id, kept.consumer_group_id),
        ("ConsumptionMode", wanted.consumption_mode, kept.consumption_mode),
    ):
        if new is not None and new != old:
            raise InvalidParameterValue(f"{name} can't be updated.")
    config = replace(kept, schema_registry_config=wanted.schema_registry_config or kept.schema_registry_config)
    if kind is SourceKind.MSK:
        return replace(settings, amazon_managed_kafka_event_source_config=config)
    return replace(settings, self_managed_kafka_event_source_config=config)


def _with_kept_documentdb_config(
    current: MappingSettings, requested: MappingSettings, settings: MappingSettings
) -> MappingSettings:
    kept = current.document_db_event_source_config or DocumentDbConfig()
    wanted = requested.document_db_event_source_config or DocumentDbConfig()
    config = DocumentDbConfig(
        database_name=wanted.database_name or kept.database_name,
        collection_name=wanted.collection_name or kept.collection_name,
        full_document=wanted.full_document or kept.full_document,
    )
    return replace(settings, document_db_event_source_config=config)
