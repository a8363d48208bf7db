"""Pages of lists: how many items, and the marker that says where the next page begins.

A marker is opaque to callers; ours is the sort key of the page's last item, so that pages stay right while functions
come and go.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec

from lambent.core.errors import InvalidParameterValue

T = TypeVar("T")
K = TypeVar("K")

MAX_PAGE = 50
"""Items on a page of functions or versions; asking for more is no error (quotas.md §8)."""

_Number = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]

BY_NAME: Final = msgspec.json.Decoder(str)
"""Reads the sort keys of lists that are sorted by a name, an id or a qualifier."""
BY_NUMBER: Final[msgspec.json.Decoder[int]] = msgspec.json.Decoder(_Number)
"""The same, of versions."""
BY_NAME_AND_NUMBER: Final[msgspec.json.Decoder[tuple[str, int]]] = msgspec.json.Decoder(tuple[str, _Number])
"""The same, of versions of many functions."""


async def render_page(  # what differs between lists
    request: Mapping[str, Any],
    member: str,
    read: Callable[[K | None, int], Awaitable[Sequence[T]]],
    *,
    keys: msgspec.json.Decoder[K],
    key: Callable[[T], K],
    render: Callable[[T], object],
    largest: int = MAX_PAGE,
) -> dict[str, Any]:
    """The answer to a request for a page of a list.

    Args:
        member: of the answer, where the items go.
        read: reads items: those after a sort key (None is from the first on), and how many at most.
        keys: reads a marker's sort key.
        key: the sort key of an item.
        render: an item as the answer has it.
        largest: what a page has at most.

    Raises:
        InvalidParameterValue: the marker isn't one of this list.
    """
    size = min(request.get("max_items") or largest, largest)
    found = await read(read_marker(request, keys), size + 1)
    page = found[:size]
    answer: dict[str, Any] = {member: [render(item) for item in page]}
    if len(found) > size:
        answer["next_marker"] = base64.urlsafe_b64encode(msgspec.json.encode(key(page[-1]))).decode()
    return answer


def read_marker(request: Mapping[str, Any], keys: msgspec.json.Decoder[K]) -> K | None:
    """The sort key that the marker stands for, or None on the first page.

    Raises:
        InvalidParameterValue: not a marker of this operation. Source of the text: unverified.
    """
    marker = request.get("marker")
    if not marker:
        return None
    try:
        return keys.decode(base64.b64decode(marker, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidParameterValue("Invalid Marker.") from error
