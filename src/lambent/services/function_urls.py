"""Function URLs: give a function or an alias one, change it, take it away."""

from lambent.clock import Clock
from lambent.core.function import LATEST
from lambent.core.function_urls import (
    URL_ID_LENGTH,
    FunctionUrlConfig,
    UrlChange,
    changed_url,
    check_url_change,
    no_such_url,
    url_exists,
)
from lambent.core.scope import Scope
from lambent.ids import IdMaker
from lambent.services.deployments import Deployments
from lambent.store import function_urls as table
from lambent.store.database import Database
from lambent.store.errors import StoreConflict


class FunctionUrls:
    """The use cases of function URLs. A qualifier is an alias's name, None the function itself."""

    def __init__(self, *, database: Database, clock: Clock, ids: IdMaker, deployments: Deployments) -> None:
        self._database = database
        self._deployments = deployments
        self._clock = clock
        self._ids = ids

    async def create(
        self, scope: Scope, name: str, qualifier: str | None, auth_type: str, change: UrlChange
    ) -> FunctionUrlConfig:
        """Make a URL.

        Raises:
            InvalidParameterValue: CORS settings that can't be, or a function that can't have a URL.
            ResourceNotFound: no such function or alias.
            ResourceConflict: it has a URL.
        """
        check_url_change(change)
        now_ms = self._clock.now_ms()
        bare = FunctionUrlConfig(
            scope=scope,
            function_name=name,
            qualifier=qualifier or LATEST,
            url_id=self._ids.token(URL_ID_LENGTH),
            auth_type=auth_type,
            created_ms=now_ms,
            modified_ms=now_ms,
        )
        config = changed_url(bare, change, now_ms=now_ms)
        try:
            await self._deployments.change(scope, name, self._database.write(table.create_url, config))
        except StoreConflict as conflict:
            raise url_exists(scope, name, config.qualifier) from conflict
        return config

    async def get(self, scope: Scope, name: str, qualifier: str | None) -> FunctionUrlConfig:
        """The URL of a function or an alias. Raises ResourceNotFound."""
        config = await self._database.read(table.find_url, scope, name, qualifier or LATEST)
        if config is None:
            raise no_such_url()
        return config

    async def update(self, scope: Scope, name: str, qualifier: str | None, change: UrlChange) -> FunctionUrlConfig:
        """Change a URL; its address stays.

        Raises:
            InvalidParameterValue: CORS settings that can't be.
            ResourceNotFound: no such function or alias, or it has no URL.
        """
        check_url_change(change)
        now_ms = self._clock.now_ms()
        write = self._database.write(
            table.change_url,
            scope,
            name,
            qualifier or LATEST,
            lambda current: changed_url(current, change, now_ms=now_ms),
        )
        return await self._deployments.change(scope, name, write)

    async def delete(self, scope: Scope, name: str, qualifier: str | None) -> None:
        """Take the URL of a function or an alias away. Raises ResourceNotFound."""
        write = self._database.write(table.delete_url, scope, name, qualifier or LATEST)
        await self._deployments.change(scope, name, write)

    async def list_urls(
        self, scope: Scope, name: str, qualifier: str | None, *, after: str | None, limit: int
    ) -> list[FunctionUrlConfig]:
        """At most `limit` URLs of a function and its aliases, by qualifier from `after` on.

        Raises:
            ResourceNotFound: no such function, version or alias.
        """
        return await self._database.read(table.list_urls, scope, name, qualifier, after=after, limit=limit)
