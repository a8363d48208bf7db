"""The messages of one queue of SQS, for any number of threads that send, receive and wait.

A message is *visible* until it is received; then it is *in flight*, and hidden until its visibility timeout ends or it
is deleted. A message that was sent with a delay is hidden until that ends. Hidden messages are in a heap by the time
at which they will be visible; who waits for messages sleeps, and is woken by the thread that has sent one, or by the
alarm when one has become visible again. One message wakes one of those that wait.

A FIFO queue gives out messages of a group in order, and none of a group of which one is in flight.

Source: SQS developer guide, "Visibility timeout", "FIFO delivery logic", "Exactly-once processing"; API reference,
ReceiveMessage.
"""

import heapq
import itertools
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

from lambent.companion.launcher.alarm import Alarm
from lambent.companion.launcher.receipt_handles import ReceiptHandles

DEDUPLICATION_SECONDS = 300.0

_FIRST_SEQUENCE_NUMBER = 18_850_000_000_000_000_000  # 20 digits, as AWS's are
_STALE_MOST = 1_000  # of the heap of hidden messages, beside those that are hidden

_numbers = itertools.count(1)  # of all queues: a message that moves on to another comes behind those that are there


class State(Enum):
    """Of a message that wasn't deleted."""

    VISIBLE = auto()
    DELAYED = auto()
    IN_FLIGHT = auto()


@dataclass(slots=True, eq=False)
class Entry:
    """A message in its queue.

    Attributes:
        message: moto's.
        group: of a FIFO queue; else None.
        visible_at: when a hidden one will be visible, as `time.monotonic` counts.
        receives: how often it was received from this queue.
        received_at: the last time, as `time.monotonic` counts.
    """

    message: Any
    number: int
    group: str | None
    state: State = State.VISIBLE
    visible_at: float = 0.0
    receives: int = 0
    received_at: float = 0.0

    @property
    def sequence_number(self) -> str:
        """Of a message of a FIFO queue: those of later ones are greater."""
        return str(_FIRST_SEQUENCE_NUMBER + self.number)


class Received(NamedTuple):
    """An entry, and the number of the receive that it was taken by, from 1."""

    entry: Entry
    receive: int


@dataclass(slots=True)
class _Group:
    """Messages of one group, in order."""

    entries: OrderedDict[int, Entry]
    in_flight: int = 0

    def first(self) -> Entry | None:
        """The next one to be received, if the group may be read."""
        if self.in_flight or not self.entries:
            return None
        entry = next(iter(self.entries.values()))
        return entry if entry.state is State.VISIBLE else None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a receive asks for.

    Attributes:
        count: the most messages.
        wait_seconds: how long to wait for the first.
        visibility_seconds: how long they will be hidden.
        is_dead: whether a message is to be moved instead of received.
        is_expired: whether a message was kept for too long.
        is_wanted: whether somebody still waits for the answer; asked before messages are taken.
    """

    count: int
    wait_seconds: float
    visibility_seconds: float
    is_dead: Callable[[Entry], bool]
    is_expired: Callable[[Entry], bool]
    is_wanted: Callable[[], bool]


class QueueDeleted(Exception):
    """The queue was deleted while somebody waited for its messages."""


class HandleExpired(Exception):
    """A receipt handle isn't that of the last receive any more, or that receive's visibility timeout has ended."""


class Messages:
    """The messages of one queue.

    Args:
        fifo: whether it is a FIFO queue.
        alarm: shared by all queues.
    """

    def __init__(self, *, fifo: bool, alarm: Alarm) -> None:
        self._fifo = fifo
        self._alarm = alarm
        # Guards all that follows; only the alarm's own lock is taken under it.
        self._changed = threading.Condition()
        self._entries: dict[int, Entry] = {}
        self._counts = dict.fromkeys(State, 0)
        self._visible: list[int] = []  # a heap; of a standard queue
        self._groups: dict[str, _Group] = {}
        self._ready: list[tuple[int, str]] = []  # a heap of groups, by their first message
        self._hidden: list[tuple[float, int]] = []  # a heap, by time; what isn't hidden until then is stale
        self._duplicates: OrderedDict[object, tuple[float, Entry]] = OrderedDict()
        self._handles = ReceiptHandles()
        self._waiting = 0
        self._woken_at = math.inf  # the alarm's next call
        self._deleted = self._is_hurried = False

    # --- what senders do ---

    def add(self, message: Any, group: str | None, *, delay_seconds: float = 0.0, duplicate_of: object = None) -> Entry:
        """Add a message; what was sent before is returned instead if it is a duplicate of that.

        Args:
            duplicate_of: what duplicates have in common; None for a message that is none, whatever there is.
        """
        now = time.monotonic()
        with self._changed:
            if duplicate_of is not None:
                self._forget_duplicates(now)
                if duplicate_of in self._duplicates:
                    return self._duplicates[duplicate_of][1]
            entry = Entry(message, next(_numbers), group if self._fifo else None)
            if duplicate_of is not None:
                self._duplicates[duplicate_of] = (now, entry)
            self._entries[entry.number] = entry
            if entry.group is not None:
                self._groups.setdefault(entry.group, _Group(OrderedDict())).entries[entry.number] = entry
            self._counts[entry.state] += 1
            if delay_seconds > 0:
                self._hide(entry, State.DELAYED, now + delay_seconds)
            else:
                self._offer(entry)
            return entry

    def _forget_duplicates(self, now: float) -> None:
        while self._duplicates:
            key, (since, _) = next(iter(self._duplicates.items()))
            if now - since < DEDUPLICATION_SECONDS:
                return
            del self._duplicates[key]

    # --- what receivers do ---

    def receive(self, wish: Wish, bury: Callable[[list[Entry]], None]) -> list[Received]:
        """Take messages, the oldest first, and wait for them if there are none.

        Args:
            bury: moves messages that are dead, and were removed.

        Raises:
            QueueDeleted: meanwhile.
        """
        deadline = time.monotonic() + wish.wait_seconds
        while True:
            with self._changed:
                now = self._until_some(deadline)
                taken, dead = self._take(wish, now) if self._some() and wish.is_wanted() else ([], [])
                self._settle(now)
                if self._some():  # it may be this thread's to see to it that others get the rest
                    self._changed.notify()
            if dead:
                bury(dead)
            if taken or not dead or now >= deadline:
                return taken

    def handle(self, received: Received) -> str:
        """The receipt handle."""
        return self._handles.write(received.entry.number, received.receive)

    def delete(self, handle: str) -> None:
        """Delete a message, by any handle of a standard queue's, by the last one of a FIFO queue's.

        Raises:
            HandleInvalid: of another queue.
            HandleExpired: of a FIFO queue, and the message may be somebody else's by now.
        """
        number, receive = self._handles.read(handle)
        now = time.monotonic()
        with self._changed:
            self._settle(now)
            entry = self._entries.get(number)
            if entry is None:
                return
            if self._fifo and (entry.state is not State.IN_FLIGHT or entry.receives != receive):
                raise HandleExpired
            self._remove(entry)

    def change_visibility(self, handle: str, seconds: float, *, longest_seconds: float) -> bool:
        """Have a message in flight visible after so many seconds from now; false if it isn't in flight.

        Raises:
            HandleInvalid: of another queue.
            HandleExpired: of a FIFO queue, and the message is somebody else's by now.
            ValueError: it would be hidden for longer than it may be, counted from its receive.
        """
        number, receive = self._handles.read(handle)
        now = time.monotonic()
        with self._changed:
            self._settle(now)
            entry = self._entries.get(number)
            if entry is None or entry.state is not State.IN_FLIGHT:
                return False
            if self._fifo and entry.receives != receive:
                raise HandleExpired
            if now + seconds - entry.received_at > longest_seconds:
                raise ValueError(seconds)
            self._hide(entry, State.IN_FLIGHT, now + seconds)
            self._settle(now)
            return True

    # --- what is done to the queue ---

    def purge(self) -> None:
        """Remove all."""
        with self._changed:
            for entry in list(self._entries.values()):
                self._remove(entry)

    def close(self) -> None:
        """The queue was deleted: nobody need wait any longer."""
        with self._changed:
            self._deleted = True
            self._changed.notify_all()

    def hurry(self) -> None:
        """From now on nobody waits: who does is answered."""
        with self._changed:
            self._is_hurried = True
            self._changed.notify_all()

    def count(self, state: State) -> int:
        """How many are visible, delayed or in flight."""
        with self._changed:
            self._settle(time.monotonic())
            return self._counts[state]

    # --- all that follows is called with the lock held ---

    def _until_some(self, deadline: float) -> float:
        """Wait until there is something to take, or the deadline; returns the time."""
        while True:
            now = time.monotonic()
            self._settle(now)
            if self._deleted:
                raise QueueDeleted
            if self._some() or now >= deadline or self._is_hurried:
                return now
            self._waiting += 1
            self._set_alarm()
            self._changed.wait(deadline - now)
            self._waiting -= 1

    def _some(self) -> bool:
        """Whether there is something to take; drops from the heaps what isn't there any more."""
        if self._fifo:
            while self._ready:
                number, name = self._ready[0]
                group = self._groups.get(name)
                first = None if group is None else group.first()
                if first is not None and first.number == number:
                    return True
                heapq.heappop(self._ready)
            return False
        while self._visible:
            entry = self._entries.get(self._visible[0])
            if entry is not None and entry.state is State.VISIBLE:
                return True
            heapq.heappop(self._visible)
        return False

    def _take(self, wish: Wish, now: float) -> tuple[list[Received], list[Entry]]:
        taken: list[Received] = []
        dead: list[Entry] = []
        while len(taken) < wish.count and self._some():
            for entry in self._next(wish.count - len(taken)):
                if wish.is_expired(entry):
                    self._remove(entry)
                elif wish.is_dead(entry):
                    self._remove(entry)
                    dead.append(entry)
                else:
                    entry.receives += 1
                    entry.received_at = now
                    taken.append(Received(entry, entry.receives))
                    self._hide(entry, State.IN_FLIGHT, now + wish.visibility_seconds)
        return taken, dead

    def _next(self, most: int) -> list[Entry]:
        """What comes next: one message, or several of one group, which then is in flight."""
        if not self._fifo:
            return [self._entries[heapq.heappop(self._visible)]]
        group = self._groups[heapq.heappop(self._ready)[1]]
        visible = itertools.takewhile(lambda entry: entry.state is State.VISIBLE, group.entries.values())
        return list(itertools.islice(visible, most))

    def _offer(self, entry: Entry) -> None:
        """A message is visible, or the first of its group may have become the next."""
        if entry.group is None:
            heapq.heappush(self._visible, entry.number)
        else:
            group = self._groups.get(entry.group)
            first = None if group is None else group.first()
            if first is None:
                return
            heapq.heappush(self._ready, (first.number, entry.group))
        if self._waiting:
            self._changed.notify()

    def _hide(self, entry: Entry, state: State, until: float) -> None:
        self._become(entry, state)
        entry.visible_at = until
        heapq.heappush(self._hidden, (until, entry.number))
        hidden = self._counts[State.DELAYED] + self._counts[State.IN_FLIGHT]
        if len(self._hidden) > 2 * hidden + _STALE_MOST:
            self._hidden = [one for one in self._hidden if self._is_hidden_until(*one)]
            heapq.heapify(self._hidden)
        if self._waiting:
            self._set_alarm()

    def _is_hidden_until(self, until: float, number: int) -> bool:
        entry = self._entries.get(number)
        return entry is not None and entry.state is not State.VISIBLE and entry.visible_at == until

    def _settle(self, now: float) -> None:
        """Have visible what is hidden no longer."""
        while self._hidden and self._hidden[0][0] <= now:
            until, number = heapq.heappop(self._hidden)
            if self._is_hidden_until(until, number):
                entry = self._entries[number]
                self._become(entry, State.VISIBLE)
                self._offer(entry)

    def _become(self, entry: Entry, state: State) -> None:
        if entry.group is not None:
            before, after = (one is State.IN_FLIGHT for one in (entry.state, state))
            self._groups[entry.group].in_flight += after - before
        self._counts[entry.state] -= 1
        self._counts[state] += 1
        entry.state = state

    def _remove(self, entry: Entry) -> None:
        self._become(entry, State.VISIBLE)
        self._counts[State.VISIBLE] -= 1
        del self._entries[entry.number]
        if entry.group is not None:
            group = self._groups[entry.group]
            del group.entries[entry.number]
            if group.entries:
                self._offer(entry)
            else:
                del self._groups[entry.group]

    def _set_alarm(self) -> None:
        """Somebody waits: have the alarm look when the next hidden message will be visible."""
        while self._hidden and not self._is_hidden_until(*self._hidden[0]):
            heapq.heappop(self._hidden)
        if self._hidden and self._hidden[0][0] < self._woken_at:
            self._woken_at = self._hidden[0][0]
            self._alarm.call_at(self._woken_at, self._ring)

    def _ring(self) -> None:
        """The alarm's call, in its thread, without the lock."""
        with self._changed:
            self._woken_at = math.inf
            self._settle(time.monotonic())
            if self._waiting:
                self._set_alarm()
