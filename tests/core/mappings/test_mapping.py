"""Source of the expected answers: api-event-source-mappings.md §1 to §3."""

from dataclasses import replace
from typing import Any

import pytest

from lambent.core.arn import FunctionReference
from lambent.core.errors import ResourceConflict, ResourceInUse
from lambent.core.mappings.mapping import (
    SETTLED,
    EventSourceMapping,
    MappingState,
    check_not_in_use,
    created,
    deleted,
    duplicate_of,
    no_such_function,
    no_such_mapping,
    settled,
    updated,
)
from lambent.core.mappings.settings import (
    NOTHING,
    DocumentDbConfig,
    KafkaConfig,
    MappingSettings,
    SelfManagedEventSource,
)
from lambent.core.mappings.sources import EventSource, SourceKind
from lambent.core.scope import Scope

SCOPE = Scope("123456789012", "eu-west-1")
FUNCTION = FunctionReference("f", None)
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"


def mapping(
    kind: SourceKind = SourceKind.SQS,
    *,
    uuid: str = "u1",
    function: FunctionReference = FUNCTION,
    settings: MappingSettings = NOTHING,
    enabled: bool = True,
    arn: str = "arn:aws:sqs:eu-west-1:123456789012:q",
) -> EventSourceMapping:
    return created(
        SCOPE,
        uuid,
        function=function,
        source=EventSource(kind, None if kind is SourceKind.SELF_MANAGED_KAFKA else arn),
        settings=settings,
        enabled=enabled,
        now_ms=1,
        tags={},
    )


def change(current: EventSourceMapping, **what: Any) -> EventSourceMapping:
    kept = {"function": current.function, "settings": current.settings, "enabled": current.enabled}
    return updated(current, now_ms=2, **{**kept, **what})


def state_after(current: EventSourceMapping) -> MappingState | None:
    after = settled(current)
    return None if after is None else after.state


def enabled() -> EventSourceMapping:
    after = settled(mapping())
    assert after is not None
    return after


def test_a_new_mapping_is_creating_then_enabled() -> None:
    assert mapping().state is MappingState.CREATING
    assert state_after(mapping()) is MappingState.ENABLED


def test_a_mapping_that_is_created_disabled_is_so_at_once() -> None:
    assert mapping(enabled=False).state is MappingState.DISABLED


def test_an_update_of_settings_leads_back_to_the_state_before() -> None:
    changed = change(enabled(), settings=MappingSettings(batch_size=5))
    assert (changed.state, state_after(changed)) == (MappingState.UPDATING, MappingState.ENABLED)
    disabled = change(mapping(enabled=False), settings=MappingSettings(batch_size=5))
    assert (disabled.state, state_after(disabled)) == (MappingState.UPDATING, MappingState.DISABLED)


def test_switching_off_and_on() -> None:
    off = change(enabled(), enabled=False)
    assert (off.state, state_after(off)) == (MappingState.DISABLING, MappingState.DISABLED)
    on = change(mapping(enabled=False), enabled=True)
    assert (on.state, state_after(on)) == (MappingState.ENABLING, MappingState.ENABLED)


def test_an_update_that_changes_nothing_is_an_update() -> None:
    changed = change(enabled(), enabled=True)
    assert changed.state is MappingState.UPDATING
    assert changed.last_modified_ms == 2
    assert changed.revision > enabled().revision


def test_what_is_deleted_is_gone() -> None:
    assert deleted(enabled()).state is MappingState.DELETING
    assert settled(deleted(enabled())) is None


@pytest.mark.parametrize("state", sorted(MappingState))
def test_nothing_is_changed_in_transition(state: MappingState) -> None:
    current = replace(mapping(), state=state)
    if state in SETTLED:
        check_not_in_use(current, action="update")
        return
    for action in ("update", "delete"):
        with pytest.raises(ResourceInUse) as raised:
            check_not_in_use(current, action=action)
        assert raised.value.message == f"Cannot {action} the event source mapping because it is in use."
        assert raised.value.status == 400


def test_its_names() -> None:
    one = mapping(function=FunctionReference("f", "$LATEST"))
    assert one.arn == "arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:u1"
    assert one.function_arn == FUNCTION_ARN + ":$LATEST"
    assert mapping().function_arn == FUNCTION_ARN


@pytest.mark.parametrize(
    ("kind", "reason", "result"),
    [
        (SourceKind.SQS, "USER_INITIATED", None),
        (SourceKind.SQS_FIFO, "USER_INITIATED", None),
        (SourceKind.KINESIS, "User action", "No records processed"),
        (SourceKind.DYNAMODB, "User action", "No records processed"),
        (SourceKind.SELF_MANAGED_KAFKA, "USER_INITIATED", "No records processed"),
    ],
)
def test_what_is_said_of_its_state(kind: SourceKind, reason: str, result: str | None) -> None:
    assert mapping(kind).state_transition_reason == reason
    assert mapping(kind).last_processing_result == result


# --- duplicates ---


def refusal(new: EventSourceMapping, *others: EventSourceMapping) -> str | None:
    conflict = duplicate_of(new, others)
    assert conflict is None or isinstance(conflict, ResourceConflict)
    return None if conflict is None else conflict.message


def test_the_same_queue_for_the_same_function() -> None:
    qualified = FunctionReference("f", "1")
    assert refusal(mapping(uuid="u2"), mapping()) == (
        'An event source mapping with SQS arn (" arn:aws:sqs:eu-west-1:123456789012:q ") and function (" f ") '
        "already exists. Please update or delete the existing mapping with UUID u1"
    )
    assert refusal(mapping(uuid="u2", function=qualified), mapping(function=qualified)) is not None
    assert refusal(mapping(uuid="u2"), deleted(mapping())) is not None


def test_the_same_stream_for_the_same_function() -> None:
    arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"
    one = mapping(SourceKind.KINESIS, arn=arn)
    assert refusal(replace(one, uuid="u2"), one) == (
        f'The event source arn (" {arn} ") and function (" f ") provided mapping already exists. '
        "Please update or delete the existing mapping with UUID u1"
    )


def test_what_is_no_duplicate() -> None:
    one = mapping()
    for other in (
        one,
        mapping(uuid="u2", function=FunctionReference("g", None)),
        mapping(uuid="u2", function=FunctionReference("f", "alias")),
        mapping(uuid="u2", arn="arn:aws:sqs:eu-west-1:123456789012:other"),
        kafka("u2", "h1:1"),
    ):
        assert refusal(other, one) is None


def kafka(uuid: str, *brokers: str, topic: str = "t", group: str | None = None) -> EventSourceMapping:
    settings = MappingSettings(
        self_managed_event_source=SelfManagedEventSource({"KAFKA_BOOTSTRAP_SERVERS": brokers}),
        topics=(topic,),
        self_managed_kafka_event_source_config=KafkaConfig(group or uuid),
    )
    return mapping(SourceKind.SELF_MANAGED_KAFKA, uuid=uuid, settings=settings)


def test_brokers_are_the_same_if_one_of_them_is() -> None:
    """The request's brokers are listed, and there are no spaces (recorded)."""
    assert refusal(kafka("u2", "h1:9092", "h2:9092"), kafka("u1", "h2:9092", "h3:9092")) == (
        f'An event source mapping with event source ("h1:9092,h2:9092"), function ("{FUNCTION_ARN}"), topics ("t") '
        "already exists. Please update or delete the existing mapping with UUID u1"
    )
    assert refusal(kafka("u2", "h1:9092"), kafka("u1", "h2:9092")) is None
    assert refusal(kafka("u2", "h1:9092", topic="other"), kafka("u1", "h1:9092")) is None


def test_a_consumer_group_belongs_to_one_mapping() -> None:
    other = replace(kafka("u1", "h1:1", group="g"), function=FunctionReference("another", None))
    assert "consumer group g" in str(refusal(kafka("u2", "h2:1", group="g"), other))


def test_topics_queues_and_collections_tell_sources_of_one_cluster_apart() -> None:
    def msk(uuid: str, topic: str) -> EventSourceMapping:
        return mapping(SourceKind.MSK, uuid=uuid, settings=MappingSettings(topics=(topic,)))

    def mq(uuid: str, queue: str) -> EventSourceMapping:
        return mapping(SourceKind.MQ, uuid=uuid, settings=MappingSettings(queues=(queue,)))

    def documents(uuid: str, collection: str | None) -> EventSourceMapping:
        config = DocumentDbConfig("d", collection)
        return mapping(
            SourceKind.DOCUMENTDB, uuid=uuid, settings=MappingSettings(document_db_event_source_config=config)
        )

    for make in (msk, mq, documents):
        assert refusal(make("u2", "a"), make("u1", "b")) is None
        assert refusal(make("u2", "a"), make("u1", "a")) is not None
    assert 'event source ("arn:' in str(refusal(msk("u2", "a"), msk("u1", "a")))


def test_what_is_not_there() -> None:
    assert no_such_mapping().message == "The resource you requested does not exist."
    assert (no_such_function().status, no_such_function().message) == (400, "Function does not exist")
