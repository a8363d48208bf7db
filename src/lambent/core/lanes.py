"""What waits in lanes, none of which holds another up.

A *lane* is the part of a queue that belongs to one function or, of what is sent, to one target. How many of a lane may
be *under way* is its own limit and nobody else's; the others wait in the store, but for a few that were *claimed* with
those before them. So there is no number that one lane could use up for all.

What was throttled tells of limits that aren't the lane's: others use the same account, or the host is full. From then
on no more of the lane are under way than were left running; after a second one more is tried, after another second two
more, then four.

Lanes take turns: each that has something to do and room for it stands in line once. One that has no room is put in line
when something of it ends, and looked at every second, since its limit may change without a word.

Source: developer guide, "Asynchronous invocation": events wait in a queue of their function; how fast AWS takes events
from it is unverified.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Generic, NamedTuple, TypeVar

from lambent.core.shared_memory import SharedMemory

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")

SECOND_MS = 1_000
_FEW_LOOKS = 64


class _Look(NamedTuple, Generic[Key, Item]):
    """When a lane is to stand in line; it counts for as long as it is the lane's `look`."""

    at_ms: int
    number: int
    lane: "Lane[Key, Item]"

    @property
    def counts(self) -> bool:
        """Whether the lane has not stood in line since, nor was told an earlier time."""
        return self.lane.look is self


class Lane(Generic[Key, Item]):
    """One lane.

    Attributes:
        under_way: those that have begun and aren't over, and those that room is kept for.
        size: bytes of all that are claimed or under way.
        claimed: those that have not begun, the oldest first.
        due_ms: when the first of those in the store is due, or earlier; None if there are none.
        is_claiming: somebody is asking the store for some.
        begun_ms: when one has begun last.
        aged_ms: not before then can the oldest be too old.
    """

    __slots__ = (
        "_claimed_ms",
        "_grow_ms",
        "_last_claim",
        "_step",
        "_window",
        "aged_ms",
        "begun_ms",
        "claimed",
        "due_ms",
        "in_line",
        "is_claiming",
        "key",
        "look",
        "size",
        "under_way",
    )

    def __init__(self, key: Key) -> None:
        self.key = key
        self.under_way = 0
        self.size = 0
        self.claimed: deque[Item] = deque()
        self.due_ms: int | None = None
        self.is_claiming = False
        self.in_line = False
        self.look: _Look[Key, Item] | None = None  # when it is to stand in line
        self.begun_ms = 0
        self.aged_ms = 0
        self._window: int | None = None  # None: only its limit counts
        self._step = 1
        self._grow_ms = 0
        self._last_claim = 0
        self._claimed_ms = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it waits or is under way."""
        return not (self.under_way or self.claimed or self.is_claiming) and self.due_ms is None

    def expect(self, due_ms: int | None) -> bool:
        """One waits in the store that is due then (None: none does); whether that is before all others."""
        if due_ms is None or (self.due_ms is not None and self.due_ms <= due_ms):
            return False
        self.due_ms = due_ms
        return True

    def is_due(self, now_ms: int) -> bool:
        """Whether some of the store's may be due."""
        return self.due_ms is not None and self.due_ms <= now_ms

    def is_behind(self, now_ms: int) -> bool:
        """Whether some wait that could begin if there were room: what comes now is younger than they are."""
        return bool(self.claimed) or self.is_claiming or self.is_due(now_ms)

    def room(self, limit: int, now_ms: int) -> int:
        """How many more may begin; may be negative."""
        if self._window is None:
            return limit - self.under_way
        if now_ms >= self._grow_ms:
            self._window += self._step
            self._step *= 2
            self._grow_ms = now_ms + SECOND_MS
            if self._window >= limit:
                self._window = None
                return limit - self.under_way
        return min(limit, self._window) - self.under_way

    def slow_down(self, now_ms: int) -> None:
        """One that is still counted as under way was throttled."""
        allowed = self.under_way if self._window is None else min(self._window, self.under_way)
        self._window = max(0, allowed - 1)
        self._step = 1
        self._grow_ms = now_ms + SECOND_MS

    def claim_size(self, room: int, most: int, now_ms: int) -> int:
        """How many to claim at a time.

        As many as there is room for; twice as many as the last time where those lasted for less than a second, since a
        claim costs as much for many as for one.
        """
        lasted_ms = now_ms - self._claimed_ms
        wanted = max(room, 2 * self._last_claim) if lasted_ms < SECOND_MS else room
        self._last_claim, self._claimed_ms = min(wanted, most), now_ms
        return self._last_claim


class Lanes(Generic[Key, Item]):
    """All lanes of a queue, as far as they have something.

    Args:
        limit_of: how many of a lane may be under way, now.
        max_bytes: of the memory that lanes share: how large all that is claimed or under way may be.
    """

    def __init__(self, limit_of: Callable[[Key], int], *, max_bytes: int) -> None:
        self._limit_of = limit_of
        self._memory = SharedMemory(max_bytes)
        self._lanes: dict[Key, Lane[Key, Item]] = {}
        self._line: deque[Lane[Key, Item]] = deque()
        self._looks: list[_Look[Key, Item]] = []  # a heap
        self._numbers = count()

    def __iter__(self) -> Iterator[Lane[Key, Item]]:
        return iter(self._lanes.values())

    def lane(self, key: Key) -> Lane[Key, Item]:
        """The lane of this key, made if there is none; `forget` it when it is done with."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
        return lane

    def forget(self, lane: Lane[Key, Item]) -> None:
        """Let go of the lane if it has nothing."""
        if lane.is_empty and self._lanes.get(lane.key) is lane:
            del self._lanes[lane.key]
            lane.look = None

    def room(self, lane: Lane[Key, Item], now_ms: int) -> int:
        """How many more of the lane may begin, as far as their number goes; may be negative."""
        return lane.room(self._limit_of(lane.key), now_ms)

    def memory_for(self, lane: Lane[Key, Item], wanted: int) -> int:
        """How many more of the lane may be claimed, whose size isn't known before."""
        if self._memory.has_room(own=lane.size):
            return wanted
        has_some = lane.under_way or lane.claimed
        return 0 if has_some or not self._memory.has_room_for_first else 1

    def grow(self, lane: Lane[Key, Item], size: int) -> None:
        """One is in memory now (or, negative, isn't any more)."""
        lane.size += size
        self._memory.take(size)

    # --- turns ---

    def line_up(self, lane: Lane[Key, Item]) -> None:
        """Have it take a turn."""
        if not lane.in_line:
            lane.in_line = True
            self._line.append(lane)

    def line_up_at(self, lane: Lane[Key, Item], at_ms: int) -> bool:
        """Have it take a turn then; whether that is earlier than it would have."""
        if lane.in_line or (lane.look is not None and lane.look.at_ms <= at_ms):
            return False
        lane.look = _Look(at_ms, next(self._numbers), lane)
        if len(self._looks) > 2 * len(self._lanes) + _FEW_LOOKS:  # mostly such as count no more
            self._looks = [look for look in self._looks if look.counts]
            heapify(self._looks)
        heappush(self._looks, lane.look)
        return True

    def standing(self, now_ms: int) -> int:
        """How many stand in line now, with those whose time has come."""
        while self._looks and self._looks[0].at_ms <= now_ms:
            look = heappop(self._looks)
            if look.counts:
                look.lane.look = None
                self.line_up(look.lane)
        return len(self._line)

    def next(self) -> Lane[Key, Item] | None:
        """The lane whose turn it is."""
        if not self._line:
            return None
        lane = self._line.popleft()
        lane.in_line = False
        return lane

    @property
    def next_look_ms(self) -> int | None:
        """When a lane that doesn't stand in line will; None: none will by itself."""
        while self._looks and not self._looks[0].counts:
            heappop(self._looks)
        return self._looks[0].at_ms if self._looks else None
