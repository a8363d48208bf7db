"""Layers: publish, find, share, delete, and look up what a function may have.

An account's layers are its own; another account on this server may get, and put into its functions, those versions
whose policy lets it in. Every other operation on another account's layer is denied, whether there is such a layer or
not.

Checked in AWS's order, committed, then acknowledged, as in `functions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lambent.clock import Clock
from lambent.core.concurrency import AccountLimits
from lambent.core.errors import CodeStorageExceeded
from lambent.core.function import Code, FunctionLayer
from lambent.core.layer_policies import LayerPermission, lets_in
from lambent.core.layers import (
    LayerFilter,
    LayerReference,
    LayerVersion,
    LayerVersionReference,
    check_region,
    check_version_number,
    layer_arn,
    layer_version_arn,
    no_such_function_layer,
    no_such_layer,
    no_such_layer_version,
    not_shared,
    parse_layer_version_arn,
)
from lambent.core.policies import Policy, StatementDocument, add_statement, no_policy, remove_statement
from lambent.core.scope import Scope
from lambent.ids import IdMaker
from lambent.services.packages import PackageRequest, Packages
from lambent.store import functions as functions_table
from lambent.store import layers as table
from lambent.store.database import Database
from lambent.store.errors import StoreConflict
from lambent.store.layers import StoredLayerVersion


@dataclass(frozen=True, slots=True)
class NewLayerVersion:
    """What PublishLayerVersion asks for."""

    layer: LayerReference
    package: PackageRequest
    description: str = ""
    compatible_runtimes: tuple[str, ...] | None = None
    compatible_architectures: tuple[str, ...] | None = None
    license_info: str | None = None


class Layers:
    """The use cases of layers. `scope` is always the caller's account and region."""

    def __init__(
        self, *, database: Database, packages: Packages, clock: Clock, ids: IdMaker, limits: AccountLimits
    ) -> None:
        self._database = database
        self._packages = packages
        self._clock = clock
        self._ids = ids
        self._limits = limits

    async def publish(self, scope: Scope, new: NewLayerVersion) -> LayerVersion:
        """Add a version to a layer, which the first version makes.

        Raises:
            AccessDenied: the layer is another account's.
            InvalidParameterValue: an archive that can't be accepted.
            RequestEntityTooLarge, CodeStorageExceeded: too much of it.
        """
        _check_own(scope, new.layer, action="PublishLayerVersion")
        package = await self._packages.fetch(new.package)
        usage = await self._database.read(functions_table.account_usage, scope)
        if usage.total_code_size + package.size > self._limits.total_code_size:
            raise CodeStorageExceeded("Code storage limit exceeded.")
        code = await self._packages.keep(package)

        def make_version(number: int) -> LayerVersion:
            return self._version(new, number, code, package.unpacked_bytes)

        try:
            return await self._database.write(table.publish, new.layer, make_version)
        except StoreConflict:
            # The layer was made by somebody else meanwhile: it has a counter now.
            return await self._database.write(table.publish, new.layer, make_version)

    async def get(self, scope: Scope, reference: LayerVersionReference) -> LayerVersion:
        """One version, of the caller's or one that is shared with it.

        Raises:
            InvalidParameterValue: no version can have that number.
            ResourceNotFound: it isn't there.
            AccessDenied: it is another account's, and not shared.
        """
        check_version_number(reference.version)
        found = await self._shared(scope, reference)
        if found is None or reference.scope.region != scope.region:
            raise no_such_layer()
        return found.layer_version

    async def list_layers(
        self, scope: Scope, wanted: LayerFilter, *, after: str | None, limit: int
    ) -> list[LayerVersion]:
        """The newest version that is wanted of at most `limit` layers, by name from `after` on."""
        return await self._database.read(table.list_layers, scope, wanted, after=after, limit=limit)

    async def list_versions(
        self, scope: Scope, layer: LayerReference, wanted: LayerFilter, *, before: int | None, limit: int
    ) -> list[LayerVersion]:
        """At most `limit` versions of a layer, the newest first; none of a layer that isn't there.

        Raises:
            AccessDenied: the layer is another account's.
        """
        _check_own(scope, layer, action="ListLayerVersions")
        return await self._database.read(table.list_versions, layer, wanted, before=before, limit=limit)

    async def delete(self, scope: Scope, reference: LayerVersionReference) -> None:
        """Delete a version; functions that have it keep it. Deleting what isn't there is no error.

        Raises:
            InvalidParameterValue: no version can have that number.
            AccessDenied: it is another account's.
        """
        check_version_number(reference.version)
        _check_own_version(scope, reference, action="DeleteLayerVersion")
        await self._database.write(table.delete_version, reference)

    async def add_permission(
        self,
        scope: Scope,
        reference: LayerVersionReference,
        permission: LayerPermission,
        *,
        seen_revision: str | None,
    ) -> tuple[StatementDocument, str]:
        """Add a statement to a version's policy; the statement, and the policy's revision then.

        Raises:
            InvalidParameterValue: nobody is called like the principal.
            ResourceNotFound: no such version.
            PreconditionFailed: the policy isn't `seen_revision`.
            ResourceConflict, PolicyLengthExceeded: the statement can't be added.
            AccessDenied: the layer is another account's.
        """
        statement = permission.statement(layer_version_arn(*reference))
        while True:
            policy = await self._policy(scope, reference, action="AddLayerVersionPermission")
            changed = add_statement(
                policy,
                statement,
                seen_revision=seen_revision,
                revision_id=self._ids.uuid(),
                read_operation="GetLayerPolicy",
            )
            if await self._replace_policy(reference, policy, changed):
                return statement, changed.revision_id

    async def remove_permission(
        self, scope: Scope, reference: LayerVersionReference, statement_id: str, *, seen_revision: str | None
    ) -> None:
        """Take a statement out of a version's policy.

        Raises:
            ResourceNotFound: no such version or statement.
            PreconditionFailed: the policy isn't `seen_revision`.
            AccessDenied: the layer is another account's.
        """
        while True:
            policy = await self._policy(scope, reference, action="RemoveLayerVersionPermission")
            changed = remove_statement(
                policy,
                statement_id,
                seen_revision=seen_revision,
                revision_id=self._ids.uuid(),
                read_operation="GetLayerPolicy",
            )
            if await self._replace_policy(reference, policy, changed):
                return

    async def policy(self, scope: Scope, reference: LayerVersionReference) -> Policy:
        """A version's policy.

        Raises:
            ResourceNotFound: no such version, or it has none.
            AccessDenied: the layer is another account's.
        """
        policy = await self._policy(scope, reference, action="GetLayerVersionPolicy")
        if policy is None:
            raise no_policy()
        return policy

    async def of_function(self, scope: Scope, arns: Sequence[str]) -> tuple[FunctionLayer, ...]:
        """What a function gets of the layer versions that it names and `check_layers_of_function` has let through.

        Raises:
            InvalidParameterValue: one isn't there, or is of another region.
            AccessDenied: one is another account's, and not shared.
        """
        return tuple([await self._of_function(scope, arn) for arn in arns])

    async def _of_function(self, scope: Scope, arn: str) -> FunctionLayer:
        reference = parse_layer_version_arn(arn)
        found = None
        if reference is not None:
            found = await self._shared(scope, reference)
            check_region(reference, scope=scope)
        if found is None:
            raise no_such_function_layer(arn)
        return found.layer_version.for_function()

    async def _shared(self, scope: Scope, reference: LayerVersionReference) -> StoredLayerVersion | None:
        """A version if the caller may have it, None if there is none and the caller may know that."""
        found = await self._database.read(table.find_version, reference)
        own = reference.scope.account == scope.account
        if not own and (found is None or not lets_in(found.policy, scope.account)):
            raise not_shared(scope, action="GetLayerVersion", arn=layer_version_arn(*reference))
        return found

    async def _policy(self, scope: Scope, reference: LayerVersionReference, *, action: str) -> Policy | None:
        check_version_number(reference.version)
        _check_own_version(scope, reference, action=action)
        found = await self._database.read(table.find_version, reference)
        if found is None:
            raise no_such_layer_version(reference)
        return found.policy

    async def _replace_policy(
        self, reference: LayerVersionReference, seen: Policy | None, changed: Policy | None
    ) -> bool:
        seen_revision = None if seen is None else seen.revision_id
        return await self._database.write(table.replace_policy, reference, changed, seen_revision=seen_revision)

    def _version(self, new: NewLayerVersion, number: int, code: Code, unpacked_bytes: int) -> LayerVersion:
        return LayerVersion(
            scope=new.layer.scope,
            name=new.layer.name,
            version=number,
            description=new.description,
            code=code,
            unpacked_bytes=unpacked_bytes,
            created_ms=self._clock.now_ms(),
            compatible_runtimes=new.compatible_runtimes,
            compatible_architectures=new.compatible_architectures,
            license_info=new.license_info,
        )


def _check_own(scope: Scope, layer: LayerReference, *, action: str) -> None:
    if layer.scope.account != scope.account:
        raise not_shared(scope, action=action, arn=layer_arn(*layer))


def _check_own_version(scope: Scope, reference: LayerVersionReference, *, action: str) -> None:
    if reference.scope.account != scope.account:
        raise not_shared(scope, action=action, arn=layer_version_arn(*reference))
