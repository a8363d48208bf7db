"""Principals: who a statement of a resource policy is about, and how IAM writes them.

Lambent doesn't know which services, users and roles there are: what has the form of one is accepted. AWS looks each of
them up, and refuses those that don't exist.

Source: api-errors.md §9 (recorded); IAM user guide, "AWS JSON policy elements: Principal".
"""

import re
from typing import Final

from lambent.core.arn import PARTITION
from lambent.core.errors import InvalidParameterValue

EVERYBODY: Final = "*"

PrincipalDocument = str | dict[str, str]
"""`"*"`, `{"AWS": …}` or `{"Service": …}`."""

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_IDENTITY: Final = re.compile(
    r"arn:aws[a-z-]*:(?:"
    r"iam::[0-9]{12}:(?:root|(?:user|role)/[\w+=,.@/-]+)"
    r"|sts::[0-9]{12}:(?:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@:-]+)"
    r")",
    re.ASCII,
)
# Alexa's are of amazon.com.
_SERVICE: Final = re.compile(r"(?:[a-z0-9][a-z0-9-]*\.)+(?:amazonaws\.com(?:\.cn)?|amazon\.com|api\.aws|aws\.internal)")
_UNIQUE_ID: Final = re.compile(r"(?:AIDA|AROA)[A-Z0-9]{12,124}")


def principal_document(principal: str) -> PrincipalDocument:
    """A principal of AddPermission or AddLayerVersionPermission as IAM writes it.

    Args:
        principal: `*`, a service, the number of an account, or the ARN of an account's root, user, role or session.

    Raises:
        InvalidParameterValue: it is none of these.
    """
    if principal == EVERYBODY:
        return EVERYBODY
    if is_service(principal):
        return {"Service": principal}
    if _ACCOUNT.fullmatch(principal):
        return {"AWS": f"arn:{PARTITION}:iam::{principal}:root"}
    if _IDENTITY.fullmatch(principal):
        return {"AWS": principal}
    raise InvalidParameterValue("The provided principal was invalid. Please check the principal and try again.")


def is_service(text: str) -> bool:
    """Whether a text has the form of a service's name, `s3.amazonaws.com`."""
    return _SERVICE.fullmatch(text) is not None


def is_identity(text: str) -> bool:
    """Whether a text names an account, or somebody of one, as the principal `AWS` of a document may."""
    return any(form.fullmatch(text) for form in (_ACCOUNT, _IDENTITY, _UNIQUE_ID))


def is_whole_account(text: str, account: str) -> bool:
    """Whether a text that `is_identity` means an account, and that one."""
    return text == account or (text.endswith(":root") and text.split(":")[4] == account)
