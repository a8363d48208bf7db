"""A setting is enforced or refused, never merely stored: the two lists that say which settings aren't enforced.

`KEPT_NOT_IN_FORCE` is the one list that `lambent doctor`, the start-up log and the operations page are made from. It
shrinks with every version and is empty at 1.0.

`REFUSED_SETTINGS` are the members of CreateFunction, UpdateFunctionCode, UpdateFunctionConfiguration, PublishVersion
and PublishLayerVersion which change what a function is or may do and which Lambent can't do yet. A request that sets
one gets an InvalidParameterValueException which names it. Values that ask for nothing (an empty list, an empty
structure, `None`) are accepted, because infrastructure tools send them for every function.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambent.core.errors import InvalidParameterValue


@dataclass(frozen=True, slots=True)
class KeptSetting:
    """A setting that is stored and returned, with what doesn't happen yet."""

    setting: str
    effect: str


KEPT_NOT_IN_FORCE: tuple[KeptSetting, ...] = (
    KeptSetting("Role", "what a function may do isn't limited to what its execution role allows"),
    KeptSetting(
        "AddPermission, PutResourcePolicy", "a function's policy neither lets anybody invoke it nor keeps them out"
    ),
    KeptSetting("TracingConfig.Mode=Active", "no trace segments are recorded"),
    KeptSetting(
        "VpcConfig", "functions use the network that all of them have; subnets and security groups aren't looked up"
    ),
    KeptSetting("KMSKeyArn", "environment variables aren't encrypted with the key"),
    KeptSetting("SourceKMSKeyArn", "deployment packages aren't encrypted with the key"),
    KeptSetting("Event source mappings of Kinesis", "streams of Kinesis aren't read yet, so that nothing is invoked"),
    KeptSetting("Event source mappings of DynamoDB", "streams of tables aren't read yet, so that nothing is invoked"),
    KeptSetting("Event source mappings of Kafka", "neither MSK nor other brokers are read yet"),
    KeptSetting("Event source mappings of Amazon MQ", "brokers aren't read yet, so that nothing is invoked"),
    KeptSetting("Event source mappings of DocumentDB", "change streams aren't read yet, so that nothing is invoked"),
    KeptSetting("KMSKeyArn of event source mappings", "filter criteria aren't encrypted with the key"),
    KeptSetting("Layers with /opt/extensions", "external extensions aren't started"),
)


@dataclass(frozen=True, slots=True)
class RefusedSetting:
    """A member of a request that can't be honoured.

    Attributes:
        setting: its name as the caller wrote it, dots going down.
        path: where the decoded request has it.
        harmless: values that ask for nothing.
    """

    setting: str
    path: tuple[str, ...]
    harmless: tuple[str, ...] = ()


REFUSED_SETTINGS: tuple[RefusedSetting, ...] = (
    RefusedSetting("PackageType=Image", ("package_type",), ("Zip",)),
    RefusedSetting("Code.S3ObjectStorageMode=REFERENCE", ("code", "s3_object_storage_mode"), ("COPY",)),
    RefusedSetting("S3ObjectStorageMode=REFERENCE", ("s3_object_storage_mode",), ("COPY",)),
    RefusedSetting("Content.S3ObjectStorageMode=REFERENCE", ("content", "s3_object_storage_mode"), ("COPY",)),
    RefusedSetting("FileSystemConfigs", ("file_system_configs",)),
    RefusedSetting("SnapStart.ApplyOn=PublishedVersions", ("snap_start", "apply_on"), ("None",)),
    RefusedSetting("DurableConfig", ("durable_config",)),
    RefusedSetting("CapacityProviderConfig", ("capacity_provider_config",)),
    RefusedSetting("RuntimeConfig", ("runtime_config",)),
    RefusedSetting("AcceleratorConfig", ("accelerator_config",)),
    RefusedSetting("PublishTo", ("publish_to",)),
)


def unsupported_setting(request: Mapping[str, object]) -> str | None:
    """The first setting of a decoded request that can't be honoured, or None."""
    for refused in REFUSED_SETTINGS:
        if _asks_for_something(_at(request, refused.path), refused.harmless):
            return refused.setting
    return None


def refuse(setting: str | None) -> None:
    """Raises InvalidParameterValue for what `unsupported_setting` has found."""
    if setting is not None:
        raise InvalidParameterValue(
            f"{setting} is not supported by this version of Lambent. Remove it from the request."
        )


def refuse_unsupported_settings(request: Mapping[str, object]) -> None:
    """Refuse a decoded request that sets what can't be honoured.

    Raises:
        InvalidParameterValue: naming the first such setting.
    """
    refuse(unsupported_setting(request))


def _at(request: Mapping[str, object], path: Sequence[str]) -> object:
    value: object = request
    for member in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(member)
    return value


def _asks_for_something(value: object, harmless: Sequence[str]) -> bool:
    if isinstance(value, Mapping):
        return any(_asks_for_something(member, harmless) for member in value.values())
    if isinstance(value, str):
        return value != "" and value not in harmless
    return bool(value)
