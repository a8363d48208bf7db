"""Versions: publish `$LATEST`, and list what was published."""

from dataclasses import dataclass, replace

from lambent.core.concurrency import AccountLimits
from lambent.core.errors import CodeStorageExceeded
from lambent.core.function import FunctionConfiguration
from lambent.core.function_rules import check_revision, check_settled, function_not_found
from lambent.core.scope import Scope
from lambent.core.versions import check_code_sha256, fingerprint, published
from lambent.ids import IdMaker
from lambent.services.activation import Activation
from lambent.services.deployments import Deployments
from lambent.services.packages import Packages
from lambent.store import functions as table
from lambent.store.database import Database


@dataclass(frozen=True, slots=True)
class Publication:
    """What PublishVersion asks for; `code_sha256` and `revision_id` are conditions on `$LATEST`."""

    function_name: str
    code_sha256: str | None = None
    description: str | None = None
    revision_id: str | None = None


class Versions:
    """The use cases of published versions."""

    def __init__(
        self,
        *,
        database: Database,
        packages: Packages,
        activation: Activation,
        ids: IdMaker,
        limits: AccountLimits,
        deployments: Deployments,
    ) -> None:
        self._database = database
        self._packages = packages
        self._activation = activation
        self._ids = ids
        self._limits = limits
        self._deployments = deployments

    async def publish(self, scope: Scope, publication: Publication) -> FunctionConfiguration:
        """Freeze `$LATEST` as a new version; if nothing changed since the last one, that one, as it is.

        Raises:
            ResourceNotFound: no such function.
            PreconditionFailed: the revision isn't the one given.
            ResourceConflict: `$LATEST` is being created or updated.
            InvalidParameterValue: the code isn't the one expected, or a folder that can't be made a package.
            CodeStorageExceeded: no room for another version.
        """
        name = publication.function_name
        while True:
            found = await self._database.read(table.find_version, scope, name)
            if found is None:
                raise function_not_found(scope, name)
            latest = found.configuration
            check_revision(latest, publication.revision_id)
            check_settled(latest)
            check_code_sha256(latest, publication.code_sha256)
            frozen = await self._packages.frozen(latest)
            newest = await self._database.read(table.newest_version, scope, name)
            if newest is not None and newest.published_from == fingerprint(frozen):
                return newest
            version = await self._commit(latest, frozen, publication.description)
            if version is not None:
                return version

    async def list_versions(
        self, scope: Scope, name: str, *, after: int | None, limit: int
    ) -> list[FunctionConfiguration]:
        """At most `limit` versions, `$LATEST` first, then ascending from number `after` on.

        Raises:
            ResourceNotFound: no such function.
        """
        if await self._database.read(table.find_function, scope, name) is None:
            raise function_not_found(scope, name)
        return await self._database.read(table.list_versions, scope, name, after=after, limit=limit)

    async def _commit(
        self, latest: FunctionConfiguration, frozen: FunctionConfiguration, description: str | None
    ) -> FunctionConfiguration | None:
        usage = await self._database.read(table.account_usage, latest.scope)
        if usage.total_code_size + frozen.code.size > self._limits.total_code_size:
            raise CodeStorageExceeded("Code storage limit exceeded.")
        write = self._database.write(
            table.publish,
            replace(latest, revision_id=self._ids.uuid()),
            seen_revision=latest.revision_id,
            make_version=lambda number: published(
                frozen, number=number, description=description, revision_id=self._ids.uuid()
            ),
        )
        version = await self._deployments.change(latest.scope, latest.function_name, write)
        if version is not None and not version.is_settled:
            self._activation.request(version)
        return version
