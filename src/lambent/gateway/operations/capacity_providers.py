"""Capacity providers as AWS shows them to an account that has none: Lambent's functions run on its own host.

Creating one is an operation that Lambent doesn't have. Source of the text: api-errors.md §4 (recorded of the operations
of tags).
"""

from typing import Any

from lambent.core.arn import PARTITION
from lambent.core.errors import ResourceNotFound
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.pages import BY_NAME, read_marker


async def list_capacity_providers(_context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListCapacityProviders."""
    read_marker(request, BY_NAME)
    return {"capacity_providers": []}


async def get_capacity_provider(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetCapacityProvider."""
    raise _not_found(context, request)


async def update_capacity_provider(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, UpdateCapacityProvider."""
    raise _not_found(context, request)


async def delete_capacity_provider(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteCapacityProvider."""
    raise _not_found(context, request)


async def list_function_versions_by_capacity_provider(
    context: OperationContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Source: API reference, ListFunctionVersionsByCapacityProvider."""
    raise _not_found(context, request)


def _not_found(context: OperationContext, request: dict[str, Any]) -> ResourceNotFound:
    named: str = request["capacity_provider_name"]
    scope = context.scope
    prefix = (
        "" if named.startswith("arn:") else f"arn:{PARTITION}:lambda:{scope.region}:{scope.account}:capacity-provider:"
    )
    return ResourceNotFound(f"Capacity provider not found: {prefix}{named}")
