"""The policy of a layer version: who beside the account itself may use it.

Each statement allows GetLayerVersion (that is all it can allow) to everybody, to one account, or to the accounts of an
organisation. Lambent knows no organisations, so no account is in one: such a statement is kept and shown, and lets
nobody in.

Source: api-errors.md §8 (recorded); developer guide, "Granting layer access to other accounts".
"""

from dataclasses import dataclass
from typing import Any

from lambent.core.policies import Policy
from lambent.core.policy_documents import parse_document
from lambent.core.principals import EVERYBODY, is_whole_account, principal_document


@dataclass(frozen=True, slots=True)
class LayerPermission:
    """What AddLayerVersionPermission asks for.

    Attributes:
        principal: `*`, the number of an account, or the ARN of its root.
        organization_id: only accounts of this organisation; None is no such condition.
    """

    statement_id: str
    action: str
    principal: str
    organization_id: str | None = None

    def statement(self, arn: str) -> dict[str, Any]:
        """The statement as IAM writes it, its keys in AWS's order; `arn` is the layer version's."""
        document: dict[str, Any] = {
            "Sid": self.statement_id,
            "Effect": "Allow",
            "Principal": principal_document(self.principal),
            "Action": self.action,
            "Resource": arn,
        }
        if self.organization_id is not None:
            document["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": self.organization_id}}
        return document


def lets_in(policy: Policy | None, account: str) -> bool:
    """Whether another account may get the layer version that has this policy."""
    return policy is not None and any(
        not statement.conditions
        and any(who == EVERYBODY or is_whole_account(who, account) for who in statement.principals.aws)
        for statement in parse_document(policy.text).statements
    )
