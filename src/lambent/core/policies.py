"""Resource policies: a document that says who may use a function, one of its versions or aliases, or a layer version.

Words:
    policy      the document of one resource, JSON as IAM has it, and its RevisionId, which every change renews.
    statement   one permission in it; its Sid is unique there, and is what it is taken away by.

AddPermission and AddLayerVersionPermission add a statement, RemovePermission and RemoveLayerVersionPermission take one
away, and with the last one the policy; PutResourcePolicy replaces the document by one that the caller has written,
which is kept as it was sent until a statement is added or removed. What is in a document is in `policy_documents`.

Source: api-errors.md §8 and §9 (recorded from AWS).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from lambent.core.errors import PolicyLengthExceeded, PreconditionFailed, ResourceConflict, ResourceNotFound

MAX_POLICY_BYTES: Final = 20_480
"""Source: quotas.md §2, for the policies of functions; unverified for layers."""

StatementDocument = Mapping[str, Any]
"""A statement as IAM writes it."""

ReadOperation = Literal["GetPolicy", "GetResourcePolicy", "GetLayerPolicy"]
"""What AWS advises those to call who know another revision; the last one is AWS's name for GetLayerVersionPolicy."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of one resource.

    Attributes:
        text: the document.
    """

    text: str
    revision_id: str


def add_statement(
    policy: Policy | None,
    statement: StatementDocument,
    *,
    seen_revision: str | None,
    revision_id: str,
    read_operation: ReadOperation,
) -> Policy:
    """The policy with one more statement, behind the others; a resource's first statement makes its policy.

    Args:
        seen_revision: the revision that the caller expects; None expects nothing.
        revision_id: of the policy as it is then.

    Raises:
        PreconditionFailed: the policy has another revision.
        ResourceConflict: it has a statement of that id.
        PolicyLengthExceeded: it would be too long.
    """
    check_revision(policy, seen_revision, read_operation)
    document = {"Version": "2012-10-17", "Id": "default"} if policy is None else json.loads(policy.text)
    statements = _statements(document)
    sid = statement["Sid"]
    if any(other.get("Sid") == sid for other in statements):
        raise ResourceConflict(
            f"The statement id ({sid}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement."
        )
    text = json_text({**document, "Statement": [*statements, statement]})
    check_length(text)
    return Policy(text, revision_id)


def remove_statement(
    policy: Policy | None,
    sid: str,
    *,
    seen_revision: str | None,
    revision_id: str,
    read_operation: ReadOperation,
) -> Policy | None:
    """The policy less one statement; None when it was the last one.

    Raises:
        ResourceNotFound: there is no policy, or none of its statements has that id.
        PreconditionFailed: it has another revision than `seen_revision`.
    """
    if policy is None:
        raise no_policy()
    document = json.loads(policy.text)
    statements = _statements(document)
    kept = [statement for statement in statements if statement.get("Sid") != sid]
    if len(kept) == len(statements):
        raise ResourceNotFound(f"Statement {sid} is not found in resource policy.")
    check_revision(policy, seen_revision, read_operation)
    return Policy(json_text({**document, "Statement": kept}), revision_id) if kept else None


def check_revision(policy: Policy | None, seen_revision: str | None, read_operation: ReadOperation) -> None:
    """Raises PreconditionFailed when the caller expects another revision; where there is no policy, any is another."""
    if seen_revision is not None and (policy is None or seen_revision != policy.revision_id):
        raise PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. "
            f"Call the {read_operation} API to retrieve the latest Revision Id"
        )


def check_length(text: str) -> None:
    """Raises PolicyLengthExceeded for a document that is too long."""
    size = len(text.encode())
    if size > MAX_POLICY_BYTES:
        raise PolicyLengthExceeded(f"The final policy size ({size}) is bigger than the limit ({MAX_POLICY_BYTES}).")


def no_policy() -> ResourceNotFound:
    """The answer for a resource that has no policy."""
    return ResourceNotFound("No policy is associated with the given resource.")


def json_text(document: object) -> str:
    """JSON as AWS writes it: no blanks, the keys in the order in which they are."""
    return json.dumps(document, separators=(",", ":"))


def _statements(document: Mapping[str, Any]) -> list[StatementDocument]:
    """The statements of a document, where a single one need not be in a list."""
    statements = document.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]
