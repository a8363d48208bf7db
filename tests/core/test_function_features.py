from dataclasses import replace

import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.function import FunctionSettings, LoggingSettings, VpcSettings
from lambent.core.function_features import (
    DurableRequest,
    RequestedFeatures,
    RuntimeFeatures,
    check_added,
    check_durable,
    check_features,
    check_package_type,
)
from lambent.core.function_settings import RequestedSettings

SETTINGS = FunctionSettings(
    runtime="ruby3.4", role="role", handler="index.handler", logging=LoggingSettings(log_group="/aws/lambda/f")
)
ZIP = RequestedSettings(runtime="ruby3.4", handler="index.handler")
ACCESS_POINT = "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0"
EVERYTHING = RuntimeFeatures(snap_start=True, durable=True, managed_instances=True)


def refusal(error: pytest.ExceptionInfo[InvalidParameterValue]) -> str:
    return str(error.value)


def test_an_archive_has_runtime_and_handler_and_an_image_has_an_image() -> None:
    check_package_type(ZIP, RequestedFeatures())
    check_package_type(
        RequestedSettings(), RequestedFeatures(image=True, image_uri="repository:tag", image_config=True)
    )


@pytest.mark.parametrize("missing", ["runtime", "handler"])
def test_a_zip_function_needs_runtime_and_handler(missing: str) -> None:
    with pytest.raises(InvalidParameterValue, match=r"^Runtime and Handler are mandatory parameters for functions"):
        check_package_type(replace(ZIP, **{missing: None}), RequestedFeatures(image_uri="repository:tag"))


@pytest.mark.parametrize(
    ("features", "text"),
    [
        (RequestedFeatures(image_uri="repository:tag"), "Please don't provide ImageUri when"),
        (RequestedFeatures(image_config=True), "Please don't provide ImageConfig when creating"),
    ],
)
def test_a_zip_function_has_no_image(features: RequestedFeatures, text: str) -> None:
    with pytest.raises(InvalidParameterValue, match=text):
        check_package_type(ZIP, features)


@pytest.mark.parametrize(
    "requested", [{"runtime": "python3.13"}, {"handler": "index.handler"}, {"layers": ("arn:aws:lambda:::layer",)}]
)
def test_an_image_brings_its_own_runtime(requested: dict[str, str]) -> None:
    with pytest.raises(InvalidParameterValue) as error:
        check_package_type(RequestedSettings(**requested), RequestedFeatures(image=True, image_uri="repository:tag"))  # type: ignore[arg-type]  # one of them at a time
    assert (
        refusal(error)
        == "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
    )


def test_an_image_function_needs_an_image() -> None:
    with pytest.raises(InvalidParameterValue, match="Please provide ImageUri"):
        check_package_type(RequestedSettings(), RequestedFeatures(image=True))


def test_a_durable_function_says_how_long_it_may_take() -> None:
    check_durable(RequestedFeatures())
    check_durable(RequestedFeatures(durable=DurableRequest(60)))
    with pytest.raises(InvalidParameterValue) as error:
        check_durable(RequestedFeatures(durable=DurableRequest()))
    assert refusal(error) == "You cannot create a function with a durable configuration without an executionTimeout"


def test_an_update_brings_neither_image_settings_nor_a_capacity_provider() -> None:
    check_added(RequestedFeatures())
    with pytest.raises(InvalidParameterValue, match="ImageConfig when updating a function with packageType Zip"):
        check_added(RequestedFeatures(image_config=True))
    with pytest.raises(InvalidParameterValue) as error:
        check_added(RequestedFeatures(capacity_provider=True))
    assert refusal(error) == "CapacityProviderConfig isn't supported for Lambda Default functions."


@pytest.mark.parametrize(
    ("features", "text"),
    [
        (RequestedFeatures(snap_start=True), "ruby3.4 is not supported for SnapStart enabled functions."),
        (
            RequestedFeatures(durable=DurableRequest(60)),
            "You cannot use a managed runtime that does not support a durable configuration",
        ),
        (
            RequestedFeatures(capacity_provider=True),
            "Runtime Enum ruby3.4 does not support specified feature: Lambda Managed Instances",
        ),
    ],
)
def test_a_runtime_must_have_the_feature(features: RequestedFeatures, text: str) -> None:
    check_features(features, SETTINGS, EVERYTHING)
    with pytest.raises(InvalidParameterValue) as error:
        check_features(replace(features, unsupported="SnapStart"), SETTINGS, RuntimeFeatures())
    assert refusal(error) == text


@pytest.mark.parametrize("vpc", [None, VpcSettings()])
def test_a_file_system_is_in_a_vpc(vpc: VpcSettings | None) -> None:
    features = RequestedFeatures(file_system_arn=ACCESS_POINT)
    with pytest.raises(InvalidParameterValue) as error:
        check_features(features, replace(SETTINGS, vpc=vpc), EVERYTHING)
    assert (
        refusal(error) == f"Function must be configured to execute in a VPC to reference access point {ACCESS_POINT}."
    )
    check_features(features, replace(SETTINGS, vpc=VpcSettings(("subnet-1",), ("sg-1",))), EVERYTHING)


def test_what_lambent_lacks_is_refused_when_aws_would_go_on() -> None:
    with pytest.raises(InvalidParameterValue, match=r"^DurableConfig is not supported by this version of Lambent"):
        check_features(RequestedFeatures(durable=DurableRequest(60), unsupported="DurableConfig"), SETTINGS, EVERYTHING)
