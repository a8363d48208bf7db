"""CreateFunctionUrlConfig, GetFunctionUrlConfig, UpdateFunctionUrlConfig, DeleteFunctionUrlConfig, and the list."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lambent.core.function_urls import DEFAULT_INVOKE_MODE, Cors, FunctionUrlConfig, UrlChange, function_url
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.function_configuration import without_none
from lambent.gateway.operations.pages import BY_NAME, render_page


async def create_function_url_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, CreateFunctionUrlConfig. InvokeMode is there only if it was sent (recorded)."""
    function, change = context.reference(request), _change(request)
    config = await context.services.function_urls.create(
        context.scope, function.name, function.qualifier, request["auth_type"], change
    )
    return _render(context, config)


async def get_function_url_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetFunctionUrlConfig."""
    function = context.reference(request)
    return _render_whole(
        context, await context.services.function_urls.get(context.scope, function.name, function.qualifier)
    )


async def update_function_url_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, UpdateFunctionUrlConfig. InvokeMode is there only if it was ever sent (recorded)."""
    function, change = context.reference(request), _change(request)
    config = await context.services.function_urls.update(context.scope, function.name, function.qualifier, change)
    return {**_render(context, config), "last_modified_time": _time(config.modified_ms)}


async def delete_function_url_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteFunctionUrlConfig."""
    function = context.reference(request)
    await context.services.function_urls.delete(context.scope, function.name, function.qualifier)
    return {}


async def list_function_url_configs(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListFunctionUrlConfigs. An alias must be there; it limits nothing (unverified)."""
    function = context.reference(request)
    return await render_page(
        request,
        "function_url_configs",
        lambda after, limit: context.services.function_urls.list_urls(
            context.scope, function.name, function.qualifier, after=after, limit=limit
        ),
        keys=BY_NAME,
        key=lambda config: config.qualifier,
        render=lambda config: _render_whole(context, config),
    )


def _change(request: Mapping[str, Any]) -> UrlChange:
    cors = request.get("cors")
    return UrlChange(
        auth_type=request.get("auth_type"),
        cors=None if cors is None else Cors.of(cors),
        invoke_mode=request.get("invoke_mode"),
    )


def _render(context: OperationContext, config: FunctionUrlConfig) -> dict[str, Any]:
    return without_none(
        {
            "function_url": function_url(
                config.url_id, region=config.scope.region, base_url=context.base_url, domain=context.url_domain
            ),
            "function_arn": config.function_arn,
            "auth_type": config.auth_type,
            "cors": None if config.cors is None else config.cors.members(),
            "creation_time": _time(config.created_ms),
            "invoke_mode": config.invoke_mode,
        }
    )


def _render_whole(context: OperationContext, config: FunctionUrlConfig) -> dict[str, Any]:
    return {
        **_render(context, config),
        "last_modified_time": _time(config.modified_ms),
        "invoke_mode": config.invoke_mode or DEFAULT_INVOKE_MODE,
    }


def _time(milliseconds: int) -> str:
    """As these operations write it: 2025-01-31T12:34:56.789000Z. Source: observed."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}000Z"
