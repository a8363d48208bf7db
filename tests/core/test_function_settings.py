from dataclasses import replace

import pytest

from lambent.core.errors import InvalidParameterValue, ValidationFailed
from lambent.core.function import FunctionSettings, LoggingSettings, VpcSettings
from lambent.core.function_settings import (
    MAX_ENVIRONMENT_BYTES,
    RequestedLogging,
    RequestedSettings,
    changed_settings,
    check_architectures,
    check_environment,
    check_function_name,
    check_requested,
    initial_settings,
)

REQUIRED = RequestedSettings(runtime="python3.13", handler="index.handler", role="arn:aws:iam::123456789012:role/r")


def initial(requested: RequestedSettings = REQUIRED) -> FunctionSettings:
    return initial_settings(requested, function_name="f", host_architecture="x86_64")


def test_what_is_not_sent_has_the_defaults_of_aws() -> None:
    assert initial() == FunctionSettings(
        runtime="python3.13",
        role="arn:aws:iam::123456789012:role/r",
        handler="index.handler",
        logging=LoggingSettings(log_group="/aws/lambda/f", log_format="Text"),
        description="",
        timeout_seconds=3,
        memory_mb=128,
        ephemeral_storage_mb=512,
        environment=None,
        architectures=("x86_64",),
        tracing_mode="PassThrough",
        layers=(),
        vpc=None,
        dead_letter_target="",
        kms_key="",
        source_kms_key="",
        tenant_isolation="",
    )


def test_the_architecture_is_the_hosts() -> None:
    check_architectures(("arm64",), host_architecture="arm64")
    with pytest.raises(InvalidParameterValue, match="x86_64 functions can't run on this host, which is arm64"):
        check_architectures(("x86_64",), host_architecture="arm64")
    with pytest.raises(InvalidParameterValue, match="Set Architectures to"):
        initial_settings(REQUIRED, function_name="f", host_architecture="arm64")


def test_an_update_keeps_what_it_does_not_send() -> None:
    before = initial(replace(REQUIRED, description="before", timeout_seconds=9, environment={"KEY": "value"}))
    after = changed_settings(before, RequestedSettings(memory_mb=256))
    assert after == replace(before, memory_mb=256)


def test_an_empty_description_is_one() -> None:
    before = initial(replace(REQUIRED, description="before"))
    assert changed_settings(before, RequestedSettings(description="")).description == ""


def test_an_environment_of_4096_bytes_passes_and_one_more_does_not() -> None:
    overhead = len('{"KEY":""}')
    check_environment({"KEY": "x" * (MAX_ENVIRONMENT_BYTES - overhead)})
    with pytest.raises(InvalidParameterValue, match=r'exceeded the 4KB limit\. String measured: {"KEY":"x'):
        check_environment({"KEY": "x" * (MAX_ENVIRONMENT_BYTES - overhead + 1)})


def test_an_environment_is_measured_in_bytes() -> None:
    with pytest.raises(InvalidParameterValue, match="4KB"):
        check_environment({"KEY": "é" * 2048})


def test_reserved_keys_are_named() -> None:
    with pytest.raises(InvalidParameterValue, match=r"in this request: AWS_REGION, _HANDLER$"):
        check_environment({"AWS_REGION": "", "MINE": "", "_HANDLER": ""})


@pytest.mark.parametrize(
    ("requested", "error"),
    [
        (RequestedSettings(timeout_seconds=901), ValidationFailed),
        (RequestedSettings(memory_mb=10_241), InvalidParameterValue),
        (RequestedSettings(ephemeral_storage_mb=10_241), ValidationFailed),
    ],
)
def test_more_than_a_function_may_have_is_refused(
    requested: RequestedSettings, error: type[ValidationFailed | InvalidParameterValue]
) -> None:
    with pytest.raises(error, match="less than or equal to"):
        check_requested(requested)


def test_the_largest_function_is_allowed() -> None:
    check_requested(RequestedSettings(timeout_seconds=900, memory_mb=10_240, ephemeral_storage_mb=10_240))


def logging(before: LoggingSettings, requested: RequestedLogging) -> LoggingSettings:
    settings = replace(initial(), logging=before)
    return changed_settings(settings, RequestedSettings(logging=requested)).logging


TEXT = LoggingSettings(log_group="group")
JSON = LoggingSettings(log_group="group", log_format="JSON", application_log_level="WARN", system_log_level="DEBUG")


@pytest.mark.parametrize(
    ("before", "requested", "after"),
    [
        (
            TEXT,
            RequestedLogging(log_format="JSON"),
            replace(JSON, application_log_level="INFO", system_log_level="INFO"),
        ),
        (TEXT, RequestedLogging(log_group="other"), replace(TEXT, log_group="other")),
        (JSON, RequestedLogging(log_format="Text"), TEXT),
        (JSON, RequestedLogging(log_group="other"), replace(JSON, log_group="other")),
        (JSON, RequestedLogging(application_log_level="ERROR"), replace(JSON, application_log_level="ERROR")),
        (JSON, RequestedLogging(system_log_level="WARN"), replace(JSON, system_log_level="WARN")),
    ],
)
def test_logging_is_merged(before: LoggingSettings, requested: RequestedLogging, after: LoggingSettings) -> None:
    assert logging(before, requested) == after


@pytest.mark.parametrize(
    "requested", [RequestedLogging(application_log_level="INFO"), RequestedLogging(system_log_level="INFO")]
)
def test_levels_need_json(requested: RequestedLogging) -> None:
    with pytest.raises(InvalidParameterValue, match='LogFormat is set to "Text"'):
        logging(TEXT, requested)


def test_a_bare_name_has_64_characters_at_most() -> None:
    check_function_name("a" * 64)
    with pytest.raises(InvalidParameterValue, match="at 'functionName' failed to satisfy constraint: Member must have"):
        check_function_name("a" * 65)


QUEUE = "arn:aws:sqs:eu-west-1:123456789012:queue"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
IN_A_VPC = VpcSettings(subnet_ids=("subnet-1", "subnet-2"), security_group_ids=("sg-1",))


def test_what_names_other_services_is_kept_until_it_is_emptied() -> None:
    before = initial(replace(REQUIRED, vpc=IN_A_VPC, dead_letter_target=QUEUE, kms_key=KEY))
    assert changed_settings(before, RequestedSettings(timeout_seconds=9)) == replace(before, timeout_seconds=9)
    emptied = changed_settings(before, RequestedSettings(vpc=VpcSettings(), dead_letter_target="", kms_key=""))
    assert emptied == replace(before, vpc=VpcSettings(), dead_letter_target="", kms_key="")


def test_a_vpc_is_replaced_whole() -> None:
    before = initial(replace(REQUIRED, vpc=replace(IN_A_VPC, ipv6_allowed_for_dual_stack=True)))
    after = changed_settings(before, RequestedSettings(vpc=VpcSettings(("subnet-3",), ("sg-3",)))).vpc
    assert after is not None
    assert (after.subnet_ids, after.security_group_ids, after.ipv6_allowed_for_dual_stack) == (
        ("subnet-3",),
        ("sg-3",),
        False,
    )


@pytest.mark.parametrize(
    "requested",
    [
        RequestedSettings(vpc=VpcSettings(subnet_ids=("subnet-1",))),
        RequestedSettings(dead_letter_target="arn:aws:s3:::bucket"),
        RequestedSettings(kms_key="arn:aws:s3:::bucket"),
        RequestedSettings(source_kms_key="arn:aws:s3:::bucket"),
    ],
)
def test_what_names_other_services_is_checked(requested: RequestedSettings) -> None:
    with pytest.raises(InvalidParameterValue):
        check_requested(requested)


def test_what_comes_at_creation_only_stays() -> None:
    before = initial(replace(REQUIRED, source_kms_key=KEY, tenant_isolation="PER_TENANT"))
    assert (before.source_kms_key, before.tenant_isolation) == (KEY, "PER_TENANT")
    assert changed_settings(before, RequestedSettings()) == before
