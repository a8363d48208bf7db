"""What CreateFunction and UpdateFunctionConfiguration ask for: from the decoded request to the core's types.

A structure without members asks for nothing: DeadLetterConfig `{}` is recorded to leave the target as it is; that
VpcConfig `{}` does the same is unverified.
"""

from collections.abc import Mapping
from typing import Any

from lambent.core.function import VpcSettings
from lambent.core.function_features import DurableRequest, RequestedFeatures
from lambent.core.function_settings import RequestedLogging, RequestedSettings
from lambent.core.honesty import unsupported_setting


def requested_settings(request: Mapping[str, Any]) -> RequestedSettings:
    """The settings that are kept."""
    environment = request.get("environment")
    architectures = request.get("architectures")
    layers = request.get("layers")
    logging = request.get("logging_config")
    return RequestedSettings(
        runtime=request.get("runtime"),
        role=request.get("role"),
        handler=request.get("handler"),
        description=request.get("description"),
        timeout_seconds=request.get("timeout"),
        memory_mb=request.get("memory_size"),
        ephemeral_storage_mb=_member(request, "ephemeral_storage", "size"),
        environment=None if environment is None else environment.get("variables") or {},
        architectures=None if architectures is None else tuple(architectures),
        tracing_mode=_member(request, "tracing_config", "mode"),
        logging=None if logging is None else RequestedLogging(**logging),
        layers=None if layers is None else tuple(layers),
        vpc=_requested_vpc(request.get("vpc_config")),
        dead_letter_target=_member(request, "dead_letter_config", "target_arn"),
        kms_key=request.get("kms_key_arn"),
        source_kms_key=_member(request, "code", "source_kms_key_arn"),
        tenant_isolation=_member(request, "tenancy_config", "tenant_isolation_mode"),
    )


def requested_features(request: Mapping[str, Any]) -> RequestedFeatures:
    """The features that have rules of their own, and whether any setting can't be honoured."""
    durable = request.get("durable_config")
    file_systems = request.get("file_system_configs")
    return RequestedFeatures(
        image=request.get("package_type") == "Image",
        image_uri=_member(request, "code", "image_uri") or "",
        image_config=any((request.get("image_config") or {}).values()),
        file_system_arn=file_systems[0]["arn"] if file_systems else "",
        snap_start=_member(request, "snap_start", "apply_on") == "PublishedVersions",
        durable=None if durable is None else DurableRequest(durable.get("execution_timeout")),
        capacity_provider=bool(request.get("capacity_provider_config")),
        unsupported=unsupported_setting(request),
    )


def _member(request: Mapping[str, Any], structure: str, member: str) -> Any:
    return (request.get(structure) or {}).get(member)


def _requested_vpc(config: Mapping[str, Any] | None) -> VpcSettings | None:
    if not config:
        return None
    return VpcSettings(
        subnet_ids=tuple(config.get("subnet_ids") or ()),
        security_group_ids=tuple(config.get("security_group_ids") or ()),
        ipv6_allowed_for_dual_stack=config.get("ipv6_allowed_for_dual_stack") or False,
    )
