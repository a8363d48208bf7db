"""Functions: create, read, change, list, delete.

Each operation is checked in AWS's order (api-errors.md §15): arguments, existence, what is referred to, revision and
state, quota; then it is committed, and only then acknowledged. Between reading and committing nothing is locked: the
commit succeeds only if the row still has the revision that was read, otherwise the operation decides anew on what there
is now.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lambent.clock import Clock
from lambent.core.code_signing import function_config_not_found
from lambent.core.concurrency import AccountLimits
from lambent.core.errors import CodeStorageExceeded, ResourceConflict
from lambent.core.foreign_resources import check_source_kms_key
from lambent.core.function import (
    LATEST,
    Code,
    FunctionConfiguration,
    FunctionLayer,
    FunctionRecord,
    FunctionSettings,
    updated,
)
from lambent.core.function_features import (
    RequestedFeatures,
    check_added,
    check_durable,
    check_features,
    check_package_type,
)
from lambent.core.function_rules import (
    check_deletable_qualifier,
    check_revision,
    check_settled,
    function_not_found,
)
from lambent.core.function_settings import (
    RequestedSettings,
    changed_settings,
    check_architectures,
    check_function_name,
    check_requested,
    initial_settings,
)
from lambent.core.honesty import refuse
from lambent.core.layers import check_layers_of_function, check_unpacked_size
from lambent.core.scope import Scope
from lambent.core.tags import check_tags
from lambent.core.versions import fingerprint, published
from lambent.ids import IdMaker
from lambent.services.activation import Activation
from lambent.services.code_signing import CodeSigning
from lambent.services.concurrency import OnReserved
from lambent.services.deployments import Deployments
from lambent.services.layers import Layers
from lambent.services.packages import PackageRequest, Packages, described
from lambent.services.runtime_rules import RuntimeRules
from lambent.store import functions as table
from lambent.store import removals
from lambent.store.code_signing import ConfigOutcome, insert_function_with_config
from lambent.store.database import Database
from lambent.store.errors import StoreConflict
from lambent.store.function_changes import replace_and_publish, replace_configuration
from lambent.store.functions import FunctionVersion
from lambent.store.qualified import find_qualified

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NewFunction:
    """What CreateFunction asks for."""

    function_name: str
    settings: RequestedSettings
    package: PackageRequest
    features: RequestedFeatures
    publish: bool = False
    tags: Mapping[str, str] | None = None
    code_signing_config_arn: str | None = None


@dataclass(frozen=True, slots=True)
class CodeUpdate:
    """What UpdateFunctionCode asks for."""

    function_name: str
    package: PackageRequest
    architectures: tuple[str, ...] | None = None
    source_kms_key: str = ""
    """Of the new code; empty is AWS's own."""
    revision_id: str | None = None
    publish: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class SettingsUpdate:
    """What UpdateFunctionConfiguration asks for."""

    function_name: str
    settings: RequestedSettings
    features: RequestedFeatures
    revision_id: str | None = None


class Functions:
    """The use cases of whole functions.

    Args:
        runtimes: which runtimes a function may have.
        host_architecture: `x86_64` or `arm64`; functions declare the same one.
        deployments: where each write of a function goes through.
        on_reserved: told of the reservation that a deleted function gives up.
    """

    def __init__(
        self,
        *,
        database: Database,
        packages: Packages,
        layers: Layers,
        activation: Activation,
        clock: Clock,
        ids: IdMaker,
        limits: AccountLimits,
        runtimes: RuntimeRules,
        host_architecture: str,
        deployments: Deployments,
        code_signing: CodeSigning,
        on_reserved: OnReserved,
    ) -> None:
        self._database = database
        self._packages = packages
        self._layers = layers
        self._activation = activation
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._runtimes = runtimes
        self._host_architecture = host_architecture
        self._deployments = deployments
        self._code_signing = code_signing
        self._on_reserved = on_reserved

    async def create(self, scope: Scope, new: NewFunction) -> FunctionConfiguration:
        """Create a function; it is Pending until its activation, which begins now.

        Returns:
            `$LATEST`, or version 1 when it is published at once.

        Raises:
            InvalidParameterValue, ValidationFailed: settings, runtime, layers or code that can't be accepted.
            AccessDenied: a layer is another account's and not shared.
            ResourceConflict: the name is taken.
            RequestEntityTooLarge, CodeStorageExceeded: too much code.
            CodeSigningConfigNotFound, CodeVerificationFailed: the function's code signing config isn't there, or
                doesn't let code through that isn't signed.
        """
        check_function_name(new.function_name)
        check_package_type(new.settings, new.features)
        check_durable(new.features)
        settings = initial_settings(
            new.settings, function_name=new.function_name, host_architecture=self._host_architecture
        )
        if new.features.image:
            refuse(new.features.unsupported)
        await self._runtimes.check_create(settings.runtime)
        check_features(new.features, settings, self._runtimes.features(settings.runtime))
        check_tags(new.tags or {})
        check_layers_of_function(new.settings.layers or (), scope=scope)
        if await self._database.read(table.find_function, scope, new.function_name) is not None:
            raise _function_exists(new.function_name)
        layers = await self._layers.of_function(scope, new.settings.layers or ())
        package = await self._packages.fetch(new.package)
        signing = await self._code_signing.for_new_function(scope, new.function_name, new.code_signing_config_arn)
        check_unpacked_size(layers, code_bytes=package.unpacked_bytes)
        await self._check_storage(scope, package.size * (2 if new.publish else 1))
        latest = FunctionConfiguration(
            scope=scope,
            function_name=new.function_name,
            version=LATEST,
            settings=replace(settings, layers=layers),
            code=await self._packages.keep(package),
            last_modified_ms=self._clock.now_ms(),
            revision_id=self._ids.uuid(),
        )
        versions = [latest]
        if new.publish:
            frozen = await self._packages.frozen(latest)
            versions.append(published(frozen, number="1", description=None, revision_id=self._ids.uuid()))
        function = FunctionRecord(scope=scope, function_name=new.function_name, tags=new.tags or {})
        write = self._database.write(insert_function_with_config, function, versions, config_id=signing)
        try:
            outcome = await self._change(latest, write)
        except StoreConflict as conflict:
            raise _function_exists(new.function_name) from conflict
        if outcome is ConfigOutcome.NO_SUCH_CONFIG:
            raise function_config_not_found(new.code_signing_config_arn or "")
        self._committed(*versions)
        return versions[-1]

    async def get(self, scope: Scope, name: str, qualifier: str | None) -> FunctionVersion:
        """One version of a function, by number or by alias; `$LATEST` when no qualifier is given.

        Raises:
            ResourceNotFound: the function, the version or the alias isn't there.
        """
        found = await self._database.read(find_qualified, scope, name, qualifier)
        if found is None:
            raise function_not_found(scope, name, qualifier)
        return found

    async def update_code(self, scope: Scope, update: CodeUpdate) -> FunctionConfiguration:
        """Give `$LATEST` other code; the old code runs until the activation, which begins now.

        Returns:
            `$LATEST` as changed; the new version when it is published at once; for a dry run what would be.

        Raises:
            ResourceNotFound, InvalidParameterValue, RequestEntityTooLarge, CodeStorageExceeded: as `create`.
            CodeVerificationFailed: the function's code signing config doesn't let unsigned code through.
            PreconditionFailed: the revision isn't `update.revision_id`.
            ResourceConflict: an update is in progress, or the function isn't Active.
        """
        name = update.function_name
        if update.architectures is not None:
            check_architectures(update.architectures, host_architecture=self._host_architecture)
        check_source_kms_key(update.source_kms_key)
        self._runtimes.check_code_update((await self.get(scope, name, None)).configuration.settings.runtime)
        package = await self._packages.fetch(update.package)
        await self._code_signing.check_deployment(scope, name)
        current = await self._check_changeable(scope, name, update.revision_id)
        copies = 2 if update.publish else 1
        check_unpacked_size(current.settings.layers, code_bytes=package.unpacked_bytes)
        await self._check_storage(scope, package.size * copies - current.code.size)
        if update.dry_run:
            code = await asyncio.to_thread(described, package)
            return replace(current, settings=_settings_of_code(current, update), code=code)
        code = await self._packages.keep(package)
        while True:
            current = await self._check_changeable(scope, name, update.revision_id)
            check_unpacked_size(current.settings.layers, code_bytes=package.unpacked_bytes)
            settings = _settings_of_code(current, update)
            changed = self._changed(current, settings, code)
            if update.publish:
                answer = await self._replace_and_publish(current, changed)
            else:
                answer = await self._replace(current, changed)
            if answer is not None:
                return answer

    async def update_configuration(self, scope: Scope, update: SettingsUpdate) -> FunctionConfiguration:
        """Change settings of `$LATEST`; the old ones are in force until the activation, which begins now.

        Raises:
            InvalidParameterValue, ValidationFailed, ResourceNotFound, PreconditionFailed, ResourceConflict: as
                `update_code`.
            AccessDenied: a layer is another account's and not shared.
        """
        check_requested(update.settings)
        check_layers_of_function(update.settings.layers or (), scope=scope)
        if update.settings.runtime is not None:
            await self._runtimes.check_update(update.settings.runtime)
        while True:
            current = (await self.get(scope, update.function_name, None)).configuration
            check_added(update.features)
            settings = changed_settings(current.settings, update.settings)
            check_features(update.features, settings, self._runtimes.features(settings.runtime))
            if update.settings.layers is not None:
                settings = replace(settings, layers=await self._layers_for(current, update.settings.layers))
            check_revision(current, update.revision_id)
            check_settled(current)
            answer = await self._replace(current, self._changed(current, settings, current.code))
            if answer is not None:
                return answer

    async def list_functions(
        self, scope: Scope, *, every_version: bool, after: tuple[str, int] | None, limit: int
    ) -> list[FunctionConfiguration]:
        """At most `limit` functions, or versions of functions, by name and number, from `after` on."""
        return await self._database.read(
            table.list_functions, scope, every_version=every_version, after=after, limit=limit
        )

    async def delete(self, scope: Scope, name: str, qualifier: str | None) -> None:
        """Delete a function with everything that belongs to it, or one of its published versions.

        Deleting a version that isn't there is no error.

        Raises:
            InvalidParameterValue: the qualifier is `$LATEST` or an alias.
            ResourceNotFound: no such function.
            ResourceConflict: an alias refers to the version.
        """
        if qualifier is not None:
            check_deletable_qualifier(qualifier)
            write = self._database.write(removals.delete_version, scope, name, qualifier)
            await self._deployments.change(scope, name, write)
        elif await self._deployments.change(scope, name, self._database.write(table.delete_function, scope, name)):
            self._on_reserved(scope, name, None)
        else:
            raise function_not_found(scope, name)

    async def _layers_for(self, current: FunctionConfiguration, arns: Sequence[str]) -> tuple[FunctionLayer, ...]:
        layers = await self._layers.of_function(current.scope, arns)
        if layers:
            await self._code_signing.check_deployment(current.scope, current.function_name)
            check_unpacked_size(layers, code_bytes=await self._packages.unpacked_bytes(current.code))
        return layers

    async def _check_changeable(self, scope: Scope, name: str, revision_id: str | None) -> FunctionConfiguration:
        current = (await self.get(scope, name, None)).configuration
        check_revision(current, revision_id)
        check_settled(current)
        return current

    async def _check_storage(self, scope: Scope, added: int) -> None:
        usage = await self._database.read(table.account_usage, scope)
        if usage.total_code_size + added > self._limits.total_code_size:
            raise CodeStorageExceeded("Code storage limit exceeded.")

    def _changed(self, current: FunctionConfiguration, settings: FunctionSettings, code: Code) -> FunctionConfiguration:
        return updated(current, settings=settings, code=code, now_ms=self._clock.now_ms(), revision_id=self._ids.uuid())

    async def _replace(
        self, current: FunctionConfiguration, changed: FunctionConfiguration
    ) -> FunctionConfiguration | None:
        """The changed `$LATEST`, committed; None when somebody else was faster."""
        write = self._database.write(replace_configuration, current, changed)
        if not await self._change(current, write):
            return None
        self._committed(changed)
        return changed

    async def _replace_and_publish(
        self, current: FunctionConfiguration, changed: FunctionConfiguration
    ) -> FunctionConfiguration | None:
        """The version that was made of the changed `$LATEST`; None when somebody else was faster."""
        frozen = await self._packages.frozen(changed)
        newest = await self._database.read(table.newest_version, current.scope, current.function_name)
        if newest is not None and newest.published_from == fingerprint(frozen):
            return None if await self._replace(current, changed) is None else newest
        write = self._database.write(
            replace_and_publish,
            current,
            changed,
            make_version=lambda number: published(
                frozen, number=number, description=None, revision_id=self._ids.uuid()
            ),
        )
        version = await self._change(current, write)
        if version is not None:
            self._committed(changed, version)
        return version

    async def _change(self, current: FunctionConfiguration, write: Coroutine[Any, Any, T]) -> T:
        return await self._deployments.change(current.scope, current.function_name, write)

    def _committed(self, *configurations: FunctionConfiguration) -> None:
        for configuration in configurations:
            self._activation.request(configuration)


def _settings_of_code(current: FunctionConfiguration, update: CodeUpdate) -> FunctionSettings:
    """What comes with the code and not with the configuration."""
    return replace(
        current.settings,
        architectures=update.architectures or current.settings.architectures,
        source_kms_key=update.source_kms_key,
    )


def _function_exists(name: str) -> ResourceConflict:
    return ResourceConflict(f"Function already exist: {name}")
