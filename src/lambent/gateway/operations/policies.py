"""The operations of the policies of functions, versions and aliases: single permissions, and whole documents."""

from collections.abc import Mapping
from typing import Any

from lambent.core.arn import FunctionReference
from lambent.core.permissions import Permission
from lambent.core.policies import Policy
from lambent.gateway.operations.context import OperationContext
from lambent.services.policies import no_such_resource


async def add_permission(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, AddPermission."""
    reference = context.reference(request)
    permission = Permission(
        statement_id=request["statement_id"],
        action=request["action"],
        principal=request["principal"],
        source_arn=request.get("source_arn"),
        source_account=request.get("source_account"),
        principal_org_id=request.get("principal_org_id"),
        event_source_token=request.get("event_source_token"),
        function_url_auth_type=request.get("function_url_auth_type"),
        invoked_via_function_url=request.get("invoked_via_function_url"),
    )
    statement = await context.services.policies.add_permission(
        context.scope, reference, permission, seen_revision=request.get("revision_id")
    )
    return {"statement": statement}


async def remove_permission(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, RemovePermission."""
    await context.services.policies.remove_permission(
        context.scope,
        context.reference(request),
        request["statement_id"],
        seen_revision=request.get("revision_id"),
    )
    return {}


async def get_policy(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetPolicy."""
    return _render(await context.services.policies.get(context.scope, context.reference(request)))


async def put_resource_policy(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, PutResourcePolicy."""
    policy = await context.services.policies.put(
        context.scope, _resource(context, request), request["policy"], seen_revision=request.get("revision_id")
    )
    return _render(policy)


async def get_resource_policy(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetResourcePolicy."""
    return _render(await context.services.policies.get(context.scope, _resource(context, request)))


async def delete_resource_policy(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteResourcePolicy."""
    await context.services.policies.delete(
        context.scope, _resource(context, request), seen_revision=request.get("revision_id")
    )
    return {}


def _resource(context: OperationContext, request: Mapping[str, Any]) -> FunctionReference:
    """The function, version or alias of an ARN.

    Raises:
        ResourceNotFound: another region's; or a `runtime/…`, which the pattern has and Lambent hasn't (unverified).
        AccessDenied: another account's.
    """
    arn: str = request["resource_arn"]
    if arn.split(":")[5] != "function":
        raise no_such_resource()
    return context.reference({"function_name": arn})


def _render(policy: Policy) -> dict[str, Any]:
    return {"policy": policy.text, "revision_id": policy.revision_id}
