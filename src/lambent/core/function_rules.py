"""What is allowed on an existing function: references, conditions and states, with AWS's words for each refusal.

Source: api-errors.md §4, §5, §6 (recorded from AWS).
"""

import re

from lambent.core.arn import FunctionReference, function_arn
from lambent.core.errors import InvalidParameterValue, PreconditionFailed, ResourceConflict, ResourceNotFound
from lambent.core.function import LATEST, FunctionConfiguration, State
from lambent.core.scope import Scope

WRONG_REVISION = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
)

_VERSION_NUMBER = re.compile(r"[0-9]+")


def function_not_found(scope: Scope, name: str, qualifier: str | None = None) -> ResourceNotFound:
    """The answer for a function, version or alias that isn't there; the ARN is qualified as the operation says it."""
    return ResourceNotFound(f"Function not found: {function_arn(scope, name, qualifier)}")


def unqualified_name(reference: FunctionReference) -> str:
    """The name of a reference for operations that are about whole functions.

    Raises:
        InvalidParameterValue: the reference has a qualifier (`$LATEST` too).
    """
    if reference.qualifier is not None:
        raise InvalidParameterValue(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN."
        )
    return reference.name


def name_of_latest(reference: FunctionReference) -> str:
    """The name of a reference for operations that change or publish `$LATEST`, which the caller may say.

    Raises:
        InvalidParameterValue: the reference has another qualifier. Source of the text: observed (UpdateFunctionCode);
            that PublishVersion says the same is unverified.
    """
    if reference.qualifier not in {None, LATEST}:
        raise InvalidParameterValue(
            "Current operation does not support versions other than $LATEST. "
            "Please set the version to $LATEST or do not set a version in your request."
        )
    return reference.name


def is_version_number(qualifier: str) -> bool:
    """Whether a qualifier is a published version's number (else it is `$LATEST` or an alias's name)."""
    return _VERSION_NUMBER.fullmatch(qualifier) is not None


def check_deletable_qualifier(qualifier: str) -> None:
    """What DeleteFunction may take away by qualifier: published versions only. Checked before existence.

    Raises:
        InvalidParameterValue: `$LATEST`, or something that looks like an alias.
    """
    if qualifier == LATEST:
        raise InvalidParameterValue("$LATEST version cannot be deleted without deleting the function.")
    if not is_version_number(qualifier):
        raise InvalidParameterValue("Deletion of aliases is not currently supported.")


def check_revision(current: FunctionConfiguration, revision_id: str | None) -> None:
    """Raises PreconditionFailed when the caller names another revision than the current one."""
    if revision_id is not None and revision_id != current.revision_id:
        raise PreconditionFailed(WRONG_REVISION)


def check_settled(latest: FunctionConfiguration) -> None:
    """Raises ResourceConflict while `$LATEST` is being created, failed to be, or is being updated."""
    arn = function_arn(latest.scope, latest.function_name)
    if latest.state is not State.ACTIVE:
        raise ResourceConflict(
            f"The operation cannot be performed at this time. The resource {arn} is currently in the following state: "
            f"'{latest.state}'. StateReasonCode: '{latest.state_reason_code}'"
        )
    if not latest.is_settled:
        raise ResourceConflict(
            f"The operation cannot be performed at this time. An update is in progress for resource: {arn}"
        )


def not_invocable(state: State) -> ResourceConflict:
    """The answer to an invocation of a version that was never activated."""
    return ResourceConflict(
        f"The operation cannot be performed at this time. The function is currently in the following state: {state}"
    )
