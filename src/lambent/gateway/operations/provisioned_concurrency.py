"""PutProvisionedConcurrencyConfig, GetProvisionedConcurrencyConfig, ListProvisionedConcurrencyConfigs and Delete."""

from typing import Any

from lambent.core.arn import function_arn
from lambent.core.function_rules import unqualified_name
from lambent.core.provisioned import Allocation, ProvisionedConfig, check_put_qualifier, check_read_qualifier
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.function_configuration import timestamp, without_none
from lambent.gateway.operations.pages import BY_NAME, render_page


async def put_provisioned_concurrency_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, PutProvisionedConcurrencyConfig; nothing is allocated when it answers (recorded)."""
    name, qualifier = _qualified(context, request)
    check_put_qualifier(qualifier)
    config = await context.services.provisioned_concurrency.put(
        context.scope, name, qualifier, request["provisioned_concurrent_executions"]
    )
    return _render(config, Allocation())


async def get_provisioned_concurrency_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetProvisionedConcurrencyConfig."""
    name, qualifier = _qualified(context, request)
    check_read_qualifier(qualifier)
    return _render(*await context.services.provisioned_concurrency.get(context.scope, name, qualifier))


async def list_provisioned_concurrency_configs(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListProvisionedConcurrencyConfigs."""
    name = unqualified_name(context.reference(request))
    return await render_page(
        request,
        "provisioned_concurrency_configs",
        lambda after, limit: context.services.provisioned_concurrency.list_configs(
            context.scope, name, after=after, limit=limit
        ),
        keys=BY_NAME,
        key=lambda item: item[0].qualifier,
        render=lambda item: {"function_arn": function_arn(context.scope, name, item[0].qualifier), **_render(*item)},
    )


async def delete_provisioned_concurrency_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteProvisionedConcurrencyConfig."""
    name, qualifier = _qualified(context, request)
    check_read_qualifier(qualifier)
    await context.services.provisioned_concurrency.delete(context.scope, name, qualifier)
    return {}


def _qualified(context: OperationContext, request: dict[str, Any]) -> tuple[str, str]:
    reference = context.reference(request)
    assert reference.qualifier is not None  # required by the API model
    return reference.name, reference.qualifier


def _render(config: ProvisionedConfig, allocation: Allocation) -> dict[str, Any]:
    return without_none(
        {
            "requested_provisioned_concurrent_executions": config.requested,
            "allocated_provisioned_concurrent_executions": allocation.allocated,
            "available_provisioned_concurrent_executions": allocation.available,
            "status": allocation.status,
            "status_reason": allocation.failure,
            "last_modified": timestamp(config.last_modified_ms),
        }
    )
