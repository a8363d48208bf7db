"""Tags: add, take away and list those of any resource that has some."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from lambent.core.scope import Scope
from lambent.core.tags import ResourceKind, TaggedResource, check_added_tags, check_tags, resource_not_found
from lambent.ids import IdMaker
from lambent.store import function_tags
from lambent.store.database import Database

Tags = Mapping[str, str]


class TagTable(NamedTuple):
    """Where the tags of one kind of resource are; both are units of work, given scope and the resource's name.

    Attributes:
        find: the tags, or None when the resource isn't there.
        replace: gives the resource these tags and no others; False when it isn't there.
    """

    find: Callable[[Connection, Scope, str], Tags | None]
    replace: Callable[[Connection, Scope, str, Tags], bool]


class ResourceTags:
    """The use cases of tags.

    Args:
        tables: of every kind but functions; no resource of a kind that isn't there exists.
    """

    def __init__(self, *, database: Database, ids: IdMaker, tables: Mapping[ResourceKind, TagTable]) -> None:
        self._database = database
        self._ids = ids
        self._tables = {ResourceKind.FUNCTION: TagTable(function_tags.find_tags, self._replace_of_function), **tables}

    async def add(self, resource: TaggedResource, added: Tags) -> None:
        """Add tags, and overwrite those whose keys are there.

        Raises:
            InvalidParameterValue: no tags, too many of them, or keys of AWS's.
            ResourceNotFound: the resource isn't there.
            ResourceConflict: a function that is being created or updated.
        """
        check_added_tags(added)
        await self._change(resource, lambda tags: {**tags, **added})

    async def remove(self, resource: TaggedResource, keys: Collection[str]) -> None:
        """Take tags away; keys that aren't there are no error. Raises as `add`."""
        await self._change(resource, lambda tags: {key: value for key, value in tags.items() if key not in keys})

    async def tags_of(self, resource: TaggedResource) -> Tags:
        """All tags of a resource. Raises ResourceNotFound."""
        table = self._table(resource)
        tags = await self._database.read(table.find, resource.scope, resource.name)
        if tags is None:
            raise resource_not_found(resource.kind, resource.arn)
        return tags

    async def _change(self, resource: TaggedResource, decide: Callable[[Tags], Tags]) -> None:
        await self._database.write(_change_tags, self._table(resource), resource, decide)

    def _table(self, resource: TaggedResource) -> TagTable:
        table = self._tables.get(resource.kind)
        if table is None:
            raise resource_not_found(resource.kind, resource.arn)
        return table

    def _replace_of_function(self, connection: Connection, scope: Scope, name: str, tags: Tags) -> bool:
        return function_tags.replace_tags(connection, scope, name, tags, revision_id=self._ids.uuid())


def _change_tags(
    connection: Connection, table: TagTable, resource: TaggedResource, decide: Callable[[Tags], Tags]
) -> None:
    tags = table.find(connection, resource.scope, resource.name)
    if tags is None:
        raise resource_not_found(resource.kind, resource.arn)
    changed = decide(tags)
    table.replace(connection, resource.scope, resource.name, changed)
    check_tags(changed)  # last, as AWS has it: the resource's state is looked at before its quota
