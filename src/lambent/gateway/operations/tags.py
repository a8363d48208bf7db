"""TagResource, UntagResource and ListTags."""

from typing import Any

from lambent.core.tags import parse_tagged_resource
from lambent.gateway.operations.context import OperationContext


async def tag_resource(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, TagResource."""
    resource = parse_tagged_resource(request["resource"], scope=context.scope)
    await context.services.tags.add(resource, request["tags"])
    return {}


async def untag_resource(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, UntagResource."""
    resource = parse_tagged_resource(request["resource"], scope=context.scope)
    await context.services.tags.remove(resource, request["tag_keys"])
    return {}


async def list_tags(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListTags."""
    resource = parse_tagged_resource(request["resource"], scope=context.scope)
    return {"tags": dict(await context.services.tags.tags_of(resource))}
