"""Pages of lists, and markers that nobody was given."""

import base64
from typing import Any

import msgspec
import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.gateway.operations.pages import BY_NAME, BY_NAME_AND_NUMBER, BY_NUMBER, read_marker, render_page


def marker(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


async def page(request: dict[str, Any], items: list[int]) -> dict[str, Any]:
    async def read(after: int | None, limit: int) -> list[int]:
        return [item for item in items if after is None or item > after][:limit]

    return await render_page(
        request, "items", read, keys=BY_NUMBER, key=lambda item: item, render=lambda item: {"n": item}, largest=3
    )


async def test_pages_follow_each_other_until_the_last_which_has_no_marker() -> None:
    items, request, sizes = list(range(7)), {"max_items": 2}, []
    seen: list[int] = []
    while True:
        answer = await page(request, items)
        sizes.append(len(answer["items"]))
        seen += [item["n"] for item in answer["items"]]
        if "next_marker" not in answer:
            break
        request = {**request, "marker": answer["next_marker"]}
    assert (seen, sizes) == (items, [2, 2, 2, 1])
    assert await page({"max_items": 2}, [1, 2]) == {"items": [{"n": 1}, {"n": 2}]}


@pytest.mark.parametrize("asked", [{}, {"max_items": None}, {"max_items": 10_000}, {"marker": ""}])
async def test_a_page_has_no_more_than_its_list_allows(asked: dict[str, Any]) -> None:
    assert len((await page(asked, list(range(9))))["items"]) == 3


async def test_a_page_begins_after_what_has_gone_meanwhile() -> None:
    first = await page({"max_items": 2}, [1, 2, 3])
    assert (await page({"marker": first["next_marker"]}, [1, 3]))["items"] == [{"n": 3}]


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        (BY_NAME, b"1"),
        (BY_NAME, b'["a"]'),
        (BY_NAME, b'"\\ud800"'),
        (BY_NAME, b'"\xff"'),
        (BY_NUMBER, b'"1"'),
        (BY_NUMBER, b"-1"),
        (BY_NUMBER, b"1.0"),
        (BY_NUMBER, b"true"),
        (BY_NUMBER, b"2147483648"),
        (BY_NUMBER, b"99999999999999999999999"),
        (BY_NAME_AND_NUMBER, b'"a"'),
        (BY_NAME_AND_NUMBER, b'["a"]'),
        (BY_NAME_AND_NUMBER, b'["",99999999999999999999999]'),
        (BY_NAME_AND_NUMBER, b'["a",1,2]'),
        (BY_NAME, b"null"),
        (BY_NAME, b""),
    ],
)
def test_a_marker_that_nobody_was_given_is_refused(keys: msgspec.json.Decoder[Any], key: bytes) -> None:
    """Source of the text: unverified."""
    with pytest.raises(InvalidParameterValue, match=r"Invalid Marker\."):
        read_marker({"marker": marker(key) or "!"}, keys)


@pytest.mark.parametrize("text", ["nonsense", "é", "a" * 10_000, "====", "Mg"])
def test_a_marker_that_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        read_marker({"marker": text}, BY_NUMBER)
