"""Durable executions as AWS shows them to an account that has none: no function here can have a durable configuration.

What would start, steer or answer an execution are operations that Lambent doesn't have. Source of the text: unverified.
"""

from typing import Any

from lambent.core.errors import ResourceNotFound
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.pages import BY_NAME, read_marker


async def list_durable_executions_by_function(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListDurableExecutionsByFunction; none of a function, version or alias that is there."""
    function = context.reference(request)
    read_marker(request, BY_NAME)
    await context.services.functions.get(context.scope, function.name, function.qualifier)
    return {"durable_executions": []}


async def get_durable_execution(_context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetDurableExecution."""
    raise _not_found(request)


async def get_durable_execution_history(_context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetDurableExecutionHistory."""
    raise _not_found(request)


async def delete_durable_execution(_context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteDurableExecution."""
    raise _not_found(request)


def _not_found(request: dict[str, Any]) -> ResourceNotFound:
    return ResourceNotFound(f"Durable execution not found: {request['durable_execution_arn']}")
