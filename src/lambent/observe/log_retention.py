"""Which segments go when all groups together are too large: the oldest ones of whichever group is the largest then.

One function that floods its log uses up its own history so, and a quiet neighbour's last error is still there.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from lambent.observe.log_files import Segment


def largest_first(segments: Iterable[Segment], too_many_bytes: int) -> Iterator[Segment]:
    """The segments to remove, in order, until they are so many bytes or none is left."""
    groups: dict[Path, list[Segment]] = defaultdict(list)
    for segment in segments:
        groups[segment.path.parent].append(segment)
    for group in groups.values():
        group.sort(key=lambda segment: segment.path.name, reverse=True)  # oldest last
    heap = [(-sum(segment.size for segment in group), path) for path, group in groups.items()]
    heapq.heapify(heap)
    while too_many_bytes > 0 and heap:
        negative_size, path = heap[0]
        segment = groups[path].pop()
        yield segment
        too_many_bytes -= segment.size
        if groups[path]:
            heapq.heapreplace(heap, (negative_size + segment.size, path))
        else:
            heapq.heappop(heap)
