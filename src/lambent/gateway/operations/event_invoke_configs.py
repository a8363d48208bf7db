"""PutFunctionEventInvokeConfig, UpdateFunctionEventInvokeConfig, and getting, deleting and listing them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lambent.core.event_invoke_configs import Destinations, EventInvokeChange, EventInvokeConfig
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.function_configuration import without_none
from lambent.gateway.operations.pages import BY_NAME, render_page


async def put_function_event_invoke_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, PutFunctionEventInvokeConfig."""
    function, configs = context.reference(request), context.services.event_invoke_configs
    return _render(await configs.put(context.scope, function.name, function.qualifier, _change(request)))


async def update_function_event_invoke_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, UpdateFunctionEventInvokeConfig."""
    function, configs = context.reference(request), context.services.event_invoke_configs
    return _render(await configs.update(context.scope, function.name, function.qualifier, _change(request)))


async def get_function_event_invoke_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetFunctionEventInvokeConfig."""
    function, configs = context.reference(request), context.services.event_invoke_configs
    return _render(await configs.get(context.scope, function.name, function.qualifier))


async def delete_function_event_invoke_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteFunctionEventInvokeConfig."""
    function = context.reference(request)
    await context.services.event_invoke_configs.delete(context.scope, function.name, function.qualifier)
    return {}


async def list_function_event_invoke_configs(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListFunctionEventInvokeConfigs.

    A qualifier must be there; it limits nothing (unverified).
    """
    function = context.reference(request)
    return await render_page(
        request,
        "function_event_invoke_configs",
        lambda after, limit: context.services.event_invoke_configs.list_configs(
            context.scope, function.name, function.qualifier, after=after, limit=limit
        ),
        keys=BY_NAME,
        key=lambda config: config.qualifier,
        render=_render,
    )


def _change(request: Mapping[str, Any]) -> EventInvokeChange:
    """An empty destination is none. Source: the API model's pattern allows it; what it means is unverified."""
    destinations = request.get("destination_config")
    return EventInvokeChange(
        maximum_retry_attempts=request.get("maximum_retry_attempts"),
        maximum_event_age_seconds=request.get("maximum_event_age_in_seconds"),
        destinations=None
        if destinations is None
        else Destinations(_destination(destinations, "on_success"), _destination(destinations, "on_failure")),
    )


def _destination(destinations: Mapping[str, Any], outcome: str) -> str | None:
    return (destinations.get(outcome) or {}).get("destination") or None


def _render(config: EventInvokeConfig) -> dict[str, Any]:
    return without_none(
        {
            "function_arn": config.arn,
            "last_modified": datetime.fromtimestamp(config.modified_ms / 1_000, UTC),
            "maximum_retry_attempts": config.maximum_retry_attempts,
            "maximum_event_age_in_seconds": config.maximum_event_age_seconds,
            "destination_config": {
                "on_success": without_none({"destination": config.destinations.on_success}),
                "on_failure": without_none({"destination": config.destinations.on_failure}),
            },
        }
    )
