"""PutFunctionScalingConfig and GetFunctionScalingConfig: for functions on a capacity provider, of which there are none.

Source: API reference; the text is observed (api-durable-capacity.md §3).
"""

from typing import Any

from lambent.core.errors import AccessDenied
from lambent.gateway.operations.context import OperationContext


async def put_function_scaling_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Raises ResourceNotFound, or AccessDenied for every version that is there."""
    return await _refuse(context, request)


async def get_function_scaling_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Raises ResourceNotFound, or AccessDenied for every version that is there."""
    return await _refuse(context, request)


async def _refuse(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    function = context.reference(request)
    await context.services.functions.get(context.scope, function.name, function.qualifier)
    raise AccessDenied("The function provided by the arn does not contain a capacity provider configuration")
