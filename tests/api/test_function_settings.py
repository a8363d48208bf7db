"""Every block of a function's configuration: what is kept, what is shown, what is refused and how.

Recorded from AWS where a test says no other source. What the API model says (lengths, patterns, enums) is tested for
all operations in test_requests; here are those of quotas.md section 2.
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.core.honesty import REFUSED_SETTINGS
from tests.api.calls import create, package, settle
from tests.api.function_requests import INVALID, VALIDATION, make, refused, refused_update, update

pytestmark = pytest.mark.root

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:queue"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:topic"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ACCESS_POINT = "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0"
S3_FILES = "arn:aws:s3files:eu-west-1:123456789012:file-system/fs-0123456789abcdef0/access-point/fsap-0123456789abcdef0"
PROVIDER = {
    "LambdaManagedInstancesCapacityProviderConfig": {
        "CapacityProviderArn": "arn:aws:lambda:eu-west-1:123456789012:capacity-provider:p"
    }
}
VPC = {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
NO_VPC = {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": False}
FILES = [{"Arn": ACCESS_POINT, "LocalMountPath": "/mnt/files"}]
IMAGE = {"PackageType": "Image", "Runtime": None, "Handler": None, "Code": {"ImageUri": "repository:tag"}}


class TestVpcConfig:
    def test_it_is_shown_with_its_vpc_wherever_the_function_is(self, client: Any) -> None:
        created = create(client, VpcConfig=VPC)["VpcConfig"]
        assert created == {**VPC, "VpcId": created["VpcId"], "Ipv6AllowedForDualStack": False}
        assert created["VpcId"].startswith("vpc-")
        assert settle(client)["VpcConfig"] == created
        assert client.list_functions()["Functions"][0]["VpcConfig"] == created
        assert client.publish_version(FunctionName="my-function")["VpcConfig"] == created

    def test_dual_stack_is_shown(self, client: Any) -> None:
        shown = make(client, VpcConfig={**VPC, "Ipv6AllowedForDualStack": True})["VpcConfig"]
        assert shown["Ipv6AllowedForDualStack"] is True

    def test_it_is_replaced_whole_and_emptied_by_empty_lists(self, client: Any) -> None:
        first = make(client, VpcConfig={**VPC, "Ipv6AllowedForDualStack": True})["VpcConfig"]
        assert update(client, Description="other")["VpcConfig"] == first
        assert update(client, VpcConfig={})["VpcConfig"] == first  # Source: unverified
        moved = update(client, VpcConfig={"SubnetIds": ["subnet-3"], "SecurityGroupIds": ["sg-3"]})["VpcConfig"]
        assert (moved["SubnetIds"], moved["SecurityGroupIds"]) == (["subnet-3"], ["sg-3"])
        assert moved["Ipv6AllowedForDualStack"] is False
        assert moved["VpcId"] != first["VpcId"]
        assert update(client, VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})["VpcConfig"] == NO_VPC

    def test_a_published_version_keeps_its_own(self, client: Any) -> None:
        first = make(client, VpcConfig=VPC, Publish=True)["VpcConfig"]
        assert update(client, VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})["VpcConfig"] == NO_VPC
        assert client.publish_version(FunctionName="my-function")["Version"] == "2"
        assert client.get_function_configuration(FunctionName="my-function", Qualifier="1")["VpcConfig"] == first

    @pytest.mark.parametrize("missing", ["SubnetIds", "SecurityGroupIds"])
    def test_subnets_and_security_groups_go_together(self, client: Any, missing: str) -> None:
        """Source: observed (public reports, 2017 to 2024)."""
        expected = (INVALID, "SubnetIds and SecurityIds must coexist or be both empty list.")
        assert refused(client, VpcConfig={**VPC, missing: []}) == expected
        make(client, VpcConfig=VPC)
        assert refused_update(client, VpcConfig={**VPC, missing: []}) == expected

    @pytest.mark.parametrize(
        ("config", "text"),
        [
            (
                {**VPC, "SubnetIds": ["subnet_1"]},
                (
                    "1 validation error detected: Value '[subnet_1]' at 'vpcConfig.subnetIds' failed to satisfy constraint: "
                    "Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have "
                    "length greater than or equal to 0, Member must satisfy regular expression pattern: subnet-[0-9a-z]*]"
                ),
            ),
            (
                {**VPC, "SecurityGroupIds": ["group"]},
                (
                    "1 validation error detected: Value '[group]' at 'vpcConfig.securityGroupIds' failed to satisfy "
                    "constraint: Member must satisfy constraint: [Member must have length less than or equal to 1024, "
                    "Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: "
                    "sg-[0-9a-zA-Z]*]"
                ),
            ),
        ],
    )
    def test_malformed_ids(self, client: Any, config: Any, text: str) -> None:
        assert refused(client, VpcConfig=config) == (VALIDATION, text)

    @pytest.mark.parametrize(
        ("member", "most", "prefix"), [("SubnetIds", 16, "subnet-"), ("SecurityGroupIds", 5, "sg-")]
    )
    def test_16_subnets_and_5_security_groups(self, client: Any, member: str, most: int, prefix: str) -> None:
        """Source: quotas.md section 2."""
        ids = [f"{prefix}{number}" for number in range(most + 1)]
        code, text = refused(client, VpcConfig={**VPC, member: ids})
        assert code == VALIDATION
        assert text.endswith(f"Member must have length less than or equal to {most}")
        assert make(client, VpcConfig={**VPC, member: ids[:most]})["VpcConfig"][member] == ids[:most]


class TestDeadLetterConfig:
    @pytest.mark.parametrize("target", [QUEUE, TOPIC])
    def test_a_queue_or_a_topic_is_shown(self, client: Any, target: str) -> None:
        assert make(client, DeadLetterConfig={"TargetArn": target})["DeadLetterConfig"] == {"TargetArn": target}

    def test_an_empty_structure_changes_nothing_and_an_empty_target_takes_it_away(self, client: Any) -> None:
        """Source: recorded for the structure; that the key then goes is unverified."""
        make(client, DeadLetterConfig={"TargetArn": QUEUE})
        assert update(client, DeadLetterConfig={})["DeadLetterConfig"] == {"TargetArn": QUEUE}
        assert update(client, DeadLetterConfig={"TargetArn": TOPIC})["DeadLetterConfig"] == {"TargetArn": TOPIC}
        assert "DeadLetterConfig" not in update(client, DeadLetterConfig={"TargetArn": ""})

    def test_anything_else_is_refused(self, client: Any) -> None:
        code, text = refused(client, DeadLetterConfig={"TargetArn": "arn:aws:s3:::bucket"})
        assert code == INVALID
        assert text.startswith("Invalid dead letter queue ARN: ")

    def test_what_is_no_arn_is_the_models_business(self, client: Any) -> None:
        code, text = refused(client, DeadLetterConfig={"TargetArn": "queue"})
        assert code == VALIDATION
        assert "'deadLetterConfig.targetArn' failed to satisfy constraint: Member must satisfy regular" in text


class TestKeys:
    def test_the_key_of_the_environment_is_shown_and_taken_away(self, client: Any) -> None:
        assert make(client, KMSKeyArn=KEY)["KMSKeyArn"] == KEY
        assert update(client, Description="other")["KMSKeyArn"] == KEY
        assert "KMSKeyArn" not in update(client, KMSKeyArn="")

    def test_what_is_no_key_is_refused(self, client: Any) -> None:
        """Source: the beginning of the message is observed."""
        code, text = refused(client, KMSKeyArn="arn:aws:s3:::bucket")
        assert code == INVALID
        assert text.startswith(
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
            "CreateGrant. Please check your KMS key settings."
        )
        assert refused(client, Code={"ZipFile": package(), "SourceKMSKeyArn": "arn:aws:s3:::bucket"})[0] == INVALID

    def test_the_key_of_the_package_comes_with_the_code(self, client: Any) -> None:
        """Source: API reference, FunctionCode and FunctionCodeLocation."""
        make(client, Code={"ZipFile": package(), "SourceKMSKeyArn": KEY})

        def shown() -> Any:
            return client.get_function(FunctionName="my-function")["Code"].get("SourceKMSKeyArn")

        assert shown() == KEY
        update(client, Description="other")
        assert shown() == KEY
        client.update_function_code(FunctionName="my-function", ZipFile=package("other"))
        settle(client)
        assert shown() is None
        client.update_function_code(FunctionName="my-function", ZipFile=package(), SourceKMSKeyArn=KEY)
        settle(client)
        assert shown() == KEY
        with pytest.raises(ClientError, match="is not the ARN of a KMS key"):
            client.update_function_code(
                FunctionName="my-function", ZipFile=package(), SourceKMSKeyArn="arn:aws:s3:::bucket"
            )


class TestPackageType:
    """Source: api-errors.md section 5, observed; what says otherwise is unverified."""

    MIXED = "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."

    @pytest.mark.parametrize(
        "more",
        [
            {"Runtime": "python3.13"},
            {"Handler": "index.handler"},
            {"Layers": ["arn:aws:lambda:eu-west-1:123456789012:layer:l:1"]},
        ],
    )
    def test_an_image_has_neither_runtime_nor_handler_nor_layers(self, client: Any, more: Any) -> None:
        assert refused(client, **{**IMAGE, **more}) == (INVALID, self.MIXED)

    @pytest.mark.parametrize("missing", ["Runtime", "Handler"])
    def test_a_package_has_a_runtime_and_a_handler(self, client: Any, missing: str) -> None:
        text = "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        assert refused(client, **{missing: None}) == (INVALID, text)
        assert refused(client, Runtime=None, Handler=None, Code={"ImageUri": "repository:tag"}) == (INVALID, text)

    def test_an_image_function_needs_an_image(self, client: Any) -> None:
        """Source: unverified."""
        assert "Please provide ImageUri" in refused(client, **{**IMAGE, "Code": {"ZipFile": package()}})[1]

    def test_a_zip_function_has_no_image(self, client: Any) -> None:
        """Source: unverified."""
        assert "Please don't provide ImageUri" in refused(client, Code={"ImageUri": "repository:tag"})[1]
        assert "Please don't provide ImageConfig" in refused(client, ImageConfig={"Command": ["a"]})[1]
        make(client)
        assert "Please don't provide ImageConfig" in refused_update(client, ImageConfig={"Command": ["a"]})[1]
        assert update(client, ImageConfig={})["State"] == "Active"

    def test_the_rules_come_before_our_refusal(self, client: Any) -> None:
        assert refused(client, **IMAGE)[1].startswith("PackageType=Image is not supported by this version of Lambent.")
        code, text = refused(client, **IMAGE, Environment={"Variables": {"AWS_REGION": "x"}})
        assert (code, text.split(": ")[-1]) == (INVALID, "AWS_REGION")


class TestFeatures:
    """Observed by the field; api-errors.md section 5, api-durable-capacity.md sections 1 and 2."""

    def test_a_runtime_without_snap_start(self, client: Any) -> None:
        text = "python3.11 is not supported for SnapStart enabled functions."
        on = {"ApplyOn": "PublishedVersions"}
        assert refused(client, Runtime="python3.11", SnapStart=on) == (INVALID, text)
        make(client, Runtime="python3.11", SnapStart={"ApplyOn": "None"})
        assert refused_update(client, SnapStart=on) == (INVALID, text)
        assert (
            "SnapStart.ApplyOn=PublishedVersions is not"
            in refused_update(client, SnapStart=on, Runtime="python3.12")[1]
        )

    def test_a_durable_function_has_a_timeout_and_a_runtime_for_it(self, client: Any) -> None:
        text = "You cannot create a function with a durable configuration without an executionTimeout"
        for config in ({}, {"RetentionPeriodInDays": 1}):
            assert refused(client, DurableConfig=config) == (INVALID, text)
        text = "You cannot use a managed runtime that does not support a durable configuration"
        for runtime in ("python3.11", "python3.12"):
            assert refused(client, Runtime=runtime, DurableConfig={"ExecutionTimeout": 60}) == (INVALID, text)

    @pytest.mark.parametrize(
        ("config", "path"),
        [
            ({"ExecutionTimeout": 0}, "durableConfig.executionTimeout"),
            ({"ExecutionTimeout": 31_622_401}, "durableConfig.executionTimeout"),
            ({"ExecutionTimeout": 60, "RetentionPeriodInDays": 0}, "durableConfig.retentionPeriodInDays"),
            ({"ExecutionTimeout": 60, "RetentionPeriodInDays": 91}, "durableConfig.retentionPeriodInDays"),
            ({"ExecutionTimeout": 60, "KMSKeyArn": "key"}, "durableConfig.kmsKeyArn"),
        ],
    )
    def test_ranges_of_a_durable_function(self, client: Any, config: Any, path: str) -> None:
        code, text = refused(client, DurableConfig=config)
        assert code == VALIDATION
        assert f"at '{path}' failed to satisfy constraint" in text.replace("kMSKeyArn", "kmsKeyArn")

    def test_a_capacity_provider(self, client: Any) -> None:
        inner = "capacityProviderConfig.lambdaManagedInstancesCapacityProviderConfig"
        null = "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null"
        assert refused(client, CapacityProviderConfig={}) == (VALIDATION, null.format(inner))
        config: dict[str, Any] = {"LambdaManagedInstancesCapacityProviderConfig": {}}
        assert refused(client, CapacityProviderConfig=config) == (
            VALIDATION,
            null.format(f"{inner}.capacityProviderArn"),
        )
        text = "Runtime Enum python3.12 does not support specified feature: Lambda Managed Instances"
        assert refused(client, Runtime="python3.12", CapacityProviderConfig=PROVIDER) == (INVALID, text)

    def test_a_capacity_provider_cannot_be_added(self, client: Any) -> None:
        make(client)
        expected = (INVALID, "CapacityProviderConfig isn't supported for Lambda Default functions.")
        assert refused_update(client, CapacityProviderConfig=PROVIDER) == expected

    def test_publish_to(self, client: Any) -> None:
        """Source: api-durable-capacity.md section 2, recorded."""
        code, text = refused(client, Publish=True, PublishTo="LATEST")
        assert code == VALIDATION
        assert text.endswith(
            "at 'publishTo' failed to satisfy constraint: Member must satisfy enum value set: [LATEST_PUBLISHED]"
        )

    @pytest.mark.parametrize("arn", [ACCESS_POINT, S3_FILES])
    def test_a_file_system_needs_a_vpc(self, client: Any, arn: str) -> None:
        """Source: observed (CloudFormation passes the message on)."""
        files = [{"Arn": arn, "LocalMountPath": "/mnt/files"}]
        text = f"Function must be configured to execute in a VPC to reference access point {arn}."
        assert refused(client, FileSystemConfigs=files) == (INVALID, text)
        assert "FileSystemConfigs is not supported" in refused(client, FileSystemConfigs=files, VpcConfig=VPC)[1]
        make(client)
        assert refused_update(client, FileSystemConfigs=files) == (INVALID, text)
        update(client, VpcConfig=VPC)
        assert "FileSystemConfigs is not supported" in refused_update(client, FileSystemConfigs=files)[1]

    @pytest.mark.parametrize(
        ("files", "path"),
        [
            (FILES * 2, "fileSystemConfigs"),
            ([{"Arn": "arn:aws:s3:::b", "LocalMountPath": "/mnt/files"}], "fileSystemConfigs.1.member.arn"),
            ([{"Arn": ACCESS_POINT, "LocalMountPath": "/files"}], "fileSystemConfigs.1.member.localMountPath"),
            (
                [{"Arn": ACCESS_POINT, "LocalMountPath": f"/mnt/{156 * 'x'}"}],
                "fileSystemConfigs.1.member.localMountPath",
            ),
            ([{"Arn": ACCESS_POINT}], "fileSystemConfigs.1.member.localMountPath"),
        ],
    )
    def test_a_malformed_file_system(self, client: Any, files: Any, path: str) -> None:
        """Source: quotas.md section 2."""
        code, text = refused(client, FileSystemConfigs=files, VpcConfig=VPC)
        assert (code, path in text) == (VALIDATION, True), text


class TestTenancyConfig:
    """What it does is tested in tests/invoke/test_tenants.py."""

    def test_it_is_shown_and_stays(self, client: Any) -> None:
        config = {"TenantIsolationMode": "PER_TENANT"}
        assert create(client, TenancyConfig=config)["TenancyConfig"] == config
        settle(client)
        assert update(client, Description="other")["TenancyConfig"] == config
        assert client.get_function(FunctionName="my-function")["Configuration"]["TenancyConfig"] == config

    def test_an_update_has_no_such_member(self, client: Any) -> None:
        """Source: API model, UpdateFunctionConfiguration."""
        assert (
            "TenancyConfig"
            not in client.meta.service_model.operation_model("UpdateFunctionConfiguration").input_shape.members
        )

    def test_without_a_mode(self, client: Any) -> None:
        code, text = refused(client, TenancyConfig={})
        assert code == VALIDATION
        assert "Value null at 'tenancyConfig.tenantIsolationMode'" in text


class TestLoggingConfig:
    def test_levels_need_json(self, client: Any) -> None:
        text = (
            'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change '
            'the LogFormat to "JSON" and try again.'
        )
        for level in ({"ApplicationLogLevel": "DEBUG"}, {"SystemLogLevel": "WARN"}):
            assert refused(client, LoggingConfig=level) == (INVALID, text)
            assert refused(client, LoggingConfig={"LogFormat": "Text", **level}) == (INVALID, text)
        make(client, LoggingConfig={"LogFormat": "JSON"})
        assert refused_update(client, LoggingConfig={"LogFormat": "Text", "SystemLogLevel": "INFO"}) == (INVALID, text)

    @pytest.mark.parametrize("group", ["", "a group", "ä", "x" * 513])
    def test_the_name_of_a_group(self, client: Any, group: str) -> None:
        """Source: quotas.md section 2."""
        assert refused(client, LoggingConfig={"LogGroup": group})[0] == VALIDATION

    def test_the_longest_name_of_a_group(self, client: Any) -> None:
        group = "/.-_#aZ9" * 64
        assert make(client, LoggingConfig={"LogGroup": group})["LoggingConfig"]["LogGroup"] == group


UNSUPPORTED: dict[str, Any] = {
    "PackageType=Image": IMAGE,
    "Code.S3ObjectStorageMode=REFERENCE": {
        "Code": {"S3Bucket": "bucket", "S3Key": "key", "S3ObjectStorageMode": "REFERENCE"}
    },
    "FileSystemConfigs": {"FileSystemConfigs": FILES, "VpcConfig": VPC},
    "SnapStart.ApplyOn=PublishedVersions": {"SnapStart": {"ApplyOn": "PublishedVersions"}},
    "DurableConfig": {"DurableConfig": {"ExecutionTimeout": 60}},
    "CapacityProviderConfig": {"CapacityProviderConfig": PROVIDER},
    "RuntimeConfig": {
        "RuntimeConfig": {"RuntimeArn": "arn:aws:lambda:eu-west-1:123456789012:runtime/my", "RuntimeAlias": "a"}
    },
    "AcceleratorConfig": {"AcceleratorConfig": {"AcceleratorMemorySize": 1}},
    "PublishTo": {"PublishTo": "LATEST_PUBLISHED"},
}


class TestHonesty:
    @pytest.mark.parametrize("setting", UNSUPPORTED)
    def test_a_setting_that_would_not_be_in_force_is_refused_by_name(self, client: Any, setting: str) -> None:
        text = f"{setting} is not supported by this version of Lambent. Remove it from the request."
        assert refused(client, **UNSUPPORTED[setting]) == (INVALID, text)

    def test_every_refused_setting_of_create_function_is_tried_here(self) -> None:
        of_others = {"S3ObjectStorageMode=REFERENCE", "Content.S3ObjectStorageMode=REFERENCE"}
        assert {refused.setting for refused in REFUSED_SETTINGS} == UNSUPPORTED.keys() | of_others

    @pytest.mark.parametrize("request_part", [{"PublishTo": "LATEST_PUBLISHED"}, {"S3ObjectStorageMode": "REFERENCE"}])
    def test_code_is_refused_too(self, client: Any, request_part: dict[str, str]) -> None:
        make(client)
        source = {"ZipFile": package()} if "PublishTo" in request_part else {"S3Bucket": "bucket", "S3Key": "key"}
        with pytest.raises(ClientError, match="is not supported by this version of Lambent"):
            client.update_function_code(FunctionName="my-function", **source, **request_part)
        with pytest.raises(ClientError, match="PublishTo is not supported"):
            client.publish_version(FunctionName="my-function", PublishTo="LATEST_PUBLISHED")
