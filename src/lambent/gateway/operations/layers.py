"""The operations of layers, their versions and their permissions."""

from collections.abc import Mapping
from typing import Any

from lambent.core.honesty import refuse_unsupported_settings
from lambent.core.layer_policies import LayerPermission
from lambent.core.layers import (
    LayerFilter,
    LayerReference,
    LayerVersion,
    LayerVersionReference,
    layer_arn,
    no_such_layer,
    parse_layer_reference,
    parse_layer_version_arn,
)
from lambent.core.policies import json_text
from lambent.core.versions import code_sha256_base64
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.function_configuration import timestamp, without_none
from lambent.gateway.operations.packages import package_request
from lambent.gateway.operations.pages import BY_NAME, BY_NUMBER, render_page
from lambent.services.layers import NewLayerVersion


async def publish_layer_version(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, PublishLayerVersion."""
    layer = _layer(context, request)
    refuse_unsupported_settings(request)
    new = NewLayerVersion(
        layer=layer,
        package=package_request(request["content"]),
        description=request.get("description") or "",
        compatible_runtimes=_names(request, "compatible_runtimes"),
        compatible_architectures=_names(request, "compatible_architectures"),
        license_info=request.get("license_info"),
    )
    return _render_with_content(context, await context.services.layers.publish(context.scope, new))


async def get_layer_version(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetLayerVersion."""
    reference = _version(context, request)
    return _render_with_content(context, await context.services.layers.get(context.scope, reference))


async def get_layer_version_by_arn(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetLayerVersionByArn."""
    reference = parse_layer_version_arn(request["arn"])
    if reference is None:
        raise no_such_layer()
    return _render_with_content(context, await context.services.layers.get(context.scope, reference))


async def list_layers(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListLayers."""
    return await render_page(
        request,
        "layers",
        lambda after, limit: context.services.layers.list_layers(
            context.scope, _filter(request), after=after, limit=limit
        ),
        keys=BY_NAME,
        key=lambda version: version.name,
        render=_render_layer,
    )


async def list_layer_versions(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListLayerVersions; the newest version first (recorded)."""
    layer = _layer(context, request)
    return await render_page(
        request,
        "layer_versions",
        lambda before, limit: context.services.layers.list_versions(
            context.scope, layer, _filter(request), before=before, limit=limit
        ),
        keys=BY_NUMBER,
        key=lambda version: version.version,
        render=_render,
    )


async def delete_layer_version(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteLayerVersion."""
    await context.services.layers.delete(context.scope, _version(context, request))
    return {}


async def add_layer_version_permission(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, AddLayerVersionPermission."""
    reference = _version(context, request)
    permission = LayerPermission(
        request["statement_id"],
        action=request["action"],
        principal=request["principal"],
        organization_id=request.get("organization_id") or None,
    )
    statement, revision_id = await context.services.layers.add_permission(
        context.scope, reference, permission, seen_revision=request.get("revision_id")
    )
    return {"statement": json_text(statement), "revision_id": revision_id}


async def get_layer_version_policy(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetLayerVersionPolicy."""
    reference = _version(context, request)
    policy = await context.services.layers.policy(context.scope, reference)
    return {"policy": policy.text, "revision_id": policy.revision_id}


async def remove_layer_version_permission(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, RemoveLayerVersionPermission."""
    await context.services.layers.remove_permission(
        context.scope,
        _version(context, request),
        request["statement_id"],
        seen_revision=request.get("revision_id"),
    )
    return {}


def _layer(context: OperationContext, request: Mapping[str, Any]) -> LayerReference:
    return parse_layer_reference(request["layer_name"], scope=context.scope)


def _version(context: OperationContext, request: Mapping[str, Any]) -> LayerVersionReference:
    return LayerVersionReference(*_layer(context, request), request["version_number"])


def _filter(request: Mapping[str, Any]) -> LayerFilter:
    return LayerFilter(request.get("compatible_runtime"), request.get("compatible_architecture"))


def _names(request: Mapping[str, Any], member: str) -> tuple[str, ...] | None:
    names = request.get(member)
    return None if names is None else tuple(names)


def _render(version: LayerVersion) -> dict[str, Any]:
    """A version as an item of a list: what was never sent is absent."""
    return without_none(
        {
            "layer_version_arn": version.arn,
            "version": version.version,
            "description": version.description,
            "created_date": timestamp(version.created_ms),
            "compatible_runtimes": _listed(version.compatible_runtimes),
            "compatible_architectures": _listed(version.compatible_architectures),
            "license_info": version.license_info,
        }
    )


def _render_layer(newest: LayerVersion) -> dict[str, Any]:
    return {
        "layer_name": newest.name,
        "layer_arn": layer_arn(newest.scope, newest.name),
        "latest_matching_version": _render(newest),
    }


def _render_with_content(context: OperationContext, version: LayerVersion) -> dict[str, Any]:
    return {
        **_render(version),
        "layer_arn": layer_arn(version.scope, version.name),
        "content": {
            "location": context.services.code_links.link(context.base_url, version.code),
            "code_sha256": code_sha256_base64(version.code.sha256),
            "code_size": version.code.size,
        },
    }


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)
