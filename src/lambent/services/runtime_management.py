"""Runtime management: when a version of a function gets a newer version of its runtime."""

from lambent.core.function import LATEST, FunctionConfiguration
from lambent.core.function_rules import check_settled, function_not_found, is_version_number
from lambent.core.runtime_management import RuntimeManagement, check_runtime_management, check_runtime_version
from lambent.core.scope import Scope
from lambent.store import runtime_management as table
from lambent.store.database import Database


class RuntimeManagements:
    """The use cases of runtime management. A qualifier is a version's number, None is `$LATEST`; aliases have none."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def put(
        self, scope: Scope, name: str, qualifier: str | None, requested: RuntimeManagement
    ) -> RuntimeManagement:
        """Set the runtime management of a version.

        Raises:
            InvalidParameterValue: a mode and a version of the runtime that don't go together, or aren't there.
            ResourceNotFound: no such function or version.
            ResourceConflict: the version is being created or updated. Source: unverified.
        """
        check_runtime_management(requested)
        version = _version(scope, name, qualifier)

        def check(configuration: FunctionConfiguration) -> None:
            check_runtime_version(requested, runtime=configuration.settings.runtime, region=scope.region)
            check_settled(configuration)

        if not await self._database.write(table.put_runtime_management, scope, name, version, requested, check):
            raise function_not_found(scope, name, qualifier)
        return requested

    async def get(self, scope: Scope, name: str, qualifier: str | None) -> RuntimeManagement:
        """The runtime management of a version. Raises ResourceNotFound."""
        version = _version(scope, name, qualifier)
        found = await self._database.read(table.find_runtime_management, scope, name, version)
        if found is None:
            raise function_not_found(scope, name, qualifier)
        return found


def _version(scope: Scope, name: str, qualifier: str | None) -> str:
    """The version of a qualifier. Raises ResourceNotFound for what is none (Source: unverified)."""
    version = qualifier or LATEST
    if version != LATEST and not is_version_number(version):
        raise function_not_found(scope, name, qualifier)
    return version
