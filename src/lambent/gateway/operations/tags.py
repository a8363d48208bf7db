"""ListTags: the tags that a function was created with."""

from typing import Any

from lambent.core.arn import parse_function_reference
from lambent.core.errors import InvalidParameterValue, ResourceNotFound
from lambent.gateway.operations.context import OperationContext

_FUNCTION_KIND = 5


async def list_tags(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListTags; api-errors.md §13 (recorded). Other kinds of resources don't exist yet."""
    arn: str = request["resource"]
    if arn.split(":")[_FUNCTION_KIND] != "function":
        raise ResourceNotFound("The resource you requested does not exist.")
    reference = parse_function_reference(arn, scope=context.scope)
    if reference.qualifier is not None:
        raise InvalidParameterValue(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    found = await context.services.functions.get(context.scope, reference.name, None)
    return {"tags": dict(found.function.tags)}
