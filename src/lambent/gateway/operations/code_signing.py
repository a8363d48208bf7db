"""Code signing configs, and the config of a function."""

from typing import Any

from lambent.core.arn import function_arn
from lambent.core.code_signing import CodeSigningConfig, ConfigChange, UntrustedArtifact
from lambent.core.function_rules import unqualified_name
from lambent.core.tags import check_tags
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.function_configuration import timestamp
from lambent.gateway.operations.pages import BY_NAME, render_page
from lambent.services.code_signing import NewConfig


async def create_code_signing_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, CreateCodeSigningConfig."""
    tags = dict(request.get("tags") or {})
    check_tags(tags)
    new = NewConfig(
        publishers=_publishers(request) or (),
        policy=_policy(request) or UntrustedArtifact.WARN,
        description=request.get("description") or "",
        tags=tags,
    )
    return {"code_signing_config": _render(await context.services.code_signing.create(context.scope, new))}


async def get_code_signing_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetCodeSigningConfig."""
    config = await context.services.code_signing.get(context.scope, request["code_signing_config_arn"])
    return {"code_signing_config": _render(config)}


async def update_code_signing_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, UpdateCodeSigningConfig; what isn't sent stays as it is."""
    change = ConfigChange(_publishers(request), _policy(request), request.get("description"))
    config = await context.services.code_signing.update(context.scope, request["code_signing_config_arn"], change)
    return {"code_signing_config": _render(config)}


async def delete_code_signing_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteCodeSigningConfig."""
    await context.services.code_signing.delete(context.scope, request["code_signing_config_arn"])
    return {}


async def list_code_signing_configs(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListCodeSigningConfigs."""
    return await render_page(
        request,
        "code_signing_configs",
        lambda after, limit: context.services.code_signing.list_configs(context.scope, after=after, limit=limit),
        keys=BY_NAME,
        key=lambda config: config.config_id,
        render=_render,
    )


async def list_functions_by_code_signing_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListFunctionsByCodeSigningConfig."""
    arn = request["code_signing_config_arn"]
    return await render_page(
        request,
        "function_arns",
        lambda after, limit: context.services.code_signing.list_functions(context.scope, arn, after=after, limit=limit),
        keys=BY_NAME,
        key=lambda name: name,
        render=lambda name: function_arn(context.scope, name),
    )


async def put_function_code_signing_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, PutFunctionCodeSigningConfig."""
    name = unqualified_name(context.reference(request))
    arn = request["code_signing_config_arn"]
    await context.services.code_signing.put_of_function(context.scope, name, arn)
    return {"code_signing_config_arn": arn, "function_name": name}


async def get_function_code_signing_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetFunctionCodeSigningConfig; empty for a function that has none (recorded)."""
    name = unqualified_name(context.reference(request))
    config = await context.services.code_signing.of_function(context.scope, name)
    return {} if config is None else {"code_signing_config_arn": config.arn, "function_name": name}


async def delete_function_code_signing_config(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteFunctionCodeSigningConfig."""
    name = unqualified_name(context.reference(request))
    await context.services.code_signing.delete_of_function(context.scope, name)
    return {}


def _publishers(request: dict[str, Any]) -> tuple[str, ...] | None:
    publishers = request.get("allowed_publishers")
    return None if publishers is None else tuple(publishers["signing_profile_version_arns"])


def _policy(request: dict[str, Any]) -> UntrustedArtifact | None:
    policy = (request.get("code_signing_policies") or {}).get("untrusted_artifact_on_deployment")
    return None if policy is None else UntrustedArtifact(policy)


def _render(config: CodeSigningConfig) -> dict[str, Any]:
    return {
        "code_signing_config_id": config.config_id,
        "code_signing_config_arn": config.arn,
        "description": config.description,
        "allowed_publishers": {"signing_profile_version_arns": list(config.publishers)},
        "code_signing_policies": {"untrusted_artifact_on_deployment": config.policy},
        "last_modified": timestamp(config.last_modified_ms),
    }
