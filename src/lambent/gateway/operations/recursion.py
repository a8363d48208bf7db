"""PutFunctionRecursionConfig and GetFunctionRecursionConfig."""

from typing import Any

from lambent.gateway.operations.context import OperationContext


async def put_function_recursion_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, PutFunctionRecursionConfig."""
    name = context.reference(request).name
    await context.services.recursion.put(context.scope, name, request["recursive_loop"])
    return {"recursive_loop": request["recursive_loop"]}


async def get_function_recursion_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetFunctionRecursionConfig."""
    name = context.reference(request).name
    return {"recursive_loop": await context.services.recursion.get(context.scope, name)}
