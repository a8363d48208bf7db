"""Source of the expected answers: api-event-source-mappings.md §2 to §5; texts that are unverified are only named."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.mappings.rules import changed_settings, check_request, new_settings
from lambent.core.mappings.settings import (
    NOTHING,
    AccessConfiguration,
    Destination,
    DestinationConfig,
    DocumentDbConfig,
    Filter,
    FilterCriteria,
    KafkaConfig,
    LoggingConfig,
    MappingSettings,
    MetricsConfig,
    ProvisionedPollerConfig,
    ScalingConfig,
    SchemaRegistryConfig,
    SelfManagedEventSource,
    asks_for_nothing,
    sent,
)
from lambent.core.mappings.sources import KAFKA, QUEUES, STREAMS, EventSource, SourceKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCESS = (AccessConfiguration("BASIC_AUTH", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"),)
BROKERS = SelfManagedEventSource({"KAFKA_BOOTSTRAP_SERVERS": ("h1:9092", "h2:9092")})
DEAD_LETTERS = DestinationConfig(on_failure=Destination("arn:aws:sqs:eu-west-1:123456789012:dead"))
NOTHING_TO_REPORT = DestinationConfig(on_failure=Destination())
STREAM_ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"

LEAST: dict[SourceKind, MappingSettings] = {
    SourceKind.SQS: NOTHING,
    SourceKind.SQS_FIFO: NOTHING,
    SourceKind.KINESIS: MappingSettings(starting_position="LATEST"),
    SourceKind.DYNAMODB: MappingSettings(starting_position="LATEST"),
    SourceKind.MSK: MappingSettings(topics=("t1",)),
    SourceKind.SELF_MANAGED_KAFKA: MappingSettings(
        topics=("t1",), self_managed_event_source=BROKERS, source_access_configurations=ACCESS
    ),
    SourceKind.MQ: MappingSettings(queues=("q",), source_access_configurations=ACCESS),
    SourceKind.DOCUMENTDB: MappingSettings(
        starting_position="LATEST",
        source_access_configurations=ACCESS,
        document_db_event_source_config=DocumentDbConfig(database_name="d"),
    ),
}
"""The least that a mapping of each source needs."""


def source(kind: SourceKind) -> EventSource:
    return EventSource(kind, None if kind is SourceKind.SELF_MANAGED_KAFKA else STREAM_ARN)


def new(kind: SourceKind, **more: Any) -> MappingSettings:
    return new_settings(source(kind), replace(LEAST[kind], **more), mapping_id="the-uuid", now=NOW)


def accepted(kind: SourceKind, **more: Any) -> None:
    """Nothing is wrong with it."""
    new(kind, **more)


def change(kind: SourceKind, current: MappingSettings, **sent: Any) -> MappingSettings:
    return changed_settings(source(kind), current, MappingSettings(**sent))


def refused(kind: SourceKind, **more: Any) -> str:
    with pytest.raises(InvalidParameterValue) as raised:
        new(kind, **more)
    assert raised.value.message is not None
    return raised.value.message


def filters(*patterns: str | None) -> FilterCriteria:
    return FilterCriteria(tuple(Filter(pattern) for pattern in patterns))


# --- what a mapping has of which nothing was said (§3) ---


@pytest.mark.parametrize("kind", sorted(QUEUES))
def test_defaults_of_queues(kind: SourceKind) -> None:
    assert sent(new(kind)) == {
        "batch_size": 10,
        "maximum_batching_window_in_seconds": 0,
        "function_response_types": (),
    }


@pytest.mark.parametrize("kind", sorted(STREAMS))
def test_defaults_of_streams(kind: SourceKind) -> None:
    assert sent(new(kind)) == {
        "batch_size": 100,
        "maximum_batching_window_in_seconds": 0,
        "function_response_types": (),
        "starting_position": "LATEST",
        "parallelization_factor": 1,
        "maximum_record_age_in_seconds": -1,
        "maximum_retry_attempts": -1,
        "tumbling_window_in_seconds": 0,
        "bisect_batch_on_function_error": False,
        "destination_config": NOTHING_TO_REPORT,
    }


def test_defaults_of_kafka() -> None:
    group = KafkaConfig(consumer_group_id="the-uuid")
    shown = {"batch_size": 100, "starting_position": "TRIM_HORIZON", "topics": ("t1",)}
    assert sent(new(SourceKind.MSK)) == {**shown, "amazon_managed_kafka_event_source_config": group}
    assert sent(new(SourceKind.SELF_MANAGED_KAFKA)) == {
        **shown,
        "self_managed_event_source": BROKERS,
        "source_access_configurations": ACCESS,
        "self_managed_kafka_event_source_config": group,
    }
    assert BROKERS.brokers == ("h1:9092", "h2:9092")


def test_defaults_of_brokers_and_change_streams() -> None:
    assert sent(new(SourceKind.MQ)) == {
        "batch_size": 100,
        "queues": ("q",),
        "source_access_configurations": ACCESS,
    }
    assert new(SourceKind.DOCUMENTDB).document_db_event_source_config == DocumentDbConfig("d", None, "Default")


def test_a_consumer_group_that_is_given_is_kept() -> None:
    settings = new(
        SourceKind.MSK,
        amazon_managed_kafka_event_source_config=KafkaConfig(consumer_group_id="mine"),
    )
    assert settings.kafka.consumer_group_id == "mine"


@pytest.mark.parametrize(
    ("kind", "given", "filled"),
    [
        (SourceKind.SQS, ProvisionedPollerConfig(poller_group_name="g"), ProvisionedPollerConfig(2, 200, "g")),
        (SourceKind.MSK, ProvisionedPollerConfig(minimum_pollers=3), ProvisionedPollerConfig(3, 200)),
        (SourceKind.MSK, ProvisionedPollerConfig(maximum_pollers=7), ProvisionedPollerConfig(1, 7)),
    ],
)
def test_pollers_have_defaults_once_there_are_some(
    kind: SourceKind, given: ProvisionedPollerConfig, filled: ProvisionedPollerConfig
) -> None:
    """Source: API reference, ProvisionedPollerConfig."""
    assert new(kind, provisioned_poller_config=given).provisioned_poller_config == filled


# --- a, b: before the source is looked at ---


def test_destinations_of_successes_are_refused() -> None:
    text = r"^Unsupported DestinationConfig parameter for given event source mapping type\.$"
    success = DestinationConfig(on_success=Destination("arn:aws:sqs:eu-west-1:123456789012:q"))
    with pytest.raises(InvalidParameterValue, match=text):
        check_request(MappingSettings(destination_config=success))
    with pytest.raises(InvalidParameterValue, match=text):
        change(SourceKind.KINESIS, new(SourceKind.KINESIS), destination_config=success)
    check_request(MappingSettings(destination_config=DEAD_LETTERS))


def test_brokers_without_a_way_to_them_are_refused() -> None:
    with pytest.raises(InvalidParameterValue, match=r"^Required 'sourceAccessConfigurations' parameter is missing\.$"):
        check_request(MappingSettings(self_managed_event_source=BROKERS))
    check_request(LEAST[SourceKind.SELF_MANAGED_KAFKA])


# --- what a source doesn't have ---


@pytest.mark.parametrize(
    ("member", "value", "having"),
    [
        ("parallelization_factor", 2, STREAMS),
        ("tumbling_window_in_seconds", 5, STREAMS),
        ("scaling_config", ScalingConfig(5), QUEUES),
        ("logging_config", LoggingConfig("INFO"), KAFKA),
        ("topics", ("t1",), KAFKA),
        ("queues", ("q",), {SourceKind.MQ}),
        ("source_access_configurations", ACCESS, {*KAFKA, SourceKind.MQ, SourceKind.DOCUMENTDB}),
        ("destination_config", DEAD_LETTERS, STREAMS | KAFKA),
        ("function_response_types", ("ReportBatchItemFailures",), QUEUES | STREAMS | KAFKA),
        ("metrics_config", MetricsConfig(("EventCount",)), QUEUES | STREAMS | KAFKA),
        ("provisioned_poller_config", ProvisionedPollerConfig(2, 3), QUEUES | KAFKA),
        ("amazon_managed_kafka_event_source_config", KafkaConfig("g"), {SourceKind.MSK}),
        ("self_managed_kafka_event_source_config", KafkaConfig("g"), {SourceKind.SELF_MANAGED_KAFKA}),
        ("document_db_event_source_config", DocumentDbConfig("d"), {SourceKind.DOCUMENTDB}),
        ("filter_criteria", filters('{"a":[1]}'), set(SourceKind)),
        ("kms_key_arn", "arn:aws:kms:eu-west-1:123456789012:key/k", set(SourceKind)),
        ("batch_size", 5, set(SourceKind)),
        ("maximum_batching_window_in_seconds", 5, set(SourceKind) - {SourceKind.SQS_FIFO}),
        ("maximum_retry_attempts", 5, STREAMS),
        ("maximum_record_age_in_seconds", 60, STREAMS),
        ("bisect_batch_on_function_error", True, STREAMS),
    ],
)
def test_a_setting_of_other_sources_is_refused(member: str, value: object, having: set[SourceKind]) -> None:
    for kind in SourceKind:
        if kind in having:
            assert getattr(new(kind, **{member: value}), member) is not None
        else:
            assert refused(kind, **{member: value})


def test_the_texts_for_settings_of_other_sources() -> None:
    """Source: recorded for destinations; observed for the others (pulumi/pulumi-aws#1418, boto/boto3#1613)."""
    assert refused(SourceKind.SQS, destination_config=DEAD_LETTERS) == (
        "Unsupported DestinationConfig parameter for given event source mapping type."
    )
    assert refused(SourceKind.MQ, tumbling_window_in_seconds=1) == (
        "Unsupported 'tumblingWindowInSeconds' parameter for given event source mapping type."
    )
    assert refused(SourceKind.SQS, starting_position="LATEST") == (
        "StartingPosition is not valid for SQS event sources."
    )


def test_empty_settings_of_other_sources_are_no_trouble() -> None:
    settings = new(
        SourceKind.SQS,
        destination_config=NOTHING_TO_REPORT,
        source_access_configurations=(),
        bisect_batch_on_function_error=False,
        kms_key_arn="",
        self_managed_event_source=SelfManagedEventSource({}),
    )
    assert settings == new(SourceKind.SQS)


# --- d: batch size ---


def test_batches_of_fifo_queues_are_at_most_ten() -> None:
    assert new(SourceKind.SQS_FIFO, batch_size=10).batch_size == 10
    assert refused(SourceKind.SQS_FIFO, batch_size=11) == "Maximum batch size must be between 1 and 10 inclusive"


# --- e: starting position ---


@pytest.mark.parametrize("kind", [*sorted(STREAMS), SourceKind.DOCUMENTDB])
def test_a_stream_needs_a_starting_position(kind: SourceKind) -> None:
    assert refused(kind, starting_position=None) == (
        "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
        "Member must not be null."
    )


def test_a_moment_to_start_at() -> None:
    yesterday = NOW - timedelta(days=1)
    at = {"starting_position": "AT_TIMESTAMP"}
    assert new(SourceKind.KINESIS, **at, starting_position_timestamp=yesterday).starting_position_timestamp == yesterday
    accepted(SourceKind.MSK, **at, starting_position_timestamp=NOW)
    assert refused(SourceKind.DYNAMODB, **at, starting_position_timestamp=yesterday) == (
        f"Unsupported starting position for arn type: {STREAM_ARN}"
    )
    assert refused(SourceKind.KINESIS, **at) == "Need to specify a timestamp"
    assert refused(SourceKind.KINESIS, **at, starting_position_timestamp=NOW + timedelta(seconds=1))
    assert refused(SourceKind.KINESIS, starting_position_timestamp=yesterday)


# --- what a source can't be read without ---


@pytest.mark.parametrize(
    ("kind", "member", "name"),
    [
        (SourceKind.MSK, "topics", "topics"),
        (SourceKind.SELF_MANAGED_KAFKA, "topics", "topics"),
        (SourceKind.SELF_MANAGED_KAFKA, "self_managed_event_source", "selfManagedEventSource.endpoints"),
        (SourceKind.MQ, "queues", "queues"),
        (SourceKind.MQ, "source_access_configurations", "sourceAccessConfigurations"),
        (SourceKind.DOCUMENTDB, "document_db_event_source_config", "documentDBEventSourceConfig.databaseName"),
        (SourceKind.DOCUMENTDB, "source_access_configurations", "sourceAccessConfigurations"),
    ],
)
def test_what_a_source_needs(kind: SourceKind, member: str, name: str) -> None:
    assert refused(kind, **{member: None}) == f"Required '{name}' parameter is missing."


# --- f: windows ---


def test_large_batches_of_a_queue_need_a_window() -> None:
    text = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    assert refused(SourceKind.SQS, batch_size=11) == text
    assert refused(SourceKind.SQS, batch_size=11, maximum_batching_window_in_seconds=0) == text
    accepted(SourceKind.SQS, batch_size=11, maximum_batching_window_in_seconds=1)
    accepted(SourceKind.KINESIS, batch_size=10_000)


def test_fifo_queues_have_no_window() -> None:
    text = "Batching window is not supported for FIFO queues"
    assert refused(SourceKind.SQS_FIFO, maximum_batching_window_in_seconds=1) == text
    accepted(SourceKind.SQS_FIFO, maximum_batching_window_in_seconds=0)


# --- retries, destinations, pollers, metrics ---


@pytest.mark.parametrize("age", [0, 1, 59])
def test_ages_below_a_minute_are_refused(age: int) -> None:
    assert refused(SourceKind.KINESIS, maximum_record_age_in_seconds=age) == (
        "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)"
    )
    accepted(SourceKind.KINESIS, maximum_record_age_in_seconds=60)


def test_kafka_retries_with_pollers_of_its_own_only() -> None:
    pollers = {"provisioned_poller_config": ProvisionedPollerConfig(1, 2)}
    for retries in ({"maximum_retry_attempts": 0}, {"bisect_batch_on_function_error": True}):
        accepted(SourceKind.MSK, **retries, **pollers)
        assert "Unsupported" in refused(SourceKind.MSK, **retries)
    queue = {"self_managed_kafka_event_source_config": KafkaConfig(consumption_mode="Queue"), **pollers}
    accepted(SourceKind.SELF_MANAGED_KAFKA, **queue, maximum_retry_attempts=3)
    assert refused(SourceKind.SELF_MANAGED_KAFKA, **queue, maximum_retry_attempts=-1)


@pytest.mark.parametrize(
    ("kind", "target", "is_right"),
    [
        (SourceKind.KINESIS, "arn:aws:sns:eu-west-1:123456789012:topic", True),
        (SourceKind.KINESIS, "arn:aws:s3:::bucket", True),
        (SourceKind.KINESIS, "arn:aws:lambda:eu-west-1:123456789012:function:f", False),
        (SourceKind.KINESIS, "kafka://topic", False),
        (SourceKind.MSK, "kafka://topic", True),
    ],
)
def test_where_discarded_batches_may_be_reported(kind: SourceKind, target: str, is_right: bool) -> None:
    config = DestinationConfig(on_failure=Destination(target))
    if is_right:
        assert new(kind, destination_config=config).destination_config == config
    else:
        assert target in refused(kind, destination_config=config)


@pytest.mark.parametrize(
    ("kind", "pollers"),
    [
        (SourceKind.SQS, ProvisionedPollerConfig(1, 5)),
        (SourceKind.SQS, ProvisionedPollerConfig(6, 5)),
        (SourceKind.MSK, ProvisionedPollerConfig(1, 2_001)),
    ],
)
def test_numbers_of_pollers_that_are_refused(kind: SourceKind, pollers: ProvisionedPollerConfig) -> None:
    assert refused(kind, provisioned_poller_config=pollers)


def test_pollers_and_maximum_concurrency_exclude_each_other() -> None:
    assert refused(
        SourceKind.SQS, provisioned_poller_config=ProvisionedPollerConfig(2), scaling_config=ScalingConfig(2)
    )


def test_metrics_depend_on_the_source() -> None:
    accepted(SourceKind.MSK, metrics_config=MetricsConfig(("EventCount", "ErrorCount", "KafkaMetrics")))
    assert "ErrorCount" in refused(SourceKind.SQS, metrics_config=MetricsConfig(("ErrorCount",)))


# --- g: filters ---


@pytest.mark.parametrize("pattern", [None, "", "x", '"x"', "{}", '{"eventSource": "aws:sqs"}'])
def test_a_pattern_must_be_an_event_pattern(pattern: str | None) -> None:
    assert refused(SourceKind.SQS, filter_criteria=filters(pattern)) == "Invalid filter pattern definition."


@pytest.mark.parametrize(("kind", "key"), [(SourceKind.KINESIS, "data"), (SourceKind.DYNAMODB, "dynamodb")])
def test_the_data_of_streams_is_json(kind: SourceKind, key: str) -> None:
    """Source: event-sources.md §8: a pattern for plain text is refused for streams, and right for queues."""
    assert refused(kind, filter_criteria=filters(f'{{"{key}":["text"]}}')) == "Invalid filter pattern definition."
    accepted(kind, filter_criteria=filters(f'{{"{key}":{{"a":["text"]}}}}'))
    accepted(SourceKind.SQS, filter_criteria=filters('{"body":["text"]}'))


def test_five_filters_are_enough() -> None:
    five = ['{"body":[1]}'] * 5
    assert new(SourceKind.SQS, filter_criteria=filters(*five)).patterns == tuple(five)
    assert "5" in refused(SourceKind.SQS, filter_criteria=filters(*five, five[0]))


def test_no_filters_are_no_criteria() -> None:
    assert new(SourceKind.SQS, filter_criteria=FilterCriteria()).filter_criteria is None
    assert new(SourceKind.SQS).patterns == ()


# --- updates (§5) ---


def test_what_is_not_sent_stays() -> None:
    current = new(
        SourceKind.SQS,
        batch_size=20,
        maximum_batching_window_in_seconds=3,
        filter_criteria=filters('{"body":[1]}'),
        scaling_config=ScalingConfig(7),
        function_response_types=("ReportBatchItemFailures",),
    )
    assert change(SourceKind.SQS, current) == current
    assert change(SourceKind.SQS, current, batch_size=30) == replace(current, batch_size=30)


def test_empty_structures_take_away_what_was_set() -> None:
    current = new(
        SourceKind.SQS,
        filter_criteria=filters('{"body":[1]}'),
        scaling_config=ScalingConfig(7),
        function_response_types=("ReportBatchItemFailures",),
        kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/k",
    )
    empty = change(
        SourceKind.SQS,
        current,
        filter_criteria=FilterCriteria(),
        scaling_config=ScalingConfig(),
        function_response_types=(),
        kms_key_arn="",
    )
    assert empty == new(SourceKind.SQS)
    stream = new(SourceKind.KINESIS, destination_config=DEAD_LETTERS)
    for config in (DestinationConfig(), NOTHING_TO_REPORT):
        assert change(SourceKind.KINESIS, stream, destination_config=config) == new(SourceKind.KINESIS)


def test_the_window_is_checked_with_the_batch_size_that_is_kept() -> None:
    current = new(SourceKind.SQS, batch_size=20, maximum_batching_window_in_seconds=3)
    with pytest.raises(InvalidParameterValue, match="Maximum batch window in seconds must be greater than 0"):
        change(SourceKind.SQS, current, maximum_batching_window_in_seconds=0)
    assert change(SourceKind.SQS, current, maximum_batching_window_in_seconds=0, batch_size=10).batch_size == 10


def test_numbers_of_an_update_are_checked() -> None:
    with pytest.raises(InvalidParameterValue, match="between 1 and 10"):
        change(SourceKind.SQS_FIFO, new(SourceKind.SQS_FIFO), batch_size=11)
    with pytest.raises(InvalidParameterValue, match="Unsupported"):
        change(SourceKind.SQS, new(SourceKind.SQS), parallelization_factor=2)


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        (SourceKind.MSK, "amazon_managed_kafka_event_source_config"),
        (SourceKind.SELF_MANAGED_KAFKA, "self_managed_kafka_event_source_config"),
    ],
)
def test_the_consumer_group_stays(kind: SourceKind, member: str) -> None:
    current = new(kind, **{member: KafkaConfig("mine", consumption_mode="Stream")})
    assert change(kind, current, **{member: KafkaConfig()}) == current
    assert change(kind, current, **{member: KafkaConfig("mine")}) == current
    registry = SchemaRegistryConfig("https://registry", "JSON")
    changed = change(kind, current, **{member: KafkaConfig(schema_registry_config=registry)})
    assert changed.kafka == KafkaConfig("mine", registry, "Stream")
    assert change(kind, changed, batch_size=7).kafka == changed.kafka
    with pytest.raises(InvalidParameterValue, match="ConsumerGroupId"):
        change(kind, current, **{member: KafkaConfig("yours")})
    with pytest.raises(InvalidParameterValue, match="ConsumptionMode"):
        change(kind, current, **{member: KafkaConfig(consumption_mode="Queue")})


def test_the_database_stays_unless_another_is_sent() -> None:
    current = new(SourceKind.DOCUMENTDB)
    changed = change(
        SourceKind.DOCUMENTDB, current, document_db_event_source_config=DocumentDbConfig(collection_name="c")
    )
    assert changed.document_db_event_source_config == DocumentDbConfig("d", "c", "Default")
    assert change(SourceKind.DOCUMENTDB, changed, batch_size=3).document_db_event_source_config == DocumentDbConfig(
        "d", "c", "Default"
    )


def test_credentials_of_a_broker_can_be_replaced_and_not_taken_away() -> None:
    current = new(SourceKind.MQ)
    other = (AccessConfiguration("BASIC_AUTH", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:other"),)
    assert change(SourceKind.MQ, current, source_access_configurations=other).source_access_configurations == other
    with pytest.raises(InvalidParameterValue, match="sourceAccessConfigurations"):
        change(SourceKind.MQ, current, source_access_configurations=())


@pytest.mark.parametrize("value", [None, "", (), {}, False, NOTHING, DestinationConfig(on_failure=Destination(""))])
def test_values_that_ask_for_nothing(value: object) -> None:
    assert asks_for_nothing(value)


@pytest.mark.parametrize("value", [0, -1, True, "x", ("x",), filters(None), {"a": ()}])
def test_values_that_ask_for_something(value: object) -> None:
    assert not asks_for_nothing(value)
