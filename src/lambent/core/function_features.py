"""Features that a function is asked for and that depend on its package type, runtime or VPC: AWS's rules for them.

Most of these features are refused by this version (`honesty`), but only after these rules: what AWS would refuse gets
AWS's answer, and the refusal that names Lambent means that AWS would have gone on.

Source: api-errors.md §5, api-durable-capacity.md §1 and §2, runtimes.md §7 (observed in the field where a message has
no other source).
"""

from dataclasses import dataclass

from lambent.core.errors import InvalidParameterValue
from lambent.core.function import FunctionSettings
from lambent.core.function_settings import RequestedSettings
from lambent.core.honesty import refuse


@dataclass(frozen=True, slots=True)
class DurableRequest:
    """DurableConfig of a request, as far as there are rules for it."""

    execution_timeout_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class RequestedFeatures:
    """The members of a CreateFunction or UpdateFunctionConfiguration request that such rules are about."""

    image: bool = False
    """PackageType=Image."""
    image_uri: str = ""
    image_config: bool = False
    """ImageConfig says something."""
    file_system_arn: str = ""
    """Of the access point that FileSystemConfigs names."""
    snap_start: bool = False
    """SnapStart.ApplyOn=PublishedVersions."""
    durable: DurableRequest | None = None
    capacity_provider: bool = False
    unsupported: str | None = None
    """The first setting of the request that is refused whatever the rules say (`honesty.unsupported_setting`)."""


@dataclass(frozen=True, slots=True)
class RuntimeFeatures:
    """What AWS offers for functions of one runtime."""

    snap_start: bool = False
    durable: bool = False
    managed_instances: bool = False


def check_package_type(requested: RequestedSettings, features: RequestedFeatures) -> None:
    """What belongs to an image and what to a zip archive.

    Raises:
        InvalidParameterValue: runtime, handler or layers for an image; no image for one; an image for an archive.
            The texts for a missing image and for one too many are unverified (those of UpdateFunctionCode, recorded,
            say it like this).
    """
    if not features.image:
        if requested.runtime is None or requested.handler is None:
            raise InvalidParameterValue(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            )
        if features.image_uri:
            raise InvalidParameterValue("Please don't provide ImageUri when creating a function with packageType Zip.")
        check_no_image_settings(features, doing="creating")
        return
    if requested.runtime is not None or requested.handler is not None or requested.layers:
        raise InvalidParameterValue(
            "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
        )
    if not features.image_uri:
        raise InvalidParameterValue("Please provide ImageUri when creating a function with packageType Image.")


def check_no_image_settings(features: RequestedFeatures, *, doing: str) -> None:
    """Raises InvalidParameterValue when settings of an image are given for a zip archive (text unverified)."""
    if features.image_config:
        raise InvalidParameterValue(f"Please don't provide ImageConfig when {doing} a function with packageType Zip.")


def check_durable(features: RequestedFeatures) -> None:
    """Raises InvalidParameterValue for a new durable function that doesn't say how long it may take."""
    if features.durable is not None and features.durable.execution_timeout_seconds is None:
        raise InvalidParameterValue(
            "You cannot create a function with a durable configuration without an executionTimeout"
        )


def check_added(features: RequestedFeatures) -> None:
    """What an update can't make of a zip function on AWS's own capacity, which all functions here are.

    Raises:
        InvalidParameterValue: settings of an image, or a capacity provider.
    """
    check_no_image_settings(features, doing="updating")
    if features.capacity_provider:
        raise InvalidParameterValue("CapacityProviderConfig isn't supported for Lambda Default functions.")


def check_features(features: RequestedFeatures, settings: FunctionSettings, runtime: RuntimeFeatures) -> None:
    """What the runtime and the other settings allow; what this version lacks is then refused.

    Args:
        settings: the function's, as they would be after the request.
        runtime: what the function's runtime has.

    Raises:
        InvalidParameterValue: naming the feature.
    """
    name = settings.runtime
    if features.snap_start and not runtime.snap_start:
        raise InvalidParameterValue(f"{name} is not supported for SnapStart enabled functions.")
    if features.durable is not None and not runtime.durable:
        raise InvalidParameterValue("You cannot use a managed runtime that does not support a durable configuration")
    if features.capacity_provider and not runtime.managed_instances:
        raise InvalidParameterValue(f"Runtime Enum {name} does not support specified feature: Lambda Managed Instances")
    if features.file_system_arn and (settings.vpc is None or not settings.vpc.subnet_ids):
        raise InvalidParameterValue(
            f"Function must be configured to execute in a VPC to reference access point {features.file_system_arn}."
        )
    refuse(features.unsupported)
