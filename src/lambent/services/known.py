"""Small caches beside the catalogue view, which go by its changes."""

from collections.abc import Awaitable, Hashable
from typing import Generic, TypeVar

from lambent.services.catalogue_view import CatalogueView

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Known(Generic[Key, Value]):
    """What was read from the store, kept until any function changes.

    Every write that it depends on goes through `Deployments.change`. Used from the event loop's thread only.

    Args:
        limit: how much is kept at most; all is forgotten when it is reached.
    """

    def __init__(self, view: CatalogueView, *, limit: int = 1_024) -> None:
        self._view = view
        self._limit = limit
        self._known: dict[Key, Value] = {}
        self._as_of = view.changes

    def find(self, key: Key) -> Value | None:
        """What is known; None when it must be loaded."""
        if self._as_of != self._view.changes:
            self._known.clear()
            self._as_of = self._view.changes
        return self._known.get(key)

    async def load(self, key: Key, read: Awaitable[Value | None]) -> Value | None:
        """What the store says; kept unless it says None, or something was being changed meanwhile."""
        changes = self._view.changes
        value = await read
        if value is not None and changes == self._view.changes and not self._view.is_changing:
            if len(self._known) >= self._limit or self._as_of != changes:
                self._known.clear()
            self._known[key], self._as_of = value, changes
        return value
