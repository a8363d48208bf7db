"""The host's memory as environments share it: who has some, who waits for some, and when idle ones must go for it.

An environment takes its MemorySize from before its sandbox is acquired until nothing is left of it. *Leaving* is what
environments hold that have been told to end: it isn't free yet, but needn't be asked for again.

Requests are granted in the order they came, those of functions without any environment before all others: a flood of
one function can take all of the host, but it can't keep the next function from running at all.
"""

import asyncio
import collections
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class MemoryRequest:
    """Somebody wants memory.

    Attributes:
        granted: true when it is theirs, to be given back by `release`; false when the request was withdrawn.
    """

    memory_mb: int
    granted: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class HostMemory:
    """The account of the host's memory, in MB of MemorySize; belongs to the event loop's thread."""

    def __init__(self, capacity_mb: int, *, evict: Callable[[], bool]) -> None:
        """All of it is free.

        Args:
            capacity_mb: what all environments together may hold.
            evict: end one idle environment and call `leaving` for it; false if none is idle.
        """
        self.capacity_mb = capacity_mb
        self.in_use_mb = 0
        self._evict = evict
        self._leaving_mb = 0
        self._first: collections.deque[MemoryRequest] = collections.deque()
        self._others: collections.deque[MemoryRequest] = collections.deque()
        self._first_mb = 0
        self._others_mb = 0

    @property
    def contended(self) -> bool:
        """Whether anybody waits."""
        return bool(self._first or self._others)

    @property
    def first_are_short(self) -> bool:
        """Whether even with what is leaving there isn't enough for the functions without any environment."""
        return bool(self._first) and self.in_use_mb - self._leaving_mb + self._first_mb > self.capacity_mb

    def request(self, memory_mb: int, *, first: bool) -> MemoryRequest:
        """Ask for memory; granted at once if there is room.

        Args:
            memory_mb: no more than the capacity.
            first: the function has no environment.
        """
        request = MemoryRequest(memory_mb)
        if not self.contended and self.in_use_mb + memory_mb <= self.capacity_mb:
            self._grant(request)
            return request
        if first:
            self._first.append(request)
            self._first_mb += memory_mb
        else:
            self._others.append(request)
            self._others_mb += memory_mb
        self.balance()
        return request

    def withdraw(self, request: MemoryRequest) -> bool:
        """Take a request back; false if it has been granted."""
        if request in self._first:
            self._first.remove(request)
            self._first_mb -= request.memory_mb
        elif request in self._others:
            self._others.remove(request)
            self._others_mb -= request.memory_mb
        else:
            return False
        request.granted.set_result(False)
        self.balance()
        return True

    def leaving(self, memory_mb: int) -> None:
        """An environment that holds this much is about to end."""
        self._leaving_mb += memory_mb

    def left(self, memory_mb: int) -> None:
        """An environment that was leaving has ended."""
        self._leaving_mb -= memory_mb
        self.release(memory_mb)

    def release(self, memory_mb: int) -> None:
        """Give back what was granted."""
        self.in_use_mb -= memory_mb
        self.balance()

    def balance(self) -> None:
        """Grant what there is room for, then make room: when something was given back, or became idle."""
        while (waiting := self._first or self._others) and self.in_use_mb + waiting[0].memory_mb <= self.capacity_mb:
            request = waiting.popleft()
            if waiting is self._first:
                self._first_mb -= request.memory_mb
            else:
                self._others_mb -= request.memory_mb
            self._grant(request)
        while self.contended and self._is_short() and self._evict():
            pass

    def _grant(self, request: MemoryRequest) -> None:
        self.in_use_mb += request.memory_mb
        request.granted.set_result(True)

    def _is_short(self) -> bool:
        wanted_mb = self._first_mb + self._others_mb
        return self.in_use_mb - self._leaving_mb + wanted_mb > self.capacity_mb
