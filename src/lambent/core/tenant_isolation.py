"""Tenant isolation: a function with TenancyConfig `PER_TENANT` is invoked for a tenant, and others never are.

Environments of such a function belong to one tenant each (`environments.fleet`); concurrency is the function's.

Source: api-durable-capacity.md §4. The first message is AWS's (its announcement and public reports show it), the second
unverified.
"""

from lambent.core.errors import InvalidParameterValue


def tenant_mismatch(*, per_tenant: bool) -> InvalidParameterValue:
    """The answer to an invocation that names no tenant and must, or names one and mustn't."""
    if per_tenant:
        return InvalidParameterValue(
            "The invoked function is enabled with tenancy configuration. "
            "Add a valid tenant ID in your request and try again."
        )
    return InvalidParameterValue(
        "The invoked function is not enabled with tenancy configuration. "
        "Remove the tenant ID from your request and try again."
    )
