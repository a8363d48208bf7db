"""From a request's settings to a function's: defaults, merging, and AWS's checks with AWS's words.

Constraints of the API model (patterns, lengths, ranges) were checked before; here is what the model doesn't say.
A member that the caller didn't send is None in `RequestedSettings`: CreateFunction fills in the default, and
UpdateFunctionConfiguration keeps what there was. Structures are replaced whole (Environment, VpcConfig), but
LoggingConfig is merged member by member.

Source: api-errors.md §5, quotas.md §2 (recorded from AWS where not said otherwise).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from lambent.core.errors import InvalidParameterValue, ValidationFailed
from lambent.core.foreign_resources import (
    check_dead_letter_target,
    check_kms_key,
    check_source_kms_key,
    check_vpc,
    in_its_vpc,
)
from lambent.core.function import FunctionSettings, LoggingSettings, VpcSettings, default_log_group

T = TypeVar("T")

MAX_TIMEOUT_SECONDS = 900
"""quotas.md §2; the model's 5,400 is for managed instances."""

MAX_MEMORY_MB = 10_240
"""quotas.md §2; the model's 32,768 is for managed instances."""

MAX_EPHEMERAL_STORAGE_MB = 10_240
"""quotas.md §2; the model's 32,768 is for accelerated instances."""

MAX_ENVIRONMENT_BYTES = 4096
"""Of the variables as compact JSON, braces and quotes included."""

MAX_FUNCTION_NAME_LENGTH = 64

RESERVED_ENVIRONMENT_KEYS = frozenset(
    {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    }
)  # fmt: skip
"""Variables that the platform sets and a caller can't (quotas.md §2)."""


@dataclass(frozen=True, slots=True)
class RequestedLogging:
    """LoggingConfig of a request; None is "not sent"."""

    log_format: str | None = None
    application_log_level: str | None = None
    system_log_level: str | None = None
    log_group: str | None = None


@dataclass(frozen=True, slots=True)
class RequestedSettings:
    """The settings of a CreateFunction or UpdateFunctionConfiguration request; None is "not sent"."""

    runtime: str | None = None
    role: str | None = None
    handler: str | None = None
    description: str | None = None
    timeout_seconds: int | None = None
    memory_mb: int | None = None
    ephemeral_storage_mb: int | None = None
    environment: Mapping[str, str] | None = None
    architectures: tuple[str, ...] | None = None
    tracing_mode: str | None = None
    logging: RequestedLogging | None = None
    layers: tuple[str, ...] | None = None
    """ARNs of layer versions. What they are is looked up before the settings are made."""
    vpc: VpcSettings | None = None
    """Without the VPC's id, which no request says."""
    dead_letter_target: str | None = None
    """Empty takes the target away."""
    kms_key: str | None = None
    """Empty takes the key away."""
    source_kms_key: str | None = None
    """CreateFunction only: it comes with the code."""
    tenant_isolation: str | None = None
    """CreateFunction only."""


def initial_settings(requested: RequestedSettings, *, function_name: str, host_architecture: str) -> FunctionSettings:
    """The settings of a new function, but for its layers.

    Raises:
        InvalidParameterValue: a foreign architecture, or what `check_requested` or `changed_settings` refuse.
        ValidationFailed: as `check_requested`.
    """
    check_requested(requested)
    check_architectures(requested.architectures or ("x86_64",), host_architecture=host_architecture)
    bare = FunctionSettings(
        runtime=requested.runtime or "",
        role=requested.role or "",
        handler=requested.handler or "",
        logging=LoggingSettings(log_group=default_log_group(function_name)),
        architectures=requested.architectures or ("x86_64",),
        source_kms_key=requested.source_kms_key or "",
        tenant_isolation=requested.tenant_isolation or "",
    )
    return changed_settings(bare, requested)


def changed_settings(current: FunctionSettings, requested: RequestedSettings) -> FunctionSettings:
    """The settings after an update that `check_requested` has let through; the layers stay as they are.

    Raises:
        InvalidParameterValue: log levels without JSON, which depends on the format that there is.
    """
    return replace(
        current,
        runtime=_given(requested.runtime, current.runtime),
        role=_given(requested.role, current.role),
        handler=_given(requested.handler, current.handler),
        description=_given(requested.description, current.description),
        timeout_seconds=_given(requested.timeout_seconds, current.timeout_seconds),
        memory_mb=_given(requested.memory_mb, current.memory_mb),
        ephemeral_storage_mb=_given(requested.ephemeral_storage_mb, current.ephemeral_storage_mb),
        environment=_given(requested.environment, current.environment),
        tracing_mode=_given(requested.tracing_mode, current.tracing_mode),
        logging=_changed_logging(current.logging, requested.logging or RequestedLogging()),
        vpc=current.vpc if requested.vpc is None else in_its_vpc(requested.vpc),
        dead_letter_target=_given(requested.dead_letter_target, current.dead_letter_target),
        kms_key=_given(requested.kms_key, current.kms_key),
    )


def check_requested(requested: RequestedSettings) -> None:
    """What can be said of a request without knowing the function.

    Raises:
        InvalidParameterValue: memory, environment, VPC, dead-letter target or keys that AWS refuses.
        ValidationFailed: timeout or ephemeral storage beyond what a function may have.
    """
    if requested.environment is not None:
        check_environment(requested.environment)
    if requested.timeout_seconds is not None and requested.timeout_seconds > MAX_TIMEOUT_SECONDS:
        raise ValidationFailed(_above("timeout", requested.timeout_seconds, MAX_TIMEOUT_SECONDS))
    if requested.memory_mb is not None and requested.memory_mb > MAX_MEMORY_MB:
        raise InvalidParameterValue(
            "'MemorySize' value failed to satisfy constraint: "
            f"Member must have value less than or equal to {MAX_MEMORY_MB}"
        )
    storage_mb = requested.ephemeral_storage_mb
    if storage_mb is not None and storage_mb > MAX_EPHEMERAL_STORAGE_MB:
        raise ValidationFailed(_above("ephemeralStorage.size", storage_mb, MAX_EPHEMERAL_STORAGE_MB))
    if requested.vpc is not None:
        check_vpc(requested.vpc)
    check_dead_letter_target(requested.dead_letter_target or "")
    check_kms_key(requested.kms_key or "")
    check_source_kms_key(requested.source_kms_key or "")


def check_architectures(architectures: tuple[str, ...], *, host_architecture: str) -> None:
    """Refuse what this machine can't run: the declared architecture runs or the request fails.

    Raises:
        InvalidParameterValue: naming the architecture of the host.
    """
    for architecture in architectures:
        if architecture != host_architecture:
            raise InvalidParameterValue(
                f"Architectures: {architecture} functions can't run on this host, which is {host_architecture}. "
                f"Set Architectures to [{host_architecture}]."
            )


def check_environment(variables: Mapping[str, str]) -> None:
    """Raises InvalidParameterValue for reserved keys and for more than 4 KB."""
    reserved = [key for key in variables if key in RESERVED_ENVIRONMENT_KEYS]
    refusal = "Lambda was unable to configure your environment variables because the environment variables you have "
    if reserved:
        raise InvalidParameterValue(
            f"{refusal}provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > MAX_ENVIRONMENT_BYTES:
        raise InvalidParameterValue(f"{refusal}provided exceeded the 4KB limit. String measured: {measured}")


def check_function_name(name: str) -> None:
    """A name alone may be shorter than the model's limit, which is for whole ARNs.

    Raises:
        InvalidParameterValue: with the wording of a validation error, as AWS does.
    """
    if len(name) > MAX_FUNCTION_NAME_LENGTH:
        raise InvalidParameterValue(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_FUNCTION_NAME_LENGTH}"
        )


def _given(value: T | None, current: T) -> T:
    return current if value is None else value


def _above(path: str, value: int, limit: int) -> str:
    return (
        f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: "
        f"Member must have value less than or equal to {limit}"
    )


def _changed_logging(current: LoggingSettings, requested: RequestedLogging) -> LoggingSettings:
    log_format = requested.log_format or current.log_format
    log_group = requested.log_group or current.log_group
    if log_format == "Text":
        if requested.application_log_level or requested.system_log_level:
            raise InvalidParameterValue(
                'LogLevel is not supported when LogFormat is set to "Text". '
                'Remove LogLevel from your request or change the LogFormat to "JSON" and try again.'
            )
        return LoggingSettings(log_group=log_group)
    return LoggingSettings(
        log_group=log_group,
        log_format=log_format,
        application_log_level=requested.application_log_level or current.application_log_level or "INFO",
        system_log_level=requested.system_log_level or current.system_log_level or "INFO",
    )
