"""The operations of event source mappings.

What was never set and has no default is absent. Source: api-event-source-mappings.md §3 (recorded from AWS).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from lambent.core.arn import FunctionReference
from lambent.core.mappings.mapping import EventSourceMapping
from lambent.core.mappings.settings import MappingSettings
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.pages import BY_NAME, render_page
from lambent.services.event_source_mappings import MappingUpdate, NewMapping

_MAX_PAGE = 100


async def create_event_source_mapping(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, CreateEventSourceMapping."""
    enabled = request.get("enabled")
    new = NewMapping(
        function=context.reference(request, with_qualifier=False),
        source_arn=request.get("event_source_arn"),
        settings=_settings(request),
        enabled=True if enabled is None else enabled,
        tags=request.get("tags") or {},
    )
    return _render(await context.services.event_source_mappings.create(context.scope, new))


async def get_event_source_mapping(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetEventSourceMapping."""
    return _render(await context.services.event_source_mappings.get(context.scope, _uuid(request)))


async def update_event_source_mapping(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, UpdateEventSourceMapping."""
    update = MappingUpdate(
        uuid=_uuid(request),
        function=_function(context, request),
        settings=_settings(request),
        enabled=request.get("enabled"),
    )
    return _render(await context.services.event_source_mappings.update(context.scope, update))


async def delete_event_source_mapping(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteEventSourceMapping."""
    return _render(await context.services.event_source_mappings.delete(context.scope, _uuid(request)))


async def list_event_source_mappings(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListEventSourceMappings; at most 100 on a page, however many are asked for."""
    function = _function(context, request)
    return await render_page(
        request,
        "event_source_mappings",
        lambda after, limit: context.services.event_source_mappings.list_mappings(
            context.scope, function=function, source_arn=request.get("event_source_arn"), after=after, limit=limit
        ),
        keys=BY_NAME,
        key=lambda mapping: mapping.uuid,
        render=_render_listed,
        largest=_MAX_PAGE,
    )


def _uuid(request: Mapping[str, Any]) -> str:
    uuid: str = request["uuid"]
    return uuid.lower()


def _function(context: OperationContext, request: Mapping[str, Any]) -> FunctionReference | None:
    if request.get("function_name") is None:
        return None
    return context.reference(request, with_qualifier=False)


def _settings(request: Mapping[str, Any]) -> MappingSettings:
    """The settings of a request: the names are the API's, and the model's constraints hold."""
    return msgspec.convert(request, MappingSettings)


def _render(mapping: EventSourceMapping) -> dict[str, Any]:
    settings = msgspec.to_builtins(mapping.settings, builtin_types=(datetime,))
    shown: dict[str, Any] = _without_none(settings)
    return {
        **shown,
        "uuid": mapping.uuid,
        "event_source_mapping_arn": mapping.arn,
        "event_source_arn": mapping.source.arn,
        "function_arn": mapping.function_arn,
        "last_modified": datetime.fromtimestamp(mapping.last_modified_ms / 1000, UTC),
        "last_processing_result": mapping.last_processing_result,
        "state": mapping.state,
        "state_transition_reason": mapping.state_transition_reason,
    }


def _render_listed(mapping: EventSourceMapping) -> dict[str, Any]:
    """A mapping as an item of a list: filter criteria that are encrypted aren't shown (documented)."""
    shown = _render(mapping)
    if mapping.settings.kms_key_arn is not None:
        shown.pop("filter_criteria", None)
    return shown


def _without_none(value: Any) -> Any:
    """The members that have a value, at every level."""
    if isinstance(value, dict):
        return {name: _without_none(member) for name, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [_without_none(element) for element in value]
    return value
