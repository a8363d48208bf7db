import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.honesty import refuse_unsupported_settings


@pytest.mark.parametrize(
    "request_part",
    [
        {},
        {"layers": [], "kms_key_arn": "", "package_type": "Zip", "snap_start": {"apply_on": "None"}, "code": {}},
        {"vpc_config": {"subnet_ids": [], "security_group_ids": [], "ipv6_allowed_for_dual_stack": False}},
        {"code": None, "vpc_config": None},
    ],
)
def test_settings_that_ask_for_nothing_are_accepted(request_part: dict[str, object]) -> None:
    refuse_unsupported_settings(request_part)


@pytest.mark.parametrize(
    ("request_part", "setting"),
    [
        ({"file_system_configs": [{"arn": "arn"}]}, "FileSystemConfigs"),
        ({"vpc_config": {"subnet_ids": ["subnet-1"]}}, "VpcConfig"),
        ({"vpc_config": {"ipv6_allowed_for_dual_stack": True}}, "VpcConfig"),
        ({"code": {"image_uri": "x"}}, "Code.ImageUri"),
        ({"accelerator_config": {"accelerator_memory_size": 1}}, "AcceleratorConfig"),
    ],
)
def test_settings_that_would_not_be_in_force_are_refused(request_part: dict[str, object], setting: str) -> None:
    with pytest.raises(InvalidParameterValue, match=f"^{setting} is not supported"):
        refuse_unsupported_settings(request_part)
