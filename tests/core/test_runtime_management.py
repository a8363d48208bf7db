"""Runtime management. What a caller sees is in tests/api/test_runtime_management.py."""

import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.report import runtime_version_arn
from lambent.core.runtime_management import (
    RuntimeManagement,
    check_runtime_change,
    check_runtime_management,
    check_runtime_version,
)

ARN = runtime_version_arn("python3.13", "us-east-1")
PINNED = RuntimeManagement("Manual", ARN)


@pytest.mark.parametrize("requested", [RuntimeManagement(), RuntimeManagement("FunctionUpdate"), PINNED])
def test_what_may_be_asked_for(requested: RuntimeManagement) -> None:
    check_runtime_management(requested)
    check_runtime_version(requested, runtime="python3.13", region="us-east-1")


@pytest.mark.parametrize(
    "requested", [RuntimeManagement("Manual"), RuntimeManagement("Auto", ARN), RuntimeManagement("FunctionUpdate", ARN)]
)
def test_only_manual_has_a_version_and_it_must(requested: RuntimeManagement) -> None:
    with pytest.raises(InvalidParameterValue, match="RuntimeVersionArn is"):
        check_runtime_management(requested)


@pytest.mark.parametrize(("runtime", "region"), [("python3.12", "us-east-1"), ("python3.13", "eu-west-1")])
def test_another_version_is_not_there(runtime: str, region: str) -> None:
    with pytest.raises(InvalidParameterValue, match=f"Use {runtime_version_arn(runtime, region)}"):
        check_runtime_version(PINNED, runtime=runtime, region=region)


def test_only_a_pinned_function_keeps_its_runtime() -> None:
    check_runtime_change(RuntimeManagement("FunctionUpdate"))
    with pytest.raises(InvalidParameterValue, match="Cannot change runtime identifier"):
        check_runtime_change(PINNED)
