"""What a function's settings name of other services: its VPC, where its dead letters go, the keys of its data.

None of these services is asked whether there is such a resource when it is set: what can be said of a request alone is
checked, so that a configuration which AWS refuses for its form is refused here. Dead letters are sent (`deliveries`);
the rest isn't in force yet (`honesty.KEPT_NOT_IN_FORCE`).
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lambent.core.errors import InvalidParameterValue
from lambent.core.function import VpcSettings

_DEAD_LETTER_TARGET: Final = re.compile(r"arn:[a-z0-9-]+:(?:sqs|sns):[a-z0-9-]+:[0-9]{12}:[a-zA-Z0-9_-]+(?:\.fifo)?")
_KEY: Final = re.compile(r"arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:(?:key|alias)/[a-zA-Z0-9/_-]+")
_VPC_ID_DIGITS: Final = 17


def check_vpc(vpc: VpcSettings) -> None:
    """Refuse subnets without security groups, and the other way round.

    Raises:
        InvalidParameterValue: one of the lists is empty and the other isn't.

    Source: observed (public reports of the message from 2017 to 2024).
    """
    if bool(vpc.subnet_ids) != bool(vpc.security_group_ids):
        raise InvalidParameterValue("SubnetIds and SecurityIds must coexist or be both empty list.")


def in_its_vpc(vpc: VpcSettings) -> VpcSettings:
    """The same with the id of the VPC, which is made from the subnets since nobody can be asked for it."""
    return replace(vpc, vpc_id=_vpc_id(vpc.subnet_ids))


def _vpc_id(subnet_ids: Sequence[str]) -> str:
    if not subnet_ids:
        return ""
    return "vpc-" + hashlib.sha256(",".join(sorted(subnet_ids)).encode()).hexdigest()[:_VPC_ID_DIGITS]


def check_dead_letter_target(arn: str) -> None:
    """Refuse a target that isn't a queue or a topic; an empty one takes the target away.

    Raises:
        InvalidParameterValue: the ARN of something else.

    Source: developer guide, "Dead-letter queues". Of the message, the beginning is observed (a public report of 2018),
    the reason unverified.
    """
    if arn and _DEAD_LETTER_TARGET.fullmatch(arn) is None:
        raise InvalidParameterValue(
            f"Invalid dead letter queue ARN: {arn} is neither an Amazon SQS queue nor an Amazon SNS topic."
        )


def check_kms_key(arn: str) -> None:
    """Refuse a key for environment variables that isn't a key; an empty one means AWS's own.

    Raises:
        InvalidParameterValue: the ARN of something else.

    Source: the message up to "settings." is observed (tools that wait for it to go away know it); the rest unverified.
    """
    if _is_no_key(arn):
        raise InvalidParameterValue(
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
            f"CreateGrant. Please check your KMS key settings. KMS Exception: InvalidArnException KMS Message: {arn}"
        )


def check_source_kms_key(arn: str) -> None:
    """Refuse a key for the deployment package that isn't a key.

    Raises:
        InvalidParameterValue: the ARN of something else. Source of the text: unverified.
    """
    if _is_no_key(arn):
        raise InvalidParameterValue(f"SourceKMSKeyArn {arn} is not the ARN of a KMS key.")


def _is_no_key(arn: str) -> bool:
    return arn != "" and _KEY.fullmatch(arn) is None
