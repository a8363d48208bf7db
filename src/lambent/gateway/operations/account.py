"""GetAccountSettings."""

from typing import Any

from lambent.gateway.operations.context import OperationContext


async def get_account_settings(context: OperationContext, _request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetAccountSettings."""
    settings = await context.services.account.settings(context.scope)
    limits, usage = settings.limits, settings.usage
    return {
        "account_limit": {
            "total_code_size": limits.total_code_size,
            "code_size_unzipped": limits.code_size_unzipped,
            "code_size_zipped": limits.code_size_zipped,
            "concurrent_executions": limits.concurrent_executions,
            "unreserved_concurrent_executions": settings.unreserved_concurrency,
        },
        "account_usage": {"total_code_size": usage.total_code_size, "function_count": usage.function_count},
    }
