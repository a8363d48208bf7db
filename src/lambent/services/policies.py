"""Policies of functions, versions and aliases: add a permission, take one away, show, replace and delete them.

Each change is one unit of work: that the function is there, the decision and the write can't be torn apart. The words
for what isn't there differ from operation to operation; they are AWS's.

Source: api-errors.md §4, §9 (recorded); api-durable-capacity.md §5 (documented) for whole documents, for which the
words of what isn't there are unverified.
"""

from collections.abc import Callable

from lambent.core.aliases import alias_not_found
from lambent.core.arn import FunctionReference, function_arn
from lambent.core.errors import ResourceNotFound
from lambent.core.function_rules import function_not_found, is_version_number
from lambent.core.permissions import Permission, check_may_have_policy
from lambent.core.policies import (
    Policy,
    add_statement,
    check_length,
    check_revision,
    json_text,
    no_policy,
    remove_statement,
)
from lambent.core.policy_documents import check_not_public, check_resources, parse_document
from lambent.core.scope import Scope
from lambent.ids import IdMaker
from lambent.store import policies as table
from lambent.store.database import Database
from lambent.store.qualified import Existence

Decide = Callable[[Policy | None], Policy | None]
Missing = Callable[[Scope, FunctionReference, Existence], ResourceNotFound]


class Policies:
    """The use cases of function policies. `scope` is always the caller's account and region.

    Args:
        block_public: refuse policies that let everybody in.
    """

    def __init__(self, *, database: Database, ids: IdMaker, block_public: bool) -> None:
        self._database = database
        self._ids = ids
        self._block_public = block_public

    async def add_permission(
        self, scope: Scope, reference: FunctionReference, permission: Permission, *, seen_revision: str | None
    ) -> str:
        """Add a statement to a policy, which the first one makes; the statement as JSON.

        Raises:
            InvalidParameterValue: `$LATEST` has no policy; a principal or condition that can't be.
            ResourceNotFound: no such function, version or alias.
            PreconditionFailed: the policy isn't `seen_revision`.
            ResourceConflict, PolicyLengthExceeded, PublicPolicy: the statement can't be added.
        """
        check_may_have_policy(reference.qualifier)
        statement = permission.statement(_arn(scope, reference))

        def decide(policy: Policy | None) -> Policy:
            changed = add_statement(
                policy,
                statement,
                seen_revision=seen_revision,
                revision_id=self._ids.uuid(),
                read_operation="GetPolicy",
            )
            self._check_public(changed)
            return changed

        await self._change(scope, reference, decide, _missing_to_add)
        return json_text(statement)

    async def remove_permission(
        self, scope: Scope, reference: FunctionReference, sid: str, *, seen_revision: str | None
    ) -> None:
        """Take a statement out of a policy; the policy goes with its last one.

        Raises:
            ResourceNotFound: no such function, version, alias, policy or statement.
            PreconditionFailed: the policy isn't `seen_revision`.
        """

        def decide(policy: Policy | None) -> Policy | None:
            return remove_statement(
                policy, sid, seen_revision=seen_revision, revision_id=self._ids.uuid(), read_operation="GetPolicy"
            )

        await self._change(scope, reference, decide, _missing_to_remove)

    async def get(self, scope: Scope, reference: FunctionReference) -> Policy:
        """The policy of a function, version or alias.

        Raises:
            ResourceNotFound: it has none, or isn't there.
        """
        policy = await self._database.read(table.find, scope, reference)
        if policy is None:
            raise no_such_resource()
        return policy

    async def put(self, scope: Scope, reference: FunctionReference, text: str, *, seen_revision: str | None) -> Policy:
        """Replace the whole policy, whatever it was, by a document that is kept as it is.

        Raises:
            InvalidParameterValue: `$LATEST` has no policy; the document isn't one of this resource's.
            PolicyLengthExceeded: it is too long.
            PublicPolicy: it lets everybody in.
            ResourceNotFound: no such function, version or alias.
            PreconditionFailed: the policy isn't `seen_revision`.
        """
        check_may_have_policy(reference.qualifier)
        check_length(text)
        check_resources(parse_document(text), _arn(scope, reference))
        replacement = Policy(text, self._ids.uuid())

        def decide(policy: Policy | None) -> Policy:
            check_revision(policy, seen_revision, "GetResourcePolicy")
            self._check_public(replacement)
            return replacement

        await self._change(scope, reference, decide, _missing_to_add)
        return replacement

    async def delete(self, scope: Scope, reference: FunctionReference, *, seen_revision: str | None) -> None:
        """Delete the whole policy, the permissions that were added one by one too.

        Raises:
            ResourceNotFound: no such function, version, alias or policy.
            PreconditionFailed: the policy isn't `seen_revision`.
        """

        def decide(policy: Policy | None) -> None:
            if policy is None:
                raise no_policy()
            check_revision(policy, seen_revision, "GetResourcePolicy")

        await self._change(scope, reference, decide, _missing_to_remove)

    def _check_public(self, policy: Policy) -> None:
        if self._block_public:
            check_not_public(parse_document(policy.text))

    async def _change(self, scope: Scope, reference: FunctionReference, decide: Decide, missing: Missing) -> None:
        def decide_where_there(there: Existence, policy: Policy | None) -> Policy | None:
            if there is not Existence.THERE:
                raise missing(scope, reference, there)
            return decide(policy)

        await self._database.write(table.change, scope, reference, decide_where_there)


def no_such_resource() -> ResourceNotFound:
    """The answer of GetPolicy and GetResourcePolicy for whatever isn't there."""
    return ResourceNotFound("The resource you requested does not exist.")


def _arn(scope: Scope, reference: FunctionReference) -> str:
    return function_arn(scope, reference.name, reference.qualifier)


def _missing_to_add(scope: Scope, reference: FunctionReference, _there: Existence) -> ResourceNotFound:
    """An alias is missed by its own name, even if it is the function that is missing."""
    qualifier = reference.qualifier
    if qualifier is None or is_version_number(qualifier) or "$" in qualifier:
        return function_not_found(scope, reference.name, qualifier)
    return alias_not_found(scope, reference.name, qualifier)


def _missing_to_remove(scope: Scope, reference: FunctionReference, there: Existence) -> ResourceNotFound:
    """Source: recorded for functions and aliases; unverified for versions."""
    if there is Existence.NO_SUCH_FUNCTION:
        return ResourceNotFound(f"No policy found for: {function_arn(scope, reference.name)}")
    return _missing_to_add(scope, reference, there)
