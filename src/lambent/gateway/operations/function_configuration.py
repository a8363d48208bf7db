"""FunctionConfiguration as the API shows it: which keys there are, and when.

Keys that were never set are absent, not null. Lists leave out what changes by itself (states, runtime version).
Source: api-errors.md §5 (recorded from AWS).
"""

from datetime import UTC, datetime
from typing import Any

from lambent.core.arn import function_arn
from lambent.core.function import FunctionConfiguration, FunctionSettings, LoggingSettings, VpcSettings
from lambent.core.report import runtime_version_arn
from lambent.core.versions import code_sha256_base64


def render_configuration(configuration: FunctionConfiguration, *, qualifier: str | None = None) -> dict[str, Any]:
    """One version, its ARN qualified as the caller asked."""
    region, runtime = configuration.scope.region, configuration.settings.runtime
    shown = {
        **render_listed(configuration, qualifier=qualifier),
        "runtime_version_config": {"runtime_version_arn": runtime_version_arn(runtime, region)},
        "state": configuration.state,
        "state_reason": configuration.state_reason,
        "state_reason_code": configuration.state_reason_code,
        "last_update_status": configuration.last_update_status,
        "last_update_status_reason": configuration.last_update_status_reason,
        "last_update_status_reason_code": configuration.last_update_status_reason_code,
    }
    return without_none(shown)


def render_listed(configuration: FunctionConfiguration, *, qualifier: str | None) -> dict[str, Any]:
    """One version as an item of a list."""
    return {
        "function_name": configuration.function_name,
        "function_arn": function_arn(configuration.scope, configuration.function_name, qualifier),
        "version": configuration.version,
        "revision_id": configuration.revision_id,
        "last_modified": timestamp(configuration.last_modified_ms),
        "code_sha256": code_sha256_base64(configuration.code.sha256),
        "code_size": configuration.code.size,
        **_render_settings(configuration.settings),
    }


def _render_settings(settings: FunctionSettings) -> dict[str, Any]:
    shown = {
        "runtime": settings.runtime,
        "role": settings.role,
        "handler": settings.handler,
        "description": settings.description,
        "timeout": settings.timeout_seconds,
        "memory_size": settings.memory_mb,
        "ephemeral_storage": {"size": settings.ephemeral_storage_mb},
        "environment": None if settings.environment is None else {"variables": dict(settings.environment)},
        "architectures": list(settings.architectures),
        "package_type": "Zip",
        "tracing_config": {"mode": settings.tracing_mode},
        "snap_start": {"apply_on": "None", "optimization_status": "Off"},
        "logging_config": _render_logging(settings.logging),
        "layers": [{"arn": layer.arn, "code_size": layer.size} for layer in settings.layers] or None,
        "vpc_config": None if settings.vpc is None else _render_vpc(settings.vpc),
        "dead_letter_config": {"target_arn": settings.dead_letter_target} if settings.dead_letter_target else None,
        "kms_key_arn": settings.kms_key or None,
        "tenancy_config": {"tenant_isolation_mode": settings.tenant_isolation} if settings.tenant_isolation else None,
    }
    return without_none(shown)


def _render_logging(logging: LoggingSettings) -> dict[str, Any]:
    return without_none(
        {
            "log_format": logging.log_format,
            "application_log_level": logging.application_log_level,
            "system_log_level": logging.system_log_level,
            "log_group": logging.log_group,
        }
    )


def _render_vpc(vpc: VpcSettings) -> dict[str, Any]:
    return {
        "subnet_ids": list(vpc.subnet_ids),
        "security_group_ids": list(vpc.security_group_ids),
        "vpc_id": vpc.vpc_id,
        "ipv6_allowed_for_dual_stack": vpc.ipv6_allowed_for_dual_stack,
    }


def timestamp(milliseconds: int) -> str:
    """As LastModified is written: 2025-01-31T12:34:56.789+0000. Layers have it too."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}+0000"


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}
