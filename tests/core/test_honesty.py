import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.honesty import REFUSED_SETTINGS, refuse, refuse_unsupported_settings, unsupported_setting


@pytest.mark.parametrize(
    "request_part",
    [
        {},
        {"layers": [], "package_type": "Zip", "snap_start": {"apply_on": "None"}, "code": {}},
        {"file_system_configs": [], "durable_config": {}, "publish_to": None},
        {"code": None, "snap_start": None},
    ],
)
def test_settings_that_ask_for_nothing_are_accepted(request_part: dict[str, object]) -> None:
    refuse_unsupported_settings(request_part)


@pytest.mark.parametrize(
    ("request_part", "setting"),
    [
        ({"file_system_configs": [{"arn": "arn"}]}, "FileSystemConfigs"),
        ({"package_type": "Image", "code": {"image_uri": "x"}}, "PackageType=Image"),
        ({"durable_config": {"execution_timeout": 1}, "publish_to": "LATEST_PUBLISHED"}, "DurableConfig"),
        ({"code": {"s3_object_storage_mode": "REFERENCE"}}, r"Code\.S3ObjectStorageMode=REFERENCE"),
        ({"accelerator_config": {"accelerator_memory_size": 1}}, "AcceleratorConfig"),
    ],
)
def test_settings_that_would_not_be_in_force_are_refused(request_part: dict[str, object], setting: str) -> None:
    with pytest.raises(InvalidParameterValue, match=f"^{setting} is not supported"):
        refuse_unsupported_settings(request_part)


def test_what_is_refused_later_is_named_now() -> None:
    assert unsupported_setting({}) is None
    refuse(None)
    setting = unsupported_setting({"publish_to": "LATEST_PUBLISHED"})
    assert setting == "PublishTo"
    with pytest.raises(InvalidParameterValue, match=r"^PublishTo is not supported by this version of Lambent"):
        refuse(setting)


def test_no_setting_is_in_the_list_twice() -> None:
    assert len({refused.setting for refused in REFUSED_SETTINGS}) == len(REFUSED_SETTINGS)
