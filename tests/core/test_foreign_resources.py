import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.foreign_resources import (
    check_dead_letter_target,
    check_kms_key,
    check_source_kms_key,
    check_vpc,
    in_its_vpc,
)
from lambent.core.function import VpcSettings


@pytest.mark.parametrize(
    "vpc",
    [
        VpcSettings(),
        VpcSettings(("subnet-1", "subnet-2"), ("sg-1",)),
        VpcSettings(ipv6_allowed_for_dual_stack=True),
    ],
)
def test_a_vpc_has_subnets_and_groups_or_neither(vpc: VpcSettings) -> None:
    check_vpc(vpc)


@pytest.mark.parametrize("vpc", [VpcSettings(("subnet-1",)), VpcSettings(security_group_ids=("sg-1",))])
def test_subnets_and_groups_go_together(vpc: VpcSettings) -> None:
    """Source: observed."""
    with pytest.raises(InvalidParameterValue) as error:
        check_vpc(vpc)
    assert str(error.value) == "SubnetIds and SecurityIds must coexist or be both empty list."


def test_the_same_subnets_are_in_the_same_vpc() -> None:
    """Source: unverified; what AWS answers is looked up."""
    one = in_its_vpc(VpcSettings(("subnet-1", "subnet-2"), ("sg-1",)))
    other = in_its_vpc(VpcSettings(("subnet-2", "subnet-1"), ("sg-2",)))
    assert one.vpc_id == other.vpc_id
    assert len(one.vpc_id) == len("vpc-0123456789abcdef0")
    assert in_its_vpc(VpcSettings(("subnet-3",), ("sg-1",))).vpc_id != one.vpc_id


def test_without_subnets_there_is_no_vpc() -> None:
    """Source: recorded from AWS (VpcConfig emptied)."""
    assert in_its_vpc(VpcSettings()).vpc_id == ""


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:sqs:eu-west-1:123456789012:my-queue",
        "arn:aws:sqs:eu-west-1:123456789012:my-queue.fifo",
        "arn:aws-cn:sns:cn-north-1:123456789012:my_topic",
    ],
)
def test_dead_letters_go_to_a_queue_or_a_topic(arn: str) -> None:
    check_dead_letter_target(arn)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:::bucket",
        "arn:aws:lambda:eu-west-1:123456789012:function:f",
        "arn:aws:sqs:eu-west-1:123456789012:",
        "arn:aws:sns:eu-west-1:123456789012:topic:subscription",
    ],
)
def test_dead_letters_go_nowhere_else(arn: str) -> None:
    with pytest.raises(InvalidParameterValue, match=f"^Invalid dead letter queue ARN: {arn} is neither"):
        check_dead_letter_target(arn)


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:eu-west-1:123456789012:alias/my/key",
    ],
)
def test_a_key_is_a_kms_key(arn: str) -> None:
    check_kms_key(arn)
    check_source_kms_key(arn)


@pytest.mark.parametrize("arn", ["arn:aws:s3:::bucket", "arn:aws:kms:eu-west-1:123456789012:grant/k"])
def test_anything_else_is_no_key(arn: str) -> None:
    with pytest.raises(InvalidParameterValue, match="the KMS key is invalid for CreateGrant"):
        check_kms_key(arn)
    with pytest.raises(InvalidParameterValue, match="is not the ARN of a KMS key"):
        check_source_kms_key(arn)
