"""Permissions: what AddPermission asks for, and the statement that it comes to.

Source: api-errors.md §9 (recorded from AWS where not said otherwise).
"""

from dataclasses import dataclass
from typing import Any

from lambent.core.errors import InvalidParameterValue
from lambent.core.function import LATEST
from lambent.core.principals import principal_document


@dataclass(frozen=True, slots=True)
class Permission:
    """The members of AddPermission that make a statement; None is no such condition."""

    statement_id: str
    action: str
    principal: str
    source_arn: str | None = None
    source_account: str | None = None
    principal_org_id: str | None = None
    event_source_token: str | None = None
    function_url_auth_type: str | None = None
    invoked_via_function_url: bool | None = None

    def statement(self, arn: str) -> dict[str, Any]:
        """The statement as IAM writes it, its keys in AWS's order.

        Args:
            arn: the resource: of a function, or qualified.

        Raises:
            InvalidParameterValue: nobody is called like the principal; a condition doesn't go with the action.
        """
        self._check_conditions()
        document: dict[str, Any] = {
            "Sid": self.statement_id,
            "Effect": "Allow",
            "Principal": principal_document(self.principal),
            "Action": self.action,
            "Resource": arn,
        }
        condition = self._condition()
        return {**document, "Condition": condition} if condition else document

    def _check_conditions(self) -> None:
        # The first text is observed, not recorded; the second is unverified.
        for member, value, action in (
            ("FunctionUrlAuthType", self.function_url_auth_type, "lambda:InvokeFunctionUrl"),
            ("InvokedViaFunctionUrl", self.invoked_via_function_url, "lambda:InvokeFunction"),
        ):
            if value is not None and self.action != action:
                raise InvalidParameterValue(f"{member} is only supported for {action} action")

    def _condition(self) -> dict[str, dict[str, str]]:
        """Source: the order of keys is recorded; those of the token and of `Bool` are unverified."""
        equals = {
            "AWS:SourceAccount": self.source_account,
            "lambda:FunctionUrlAuthType": self.function_url_auth_type,
            "aws:PrincipalOrgID": self.principal_org_id,
            "lambda:EventSourceToken": self.event_source_token,
        }
        via_url = self.invoked_via_function_url
        operators = {
            "StringEquals": equals,
            "ArnLike": {"AWS:SourceArn": self.source_arn},
            "Bool": {"lambda:InvokedViaFunctionUrl": None if via_url is None else str(via_url).lower()},
        }
        given = {
            operator: {key: value for key, value in keys.items() if value is not None}
            for operator, keys in operators.items()
        }
        return {operator: keys for operator, keys in given.items() if keys}


def check_may_have_policy(qualifier: str | None) -> None:
    """Raises InvalidParameterValue for `$LATEST`: the function itself has a policy, and is named without qualifier."""
    if qualifier == LATEST:
        raise InvalidParameterValue(f"We currently do not support adding policies for {LATEST}.")
