"""CreateAlias, GetAlias, UpdateAlias, DeleteAlias and ListAliases."""

from typing import Any

from lambent.core.aliases import Alias, AliasChange
from lambent.core.arn import function_arn
from lambent.core.function_rules import unqualified_name
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.pages import BY_NAME, render_page


async def create_alias(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, CreateAlias."""
    function = unqualified_name(context.reference(request))
    return _render(await context.services.aliases.create(context.scope, function, request["name"], _change(request)))


async def get_alias(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetAlias."""
    function = unqualified_name(context.reference(request))
    return _render(await context.services.aliases.get(context.scope, function, request["name"]))


async def update_alias(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, UpdateAlias."""
    function = unqualified_name(context.reference(request))
    return _render(await context.services.aliases.update(context.scope, function, request["name"], _change(request)))


async def delete_alias(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteAlias; it knows no error for what isn't there, a function neither."""
    function = unqualified_name(context.reference(request))
    await context.services.aliases.delete(context.scope, function, request["name"])
    return {}


async def list_aliases(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListAliases."""
    function = unqualified_name(context.reference(request))
    version = request.get("function_version")
    return await render_page(
        request,
        "aliases",
        lambda after, limit: context.services.aliases.list_aliases(
            context.scope, function, version=version, after=after, limit=limit
        ),
        keys=BY_NAME,
        key=lambda alias: alias.name,
        render=_render,
    )


def _change(request: dict[str, Any]) -> AliasChange:
    """A RoutingConfig without weights asks for none, as Terraform's provider sends it. Source: unverified."""
    routing = request.get("routing_config")
    return AliasChange(
        version=request.get("function_version"),
        description=request.get("description"),
        weights=None if routing is None else routing.get("additional_version_weights") or {},
        revision_id=request.get("revision_id"),
    )


def _render(alias: Alias) -> dict[str, Any]:
    """AliasConfiguration; RoutingConfig only where there is one."""
    answer: dict[str, Any] = {
        "alias_arn": function_arn(alias.scope, alias.function_name, alias.name),
        "name": alias.name,
        "function_version": alias.version,
        "description": alias.description,
        "revision_id": alias.revision_id,
    }
    if alias.routing is not None:
        answer["routing_config"] = {"additional_version_weights": {alias.routing.version: alias.routing.weight}}
    return answer
