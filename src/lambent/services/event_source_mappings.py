"""Event source mappings: create, find, update, delete; and the end of each transition.

Checked in AWS's order, committed in a transitional state, acknowledged; then `run` has the source read or not, as the
mapping says now, and only then settles the state. What a server that died left in transition is settled when the next
one starts, which first has read what was enabled.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from lambent.clock import Clock
from lambent.core.arn import FunctionReference
from lambent.core.mappings.mapping import (
    EventSourceMapping,
    check_not_in_use,
    created,
    deleted,
    no_such_function,
    no_such_mapping,
    settled,
    updated,
)
from lambent.core.mappings.rules import changed_settings, check_request, new_settings
from lambent.core.mappings.settings import MappingSettings
from lambent.core.mappings.sources import EventSource, recognise
from lambent.core.scope import Scope
from lambent.core.tags import check_tags
from lambent.ids import IdMaker
from lambent.store import event_source_mappings as table
from lambent.store.database import Database
from lambent.store.errors import StoreConflict, StoreError
from lambent.store.qualified import find_qualified

_STORE_BACK_OFF_SECONDS = 1.0

logger = logging.getLogger(__name__)


class SourceProbe(Protocol):
    """Looks whether an event source is there."""

    async def check(self, source: EventSource, *, function_timeout_seconds: int) -> None:
        """Raises InvalidParameterValue when a function with this timeout can't read the source."""


class Sources(Protocol):
    """Reads event sources."""

    def follow(self, mapping: EventSourceMapping, *, reads: bool) -> None:
        """Take up a mapping as it is now.

        Args:
            reads: whether its source is to be read; if not, nothing more is received when this returns.
        """


@dataclass(frozen=True, slots=True)
class NewMapping:
    """What CreateEventSourceMapping asks for."""

    function: FunctionReference
    source_arn: str | None
    settings: MappingSettings
    enabled: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MappingUpdate:
    """What UpdateEventSourceMapping asks for; None leaves as it is."""

    uuid: str
    function: FunctionReference | None
    settings: MappingSettings
    enabled: bool | None = None


class EventSourceMappings:
    """The use cases of event source mappings."""

    def __init__(self, *, database: Database, probe: SourceProbe, sources: Sources, clock: Clock, ids: IdMaker) -> None:
        self._database = database
        self._probe = probe
        self._sources = sources
        self._clock = clock
        self._ids = ids
        self._unsettled = asyncio.Event()
        self._unsettled.set()  # an earlier server may have left some

    async def create(self, scope: Scope, new: NewMapping) -> EventSourceMapping:
        """Add a mapping: Creating, or Disabled at once.

        Raises:
            InvalidParameterValue: in AWS's order, settings, source or function aren't right.
            ResourceConflict: the function has a mapping of this source.
        """
        check_request(new.settings)
        is_self_managed = new.settings.self_managed_event_source is not None
        source = recognise(new.source_arn, is_self_managed=is_self_managed, region=scope.region)
        check_tags(new.tags)
        uuid, now_ms = self._ids.uuid(), self._clock.now_ms()
        settings = new_settings(source, new.settings, mapping_id=uuid, now=datetime.fromtimestamp(now_ms / 1000, UTC))
        timeout = await self._timeout_of(scope, new.function)
        await self._probe.check(source, function_timeout_seconds=timeout)
        mapping = created(
            scope,
            uuid,
            function=new.function,
            source=source,
            settings=settings,
            enabled=new.enabled,
            now_ms=now_ms,
            tags=new.tags,
        )
        try:
            await self._insert(mapping)
        except StoreConflict:
            await self._insert(mapping)  # somebody else was first, and is found now
        return mapping

    async def get(self, scope: Scope, uuid: str) -> EventSourceMapping:
        """One mapping.

        Raises:
            ResourceNotFound: it isn't there.
        """
        found = await self._database.read(table.find_mapping, scope, uuid)
        if found is None:
            raise no_such_mapping()
        return found

    async def list_mappings(
        self,
        scope: Scope,
        *,
        function: FunctionReference | None,
        source_arn: str | None,
        after: str | None,
        limit: int,
    ) -> list[EventSourceMapping]:
        """At most `limit` mappings by UUID from `after` on; none of a function or source that isn't there."""
        return await self._database.read(
            table.list_mappings, scope, function=function, source_arn=source_arn, after=after, limit=limit
        )

    async def update(self, scope: Scope, update: MappingUpdate) -> EventSourceMapping:
        """Change settings, function or whether it is enabled.

        Raises:
            ResourceNotFound: it isn't there.
            InvalidParameterValue: settings or function aren't right.
            ResourceConflict: the other function has a mapping of this source.
            ResourceInUse: a change is under way.
        """
        while True:
            current = await self.get(scope, update.uuid)
            settings = changed_settings(current.source, current.settings, update.settings)
            function = update.function or current.function
            if update.function is not None:
                timeout = await self._timeout_of(scope, function)
                if function != current.function:
                    await self._probe.check(current.source, function_timeout_seconds=timeout)
            check_not_in_use(current, action="update")
            changed = updated(
                current,
                function=function,
                settings=settings,
                enabled=current.enabled if update.enabled is None else update.enabled,
                now_ms=self._clock.now_ms(),
            )
            if await self._replace(changed, current):
                return changed

    async def delete(self, scope: Scope, uuid: str) -> EventSourceMapping:
        """Have a mapping deleted; it is Deleting, and soon gone.

        Raises:
            ResourceNotFound: it isn't there.
            ResourceInUse: a change is under way.
        """
        while True:
            current = await self.get(scope, uuid)
            check_not_in_use(current, action="delete")
            changed = deleted(current)
            if await self._replace(changed, current):
                return changed

    async def run(self) -> None:
        """Have enabled sources read, and settle what is in transition, until cancelled."""
        is_begun = False
        while True:
            await self._unsettled.wait()
            self._unsettled.clear()
            try:
                if not is_begun:
                    for mapping in await self._database.read(table.enabled_mappings):
                        self._sources.follow(mapping, reads=True)
                    is_begun = True
                await self._settle()
            except StoreError:
                # They stay in transition until the database can be written to again.
                logger.exception("The states of event source mappings could not be written.")
                await asyncio.sleep(_STORE_BACK_OFF_SECONDS)
                self._unsettled.set()

    async def _settle(self) -> None:
        mappings = await self._database.read(table.unsettled_mappings)
        for mapping in mappings:
            after = settled(mapping)
            self._sources.follow(mapping, reads=after is not None and after.enabled)
        if mappings:
            await self._database.write(table.settle_mappings, mappings)

    async def _timeout_of(self, scope: Scope, function: FunctionReference) -> int:
        """Seconds that an invocation of the function may take. Raises InvalidParameterValue when it isn't there."""
        found = await self._database.read(find_qualified, scope, function.name, function.qualifier)
        if found is None:
            raise no_such_function()
        return found.configuration.settings.timeout_seconds

    async def _insert(self, mapping: EventSourceMapping) -> None:
        try:
            await self._database.write(table.insert_mapping, mapping)
        finally:
            # Even if the caller has gone: the write may be carried out, and the one writer settles after it.
            self._unsettled.set()

    async def _replace(self, changed: EventSourceMapping, current: EventSourceMapping) -> bool:
        try:
            return await self._database.write(table.replace_mapping, changed, seen=current)
        except StoreConflict:
            return False  # decided again, when what was first is found
        finally:
            self._unsettled.set()
