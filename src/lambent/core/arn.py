"""Amazon Resource Names of functions, and every form in which a caller may name one.

Source: api-errors.md section 4 (recorded from AWS).
"""

from dataclasses import dataclass

from lambent.core.errors import AccessDenied, InvalidParameterValue, ResourceNotFound
from lambent.core.scope import Scope

PARTITION = "aws"


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

    The text has passed the API model's pattern already.

    Args:
        scope: the caller's account and the endpoint's region.
        qualifier: the operation's separate Qualifier parameter.

    Raises:
        ResourceNotFound: an ARN of another region.
        AccessDenied: an ARN of another account.
        InvalidParameterValue: the two qualifiers differ.
    """
    parts = text.split(":")
    account: str | None = None
    if parts[0] == "arn":
        if parts[3] != scope.region:
            raise ResourceNotFound(
                f"Functions from '{parts[3]}' are not reachable in this region ('{scope.region}')"
            )
        account = parts[4]
        parts = parts[5:]
    elif len(parts) > 1 and parts[1] == "function" and _is_account(parts[0]):
        account = parts[0]
        parts = parts[1:]
    if len(parts) > 1 and parts[0] == "function":
        parts = parts[1:]
    name, derived = parts[0], parts[1] if len(parts) > 1 else None
    if derived is not None and qualifier is not None and derived != qualifier:
        raise InvalidParameterValue(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    if account is not None and account != scope.account:
        raise AccessDenied(None)
    return FunctionReference(name, derived if derived is not None else qualifier)


def _is_account(text: str) -> bool:
    return len(text) == 12 and text.isdigit()
