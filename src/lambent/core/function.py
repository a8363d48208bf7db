"""A function version: what the API says of it, what the data plane runs of it, and how its state moves.

Words:
    settings        what a caller may set (`FunctionSettings`): runtime, handler, memory, environment, logging …
    configuration   settings and code of one version with its states and revision (`FunctionConfiguration`); the API's
                    FunctionConfiguration is this, rendered.
    target          the immutable snapshot which execution environments are made from (`FunctionTarget`).

Life of a version: a created or updated version is committed first and *activated* after (its code unpacked). Until
then a new version is Pending and an updated `$LATEST` is InProgress; what runs meanwhile is the configuration that was
deployed last, so a version carries its deployed target beside its configuration. A server that dies in between finds
the unfinished versions at its next start and activates them then.

Every step gives the version a new RevisionId (activation too), which is what makes conditional updates safe.

Source: developer guide, "Lambda function states"; api-errors.md §5 (recorded from AWS).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lambent.core.recursion import resource_hash
from lambent.core.scope import Scope

LATEST = "$LATEST"

CREATING_REASON = "The function is being created."
"""AWS's text while a version is Pending; it says the same of an update in progress (recorded)."""

CREATING_CODE = "Creating"


class State(StrEnum):
    """Whether a version can be invoked."""

    PENDING = "Pending"
    ACTIVE = "Active"
    FAILED = "Failed"


class LastUpdateStatus(StrEnum):
    """How far the last update of `$LATEST` got."""

    SUCCESSFUL = "Successful"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class FunctionTarget:
    """What the data plane runs: an immutable snapshot of one function version."""

    scope: Scope
    function_name: str
    version: str
    """`$LATEST` or a number, as text."""
    runtime: str
    """An identifier such as `python3.13`."""
    handler: str
    memory_mb: int
    timeout_seconds: int
    ephemeral_storage_mb: int
    environment: Mapping[str, str]
    role: str
    code_sha256: str
    """Hex digest of the deployment package: the key of the code store."""
    log_group: str
    log_stream_prefix: str
    """The function's name where the group was chosen by the user (several functions may share it), else empty."""
    revision: str
    """Changes when code or configuration changes; environments of another revision are retired."""
    code_folder: str = ""
    """The developer's folder that is the code, in which case there is no package; else empty."""
    log_format: str = "Text"
    """`Text` or `JSON`."""
    application_log_level: str = ""
    """The least level of the function's own log events that are kept; empty with Text."""
    system_log_level: str = ""
    """The least level of the platform's log events that are written; empty with Text."""
    layers: tuple[str, ...] = ()
    """Hex digests of the layers' archives, the lowest first: later ones cover earlier ones in /opt."""
    per_tenant: bool = False
    """Every invocation names a tenant, and no environment serves two of them."""
    resource_hash: str = "00000000"
    """The function in the lineage of a trace; see `core.recursion`."""
    allows_loops: bool = False
    """Invocations in a recursive loop aren't stopped."""
    traced: bool = False
    """TracingConfig.Mode is Active: where no caller has decided, some of the invocations are sampled."""


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """LoggingConfig: where logs go and in which form; the levels exist with JSON only."""

    log_group: str
    log_format: str = "Text"
    application_log_level: str | None = None
    system_log_level: str | None = None


@dataclass(frozen=True, slots=True)
class VpcSettings:
    """VpcConfig: in a network of EC2, or (empty) taken out of one."""

    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    ipv6_allowed_for_dual_stack: bool = False
    vpc_id: str = ""
    """Of the network that the subnets are in; empty without subnets."""


@dataclass(frozen=True, slots=True)
class FunctionLayer:
    """What a function keeps of a layer version that it has: all that it needs when the version is deleted."""

    arn: str
    """Of the layer version, number included."""
    sha256: str
    """Hex digest of the layer's archive."""
    size: int
    """Bytes of the archive."""
    unpacked_bytes: int


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """What a caller may set on a function and `PublishVersion` freezes."""

    runtime: str
    role: str
    handler: str
    logging: LoggingSettings
    description: str = ""
    timeout_seconds: int = 3
    memory_mb: int = 128
    ephemeral_storage_mb: int = 512
    environment: Mapping[str, str] | None = None
    """None when the caller never sent an Environment: the answer then has no such key."""
    architectures: tuple[str, ...] = ("x86_64",)
    tracing_mode: str = "PassThrough"
    layers: tuple[FunctionLayer, ...] = ()
    """In the order of the request, the lowest first."""
    vpc: VpcSettings | None = None
    """None when the function was never in a VPC: the answer then has no such key."""
    dead_letter_target: str = ""
    """ARN of an SQS queue or SNS topic, or empty."""
    kms_key: str = ""
    """ARN of the key for the environment variables, or empty."""
    source_kms_key: str = ""
    """ARN of the key for the deployment package, or empty; it comes with the code."""
    tenant_isolation: str = ""
    """`PER_TENANT` or empty; it can't be changed."""


@dataclass(frozen=True, slots=True)
class Code:
    """What a version runs: a deployment package in the blob store, or a folder of the developer's as it is now."""

    sha256: str
    """Hex digest of the zip file; a folder's says where it is, not what is in it."""
    size: int
    """Bytes of the zip file; 0 for a folder."""
    folder: str = ""
    """Its absolute path, or empty."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the data plane runs of a version: the settings and code that were activated last."""

    settings: FunctionSettings
    code: Code
    revision: str


@dataclass(frozen=True, slots=True)
class FunctionConfiguration:
    """One function version: its settings, code, states and revision."""

    scope: Scope
    function_name: str
    version: str
    settings: FunctionSettings
    code: Code
    last_modified_ms: int
    revision_id: str
    state: State = State.PENDING
    state_reason: str | None = CREATING_REASON
    state_reason_code: str | None = CREATING_CODE
    last_update_status: LastUpdateStatus | None = None
    last_update_status_reason: str | None = None
    last_update_status_reason_code: str | None = None
    deployment: Deployment | None = None
    """None until the version was activated for the first time."""
    published_from: str | None = None
    """Published versions: the fingerprint of the `$LATEST` that they are a copy of."""

    @property
    def is_settled(self) -> bool:
        """Whether no activation is outstanding."""
        return self.state is not State.PENDING and self.last_update_status is not LastUpdateStatus.IN_PROGRESS


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    """What belongs to the function and not to one of its versions."""

    scope: Scope
    function_name: str
    reserved_concurrency: int | None = None
    """Concurrent executions set aside for it; 0 throttles every invocation, None is the unreserved pool."""
    tags: Mapping[str, str] = field(default_factory=dict)


def updated(
    current: FunctionConfiguration, *, settings: FunctionSettings, code: Code, now_ms: int, revision_id: str
) -> FunctionConfiguration:
    """`$LATEST` right after UpdateFunctionCode or UpdateFunctionConfiguration: in progress, the old one still runs."""
    return replace(
        current,
        settings=settings,
        code=code,
        last_modified_ms=now_ms,
        revision_id=revision_id,
        last_update_status=LastUpdateStatus.IN_PROGRESS,
        last_update_status_reason=CREATING_REASON,
        last_update_status_reason_code=CREATING_CODE,
    )


def activated(current: FunctionConfiguration, *, revision_id: str) -> FunctionConfiguration:
    """The version once its code is unpacked: Active, its settings deployed."""
    return replace(
        current,
        revision_id=revision_id,
        state=State.ACTIVE,
        state_reason=None,
        state_reason_code=None,
        last_update_status=LastUpdateStatus.SUCCESSFUL,
        last_update_status_reason=None,
        last_update_status_reason_code=None,
        deployment=Deployment(settings=current.settings, code=current.code, revision=revision_id),
    )


def activation_failed(
    current: FunctionConfiguration, *, revision_id: str, reason: str, reason_code: str
) -> FunctionConfiguration:
    """The version when its code couldn't be made ready: a new one is Failed, an update leaves the old one running."""
    if current.state is State.PENDING:
        return replace(
            current, revision_id=revision_id, state=State.FAILED, state_reason=reason, state_reason_code=reason_code
        )
    return replace(
        current,
        revision_id=revision_id,
        last_update_status=LastUpdateStatus.FAILED,
        last_update_status_reason=reason,
        last_update_status_reason_code=reason_code,
    )


def target_of(configuration: FunctionConfiguration) -> FunctionTarget | None:
    """The snapshot that the data plane runs, or None while the version was never activated."""
    deployment = configuration.deployment
    if deployment is None:
        return None
    settings = deployment.settings
    name = configuration.function_name
    return FunctionTarget(
        scope=configuration.scope,
        function_name=name,
        version=configuration.version,
        runtime=settings.runtime,
        handler=settings.handler,
        memory_mb=settings.memory_mb,
        timeout_seconds=settings.timeout_seconds,
        ephemeral_storage_mb=settings.ephemeral_storage_mb,
        environment=settings.environment or {},
        role=settings.role,
        code_sha256=deployment.code.sha256,
        code_folder=deployment.code.folder,
        log_group=settings.logging.log_group,
        log_stream_prefix="" if settings.logging.log_group == default_log_group(name) else name,
        revision=deployment.revision,
        log_format=settings.logging.log_format,
        application_log_level=settings.logging.application_log_level or "",
        system_log_level=settings.logging.system_log_level or "",
        layers=tuple(layer.sha256 for layer in settings.layers),
        per_tenant=settings.tenant_isolation != "",
        resource_hash=resource_hash(configuration.scope, name),
        traced=settings.tracing_mode == "Active",
    )


def default_log_group(function_name: str) -> str:
    """The log group of a function that didn't choose one."""
    return f"/aws/lambda/{function_name}"
