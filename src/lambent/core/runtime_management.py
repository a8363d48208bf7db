"""Runtime management: when a version of a function gets a newer version of its runtime.

There is one version of each runtime here, the one that the host has. So `Auto` and `FunctionUpdate` come to the same,
and `Manual` pins the only version that there is; every other one is refused, because it couldn't be run.

Source: developer guide, "Runtime version updates"; API reference, PutRuntimeManagementConfig. The texts are unverified
but for `check_runtime_change`, which is observed.
"""

from dataclasses import dataclass

from lambent.core.errors import InvalidParameterValue
from lambent.core.report import runtime_version_arn

AUTO, FUNCTION_UPDATE, MANUAL = "Auto", "FunctionUpdate", "Manual"


@dataclass(frozen=True, slots=True)
class RuntimeManagement:
    """The runtime management of one version.

    Attributes:
        runtime_version_arn: the version of the runtime that `Manual` pins; None with the other modes.
    """

    update_runtime_on: str = AUTO
    runtime_version_arn: str | None = None


def check_runtime_management(requested: RuntimeManagement) -> None:
    """What can be said of a request without knowing the function.

    Raises:
        InvalidParameterValue: `Manual` without a version of the runtime, or another mode with one.
    """
    if requested.update_runtime_on == MANUAL and requested.runtime_version_arn is None:
        raise InvalidParameterValue("RuntimeVersionArn is required when UpdateRuntimeOn is set to 'Manual'.")
    if requested.update_runtime_on != MANUAL and requested.runtime_version_arn is not None:
        raise InvalidParameterValue("RuntimeVersionArn is only supported when UpdateRuntimeOn is set to 'Manual'.")


def check_runtime_version(requested: RuntimeManagement, *, runtime: str, region: str) -> None:
    """Refuse to pin what isn't there: the declared version of the runtime runs or the request fails.

    Raises:
        InvalidParameterValue: naming the version that there is.
    """
    available = runtime_version_arn(runtime, region)
    if requested.runtime_version_arn not in {None, available}:
        raise InvalidParameterValue(
            f"The runtime version {requested.runtime_version_arn} is not available for {runtime} on this host. "
            f"Use {available}."
        )


def check_runtime_change(management: RuntimeManagement) -> None:
    """Raises InvalidParameterValue when an update would change the runtime of a function that pins its version."""
    if management.update_runtime_on == MANUAL:
        raise InvalidParameterValue(
            "Cannot change runtime identifier when runtime management configuration is set to 'Manual'. "
            "Change the runtime management configuration to 'Auto' or 'FunctionUpdate', then retry."
        )
