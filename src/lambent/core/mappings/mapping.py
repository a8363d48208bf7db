"""A mapping: source, function, settings and state; how the state moves, and when two mappings are the same.

Every change is committed in a transitional state, and nothing more may be changed until it is settled.
Source: api-event-source-mappings.md §1, §2, §3 (recorded from AWS where not said otherwise).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from lambent.core.arn import PARTITION, FunctionReference, function_arn
from lambent.core.errors import InvalidParameterValue, ResourceConflict, ResourceInUse, ResourceNotFound
from lambent.core.mappings.settings import MappingSettings
from lambent.core.mappings.sources import KAFKA, QUEUES, STREAMS, EventSource, SourceKind
from lambent.core.scope import Scope


class MappingState(StrEnum):
    """What a mapping is doing."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    DISABLING = "Disabling"
    DISABLED = "Disabled"
    UPDATING = "Updating"
    DELETING = "Deleting"


SETTLED: Final = frozenset({MappingState.ENABLED, MappingState.DISABLED})
NO_RECORDS: Final = "No records processed"


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """One mapping."""

    scope: Scope
    uuid: str
    function: FunctionReference
    """With the qualifier that the caller named, `$LATEST` too; None where it named none."""
    source: EventSource
    settings: MappingSettings
    enabled: bool
    """What the caller wants; the state gets there."""
    state: MappingState
    last_modified_ms: int
    last_processing_result: str | None
    """None of queues, which never show one."""
    revision: int = 1
    """Goes up with every write: a change that was decided on another one is decided again."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Its own ARN."""
        return mapping_arn(self.scope, self.uuid)

    @property
    def function_arn(self) -> str:
        """The function's ARN, qualified as the caller named it."""
        return function_arn(self.scope, self.function.name, self.function.qualifier)

    @property
    def state_transition_reason(self) -> str:
        """Why the state changed last. Source: recorded; of MSK, MQ and DocumentDB unverified."""
        return "User action" if self.source.kind in STREAMS else "USER_INITIATED"

    @property
    def source_key(self) -> str | None:
        """What no two mappings of one function have in common; None where it takes more than a comparison."""
        if self.source.arn is None:
            return None
        database = self.settings.document_db_event_source_config
        parts = [self.source.arn, *(self.settings.topics or ()), *(self.settings.queues or ())]
        if database is not None:
            parts += [database.database_name or "", database.collection_name or ""]
        return "\n".join(parts)


def mapping_arn(scope: Scope, uuid: str) -> str:
    """The ARN of a mapping."""
    return f"arn:{PARTITION}:lambda:{scope.region}:{scope.account}:event-source-mapping:{uuid}"


def created(
    scope: Scope,
    uuid: str,
    *,
    function: FunctionReference,
    source: EventSource,
    settings: MappingSettings,
    enabled: bool,
    now_ms: int,
    tags: Mapping[str, str],
) -> EventSourceMapping:
    """A new mapping: Creating, or Disabled at once."""
    return EventSourceMapping(
        scope=scope,
        uuid=uuid,
        function=function,
        source=source,
        settings=settings,
        enabled=enabled,
        state=MappingState.CREATING if enabled else MappingState.DISABLED,
        last_modified_ms=now_ms,
        last_processing_result=None if source.kind in QUEUES else NO_RECORDS,
        tags=dict(tags),
    )


def updated(
    current: EventSourceMapping,
    *,
    function: FunctionReference,
    settings: MappingSettings,
    enabled: bool,
    now_ms: int,
) -> EventSourceMapping:
    """The mapping right after an update, even one that changes nothing."""
    if enabled == current.enabled:
        state = MappingState.UPDATING
    else:
        state = MappingState.ENABLING if enabled else MappingState.DISABLING
    return replace(
        current,
        function=function,
        settings=settings,
        enabled=enabled,
        state=state,
        last_modified_ms=now_ms,
        revision=current.revision + 1,
    )


def deleted(current: EventSourceMapping) -> EventSourceMapping:
    """The mapping right after its deletion was asked for."""
    return replace(current, state=MappingState.DELETING, revision=current.revision + 1)


def settled(current: EventSourceMapping) -> EventSourceMapping | None:
    """What becomes of a mapping in transition; None: it is gone."""
    if current.state is MappingState.DELETING:
        return None
    state = MappingState.ENABLED if current.enabled else MappingState.DISABLED
    return replace(current, state=state, revision=current.revision + 1)


def check_not_in_use(current: EventSourceMapping, *, action: str) -> None:
    """Nothing is changed while a change is under way.

    Args:
        action: `update` or `delete`.

    Raises:
        ResourceInUse: the mapping is in transition. Source: observed.
    """
    if current.state not in SETTLED:
        raise ResourceInUse(f"Cannot {action} the event source mapping because it is in use.")


def duplicate_of(new: EventSourceMapping, others: Iterable[EventSourceMapping]) -> ResourceConflict | None:
    """The refusal of a mapping whose source and function another mapping, of any state, has already.

    Args:
        others: mappings of the same account and region.

    One is the same only with the same qualifier (`name` and `name:$LATEST` are two: unverified). Of sources with
    topics, queues or collections, those must be the same too (recorded for self-managed Kafka, else unverified).
    A consumer group belongs to one mapping of an account (documented; the text is unverified).
    """
    for other in others:
        if other.uuid == new.uuid:
            continue
        if other.function == new.function and _same_source(new, other):
            return ResourceConflict(_duplicate_text(new, other.uuid))
        group = new.settings.kafka.consumer_group_id
        if group is not None and group == other.settings.kafka.consumer_group_id:
            return ResourceConflict(f"The consumer group {group} is already used by the mapping with UUID {other.uuid}")
    return None


def no_such_mapping() -> ResourceNotFound:
    """The answer to a UUID that no mapping has."""
    return ResourceNotFound("The resource you requested does not exist.")


def no_such_function() -> InvalidParameterValue:
    """The answer to a function, version or alias that isn't there. Recorded for functions; a 400, not a 404."""
    return InvalidParameterValue("Function does not exist")


def _same_source(one: EventSourceMapping, other: EventSourceMapping) -> bool:
    if one.source_key is not None or other.source_key is not None:
        return one.source_key == other.source_key
    shared_broker = set(_brokers(one)) & set(_brokers(other))
    return bool(shared_broker) and one.settings.topics == other.settings.topics


def _brokers(mapping: EventSourceMapping) -> tuple[str, ...]:
    source = mapping.settings.self_managed_event_source
    return () if source is None else source.brokers


def _duplicate_text(new: EventSourceMapping, uuid: str) -> str:
    remedy = f"Please update or delete the existing mapping with UUID {uuid}"
    kind, arn, name = new.source.kind, new.source.arn, new.function.name
    if kind in QUEUES:
        return f'An event source mapping with SQS arn (" {arn} ") and function (" {name} ") already exists. {remedy}'
    if kind in KAFKA:
        source = ",".join(_brokers(new)) if kind is SourceKind.SELF_MANAGED_KAFKA else arn
        topics = ",".join(new.settings.topics or ())
        return (
            f'An event source mapping with event source ("{source}"), function ("{new.function_arn}"), '
            f'topics ("{topics}") already exists. {remedy}'
        )
    return f'The event source arn (" {arn} ") and function (" {name} ") provided mapping already exists. {remedy}'
