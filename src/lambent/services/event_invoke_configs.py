"""Event invoke configurations: set, change, read and delete them, and tell the queue what it goes by.

Retries and ages are in force for every attempt that is decided after the answer, of events that wait already, too.
"""

from collections.abc import Mapping

from lambent.clock import Clock
from lambent.core.deliveries import EventTerms
from lambent.core.event_invoke_configs import (
    EventInvokeChange,
    EventInvokeConfig,
    check_event_invoke_change,
    merged,
    no_event_invoke_config,
    replaced,
)
from lambent.core.function import LATEST
from lambent.core.scope import Scope
from lambent.services.catalogue_view import CatalogueView
from lambent.services.deployments import Deployments
from lambent.services.known import Known
from lambent.store import event_invoke_configs as table
from lambent.store.database import Database
from lambent.store.events import Event

_DEFAULTS = EventTerms()


class EventInvokeConfigs:
    """The use cases of event invoke configurations. A qualifier is a version or an alias, None is `$LATEST`."""

    def __init__(self, *, database: Database, clock: Clock, deployments: Deployments) -> None:
        self._database = database
        self._clock = clock
        self._deployments = deployments

    async def put(self, scope: Scope, name: str, qualifier: str | None, change: EventInvokeChange) -> EventInvokeConfig:
        """Make a configuration, whatever there was.

        Raises:
            InvalidParameterValue: nothing is asked for, or a destination can't be.
            ResourceNotFound: no such function, version or alias.
        """
        check_event_invoke_change(change)
        bare = EventInvokeConfig(scope, name, qualifier or LATEST, self._clock.now_ms())
        config = replaced(bare, change)
        await self._deployments.change(scope, name, self._database.write(table.put_config, config))
        return config

    async def update(
        self, scope: Scope, name: str, qualifier: str | None, change: EventInvokeChange
    ) -> EventInvokeConfig:
        """Change some of a configuration.

        Raises:
            InvalidParameterValue: nothing is asked for, or a destination can't be.
            ResourceNotFound: no such function, version or alias, or it has no configuration.
        """
        check_event_invoke_change(change)
        now_ms = self._clock.now_ms()
        write = self._database.write(
            table.change_config,
            scope,
            name,
            qualifier or LATEST,
            lambda current: merged(current, change, now_ms=now_ms),
        )
        return await self._deployments.change(scope, name, write)

    async def get(self, scope: Scope, name: str, qualifier: str | None) -> EventInvokeConfig:
        """The configuration of a function, a version or an alias. Raises ResourceNotFound."""
        config = await self._database.read(table.find_config, scope, name, qualifier or LATEST)
        if config is None:
            raise no_event_invoke_config(scope, name, qualifier or LATEST)
        return config

    async def delete(self, scope: Scope, name: str, qualifier: str | None) -> None:
        """Delete the configuration of a function, a version or an alias. Raises ResourceNotFound."""
        write = self._database.write(table.delete_config, scope, name, qualifier or LATEST)
        await self._deployments.change(scope, name, write)

    async def list_configs(
        self, scope: Scope, name: str, qualifier: str | None, *, after: str | None, limit: int
    ) -> list[EventInvokeConfig]:
        """At most `limit` configurations of a function, by qualifier from `after` on.

        Raises:
            ResourceNotFound: no such function, version or alias.
        """
        return await self._database.read(table.list_configs, scope, name, qualifier, after=after, limit=limit)


class TermsOfEvents:
    """What the queue goes by: read from the store when it is wanted, and kept until any function changes."""

    def __init__(self, *, database: Database, view: CatalogueView) -> None:
        self._database = database
        self._known: Known[tuple[Scope, str], Mapping[str, EventTerms]] = Known(view)

    async def __call__(self, event: Event) -> EventTerms:
        """How an event is retried and what is sent in the end: as the qualifier that it was sent to wants it now.

        Raises:
            StoreUnavailable: it can't be read.
        """
        function = (event.scope, event.function_name)
        terms = self._known.find(function)
        if terms is None:
            terms = await self._known.load(function, self._database.read(table.event_terms, *function)) or {}
        return terms.get(event.qualifier or LATEST, _DEFAULTS)
