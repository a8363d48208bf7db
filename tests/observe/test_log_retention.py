"""Which segments go."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lambent.observe.log_files import Segment, segment_name
from lambent.observe.log_retention import largest_first


def segments(**groups: list[int]) -> list[Segment]:
    return [
        Segment(Path(group) / segment_name(number), size, number)
        for group, sizes in groups.items()
        for number, size in enumerate(sizes)
    ]


def removed(kept: list[Segment], too_many_bytes: int) -> list[tuple[str, int]]:
    return [(str(segment.path.parent), segment.modified_ms) for segment in largest_first(kept, too_many_bytes)]


def test_the_oldest_of_the_largest_group_go_although_others_are_older() -> None:
    assert removed(segments(quiet=[5], flood=[10, 10, 10]), 15) == [("flood", 0), ("flood", 1)]


def test_two_large_groups_become_smaller_together() -> None:
    assert removed(segments(a=[10, 10, 10], b=[11, 11, 11]), 40) == [("b", 0), ("a", 0), ("b", 1), ("a", 1)]


def test_nothing_goes_without_need() -> None:
    assert removed(segments(a=[10]), 0) == []


@given(st.lists(st.lists(st.integers(0, 20), max_size=6), max_size=5), st.integers(0, 300))
def test_enough_goes_and_the_last_one_was_needed(sizes: list[list[int]], too_many_bytes: int) -> None:
    have = segments(**{f"g{number}": group for number, group in enumerate(sizes)})
    gone = list(largest_first(have, too_many_bytes))
    assert len(set(gone)) == len(gone)
    assert sum(segment.size for segment in gone) >= min(too_many_bytes, sum(segment.size for segment in have))
    assert sum(segment.size for segment in gone[:-1]) < max(too_many_bytes, 1)
