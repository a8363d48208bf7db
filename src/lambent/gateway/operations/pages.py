"""Pages of lists: how many items, and the marker that says where the next page begins.

A marker is opaque to callers; ours is the sort key of the page's last item, so that pages stay right while functions
come and go.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from lambent.core.errors import InvalidParameterValue

T = TypeVar("T")

MAX_PAGE = 50
"""Items on a page of functions or versions; asking for more is no error (quotas.md §8)."""


def page_size(request: Mapping[str, Any]) -> int:
    """How many items the answer may have."""
    return min(request.get("max_items") or MAX_PAGE, MAX_PAGE)


def read_marker(request: Mapping[str, Any], shape: tuple[type, ...]) -> list[Any] | None:
    """The sort key that the marker stands for, or None on the first page.

    Raises:
        InvalidParameterValue: not a marker of this operation. Source of the text: unverified.
    """
    marker = request.get("marker")
    if not marker:
        return None
    try:
        key = json.loads(base64.b64decode(marker, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, list) or [type(part) for part in key] != list(shape):
        raise InvalidParameterValue("Invalid Marker.")
    return key


def cut_page(items: Sequence[T], size: int, key_of: Callable[[T], Sequence[object]]) -> tuple[Sequence[T], str | None]:
    """The page out of up to `size` + 1 items that were read, and the marker of the next one if there is more."""
    if len(items) <= size:
        return items, None
    key = json.dumps(list(key_of(items[size - 1])), separators=(",", ":"))
    return items[:size], base64.urlsafe_b64encode(key.encode()).decode()
