"""The in-memory view of function URLs: which function a request to a URL is for."""

from lambent.core.function_urls import FunctionUrlConfig
from lambent.services.catalogue_view import CatalogueView
from lambent.services.known import Known
from lambent.store.database import Database
from lambent.store.function_urls import find_url_by_id


class UrlView:
    """Function URLs by their identifiers."""

    def __init__(self, *, database: Database, view: CatalogueView) -> None:
        self._database = database
        self._known: Known[str, FunctionUrlConfig] = Known(view)

    def find(self, url_id: str) -> FunctionUrlConfig | None:
        """The URL, or None when it must be loaded first."""
        return self._known.find(url_id)

    async def load(self, url_id: str) -> FunctionUrlConfig | None:
        """Read it from the store; None if there is none."""
        return await self._known.load(url_id, self._database.read(find_url_by_id, url_id))
