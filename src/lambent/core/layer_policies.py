"""The policy of a layer version: who beside the account itself may use it.

A policy is a list of statements, each allowing GetLayerVersion (that is all it can allow) to everybody, to one account,
or to the accounts of an organisation. Lambent knows no organisations, so no account is in one: such a statement is kept
and shown, and lets nobody in.

Source: api-errors.md §8 (recorded); developer guide, "Granting layer access to other accounts".
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from lambent.core.arn import PARTITION
from lambent.core.errors import PolicyLengthExceeded, PreconditionFailed, ResourceConflict, ResourceNotFound

MAX_POLICY_BYTES = 20_480
"""Source: quotas.md §2, for the policies of functions; unverified for layers."""

_EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class LayerStatement:
    """One permission.

    Attributes:
        principal: `*` or the ARN of an account's root.
        organization_id: only accounts of this organisation; None is no such condition.
    """

    statement_id: str
    action: str
    principal: str
    organization_id: str | None = None

    @classmethod
    def requested(cls, statement_id: str, *, action: str, principal: str, organization_id: str | None) -> Self:
        """From the members of a request, where an account may be its number alone."""
        account = f"arn:{PARTITION}:iam::{principal}:root" if principal.isdecimal() else principal
        return cls(statement_id, action, account, organization_id)

    def allows(self, account: str) -> bool:
        """Whether it lets an account in."""
        if self.organization_id is not None:
            return False
        return self.principal == _EVERYBODY or self.principal.split(":")[4] == account

    def document(self, arn: str) -> dict[str, Any]:
        """The statement as IAM writes it, its keys in AWS's order; `arn` is the layer version's."""
        document: dict[str, Any] = {
            "Sid": self.statement_id,
            "Effect": "Allow",
            "Principal": _EVERYBODY if self.principal == _EVERYBODY else {"AWS": self.principal},
            "Action": self.action,
            "Resource": arn,
        }
        if self.organization_id is not None:
            document["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": self.organization_id}}
        return document


@dataclass(frozen=True, slots=True)
class LayerPolicy:
    """The statements of one layer version; without any there is no policy, and no revision."""

    statements: tuple[LayerStatement, ...] = ()
    revision_id: str | None = None

    def with_statement(
        self, statement: LayerStatement, *, arn: str, seen_revision: str | None, revision_id: str
    ) -> "LayerPolicy":
        """The policy with one more statement.

        Args:
            seen_revision: the revision that the caller expects; None expects nothing.

        Raises:
            PreconditionFailed: the policy has another revision.
            ResourceConflict: it has a statement of that id.
            PolicyLengthExceeded: it would be too long.
        """
        self._check_revision(seen_revision)
        if any(other.statement_id == statement.statement_id for other in self.statements):
            raise ResourceConflict(
                f"The statement id ({statement.statement_id}) provided already exists. "
                "Please provide a new statement id, or remove the existing statement."
            )
        extended = LayerPolicy((*self.statements, statement), revision_id)
        size = len(extended.text(arn).encode())
        if size > MAX_POLICY_BYTES:
            raise PolicyLengthExceeded(f"The final policy size ({size}) is bigger than the limit ({MAX_POLICY_BYTES}).")
        return extended

    def without_statement(self, statement_id: str, *, seen_revision: str | None, revision_id: str) -> "LayerPolicy":
        """The policy less one statement.

        Raises:
            ResourceNotFound: it has none of that id.
            PreconditionFailed: it has another revision than `seen_revision`.
        """
        kept = tuple(statement for statement in self.statements if statement.statement_id != statement_id)
        if len(kept) == len(self.statements):
            raise ResourceNotFound(f"Statement {statement_id} is not found in resource policy.")
        self._check_revision(seen_revision)
        return replace(self, statements=kept, revision_id=revision_id) if kept else LayerPolicy()

    def allows(self, account: str) -> bool:
        """Whether another account may get the layer version."""
        return any(statement.allows(account) for statement in self.statements)

    def text(self, arn: str) -> str:
        """The policy document.

        Raises:
            ResourceNotFound: there is no policy.
        """
        if not self.statements:
            raise ResourceNotFound("No policy is associated with the given resource.")
        return _compact(
            {
                "Version": "2012-10-17",
                "Id": "default",
                "Statement": [statement.document(arn) for statement in self.statements],
            }
        )

    def _check_revision(self, seen_revision: str | None) -> None:
        if seen_revision is not None and seen_revision != self.revision_id:
            raise PreconditionFailed(
                "The Revision Id provided does not match the latest Revision Id. "
                "Call the GetLayerPolicy API to retrieve the latest Revision Id"
            )


def statement_text(statement: LayerStatement, arn: str) -> str:
    """One statement as AddLayerVersionPermission answers it."""
    return _compact(statement.document(arn))


def encode_statements(statements: Sequence[LayerStatement]) -> str:
    """Statements as the store keeps them."""
    return _compact([asdict(statement) for statement in statements])


def decode_statements(text: str) -> tuple[LayerStatement, ...]:
    """The inverse of `encode_statements`."""
    return tuple(LayerStatement(**members) for members in json.loads(text))


def _compact(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
