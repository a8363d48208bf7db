"""PutFunctionConcurrency, GetFunctionConcurrency and DeleteFunctionConcurrency."""

from typing import Any

from lambent.core.function_rules import unqualified_name
from lambent.gateway.operations.context import OperationContext


async def put_function_concurrency(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, PutFunctionConcurrency."""
    name = unqualified_name(context.reference(request))
    reserved = request["reserved_concurrent_executions"]
    return {"reserved_concurrent_executions": await context.services.concurrency.put(context.scope, name, reserved)}


async def get_function_concurrency(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetFunctionConcurrency; empty when nothing is reserved."""
    name = unqualified_name(context.reference(request))
    reserved = await context.services.concurrency.get(context.scope, name)
    return {} if reserved is None else {"reserved_concurrent_executions": reserved}


async def delete_function_concurrency(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteFunctionConcurrency."""
    name = unqualified_name(context.reference(request))
    await context.services.concurrency.delete(context.scope, name)
    return {}
