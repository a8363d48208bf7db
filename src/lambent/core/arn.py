"""Amazon Resource Names of functions, and every form in which a caller may name one.

Source: api-errors.md section 4 (recorded from AWS).
"""

import re
from dataclasses import dataclass
from typing import Final

from lambent.core.errors import AccessDenied, InvalidParameterValue, ResourceNotFound
from lambent.core.scope import Scope

PARTITION: Final = "aws"

# The API model's pattern of a FunctionName, its parts named. Each prefix may be left out alone, so that
# `arn:aws:lambda:us-east-1:000000000000:function` is a function called "function".
_REFERENCE: Final = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-[0-9]):)?"
    r"(?:(?P<account>[0-9]{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_.-]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]+))?"
)


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """A function as a caller named it."""

    name: str
    qualifier: str | None
    """Version number, `$LATEST` or alias; None where none was given."""


def function_arn(scope: Scope, name: str, qualifier: str | None = None) -> str:
    """The ARN of a function, qualified if a qualifier is given."""
    arn = f"arn:{PARTITION}:lambda:{scope.region}:{scope.account}:function:{name}"
    return arn if qualifier is None else f"{arn}:{qualifier}"


def parse_function_reference(text: str, *, scope: Scope, qualifier: str | None = None) -> FunctionReference:
    """Understand `name`, `name:q`, `function:name[:q]`, `account:function:name[:q]` or a full ARN.

    Args:
        text: has passed the API model's pattern.
        scope: the caller's account and the endpoint's region.
        qualifier: the operation's separate Qualifier parameter.

    Raises:
        InvalidParameterValue: the two qualifiers differ; or the text isn't any of these (text unverified).
        ResourceNotFound: an ARN of another region.
        AccessDenied: an ARN of another account.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise InvalidParameterValue(f"{text} is not the name or the ARN of a function.")
    region, account, name, derived = match.groups()
    if derived is not None and qualifier is not None and derived != qualifier:
        raise InvalidParameterValue(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    if region is not None and region != scope.region:
        raise ResourceNotFound(f"Functions from '{region}' are not reachable in this region ('{scope.region}')")
    if account is not None and account != scope.account:
        raise AccessDenied(None)
    return FunctionReference(name, qualifier if derived is None else derived)
