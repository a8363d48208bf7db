"""PutRuntimeManagementConfig and GetRuntimeManagementConfig."""

from typing import Any

from lambent.core.arn import FunctionReference, function_arn
from lambent.core.runtime_management import RuntimeManagement
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.function_configuration import without_none


async def put_runtime_management_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, PutRuntimeManagementConfig."""
    function = context.reference(request)
    requested = RuntimeManagement(request["update_runtime_on"], request.get("runtime_version_arn"))
    management = await context.services.runtime_management.put(
        context.scope, function.name, function.qualifier, requested
    )
    return _render(context, function, management)


async def get_runtime_management_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetRuntimeManagementConfig."""
    function = context.reference(request)
    management = await context.services.runtime_management.get(context.scope, function.name, function.qualifier)
    return _render(context, function, management)


def _render(context: OperationContext, function: FunctionReference, management: RuntimeManagement) -> dict[str, Any]:
    """The ARN is qualified as the caller asked. Source: unverified."""
    return without_none(
        {
            "update_runtime_on": management.update_runtime_on,
            "function_arn": function_arn(context.scope, function.name, function.qualifier),
            "runtime_version_arn": management.runtime_version_arn,
        }
    )
