"""The messages of a queue, beside a queue that is a plain list; and how threads wait for them."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.companion.launcher import queue_messages
from lambent.companion.launcher.alarm import Alarm
from lambent.companion.launcher.queue_messages import (
    Entry,
    HandleExpired,
    Messages,
    QueueDeleted,
    Received,
    State,
    Wish,
)
from lambent.companion.launcher.receipt_handles import HandleInvalid

ALARM = Alarm()
TIMEOUT = 30


def nobody(_: Entry) -> bool:
    return False


def wish(
    count: int = 10,
    *,
    wait: float = 0,
    hidden: float = TIMEOUT,
    is_dead: Callable[[Entry], bool] = nobody,
    is_expired: Callable[[Entry], bool] = nobody,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Wish:
    return Wish(count, wait, hidden, is_dead, is_expired, is_wanted)


def taken(messages: Messages, asked: Wish) -> list[Any]:
    return [one.entry.message for one in messages.receive(asked, lambda _: None)]


# --- against a list ---


@dataclass
class Known:
    """A message of the list."""

    name: int
    group: str
    hidden_until: int = 0
    in_flight: bool = False
    receives: int = 0


class PlainQueue:
    """What a queue does, said as simply as can be."""

    def __init__(self, *, fifo: bool) -> None:
        self.fifo = fifo
        self.messages: list[Known] = []
        self.now = 0

    def is_hidden(self, one: Known) -> bool:
        return one.hidden_until > self.now

    def locked(self, group: str) -> bool:
        return any(one.group == group and one.in_flight and self.is_hidden(one) for one in self.messages)

    def receive(self, count: int, hidden: int) -> list[Known]:
        found: list[Known] = []
        if self.fifo:
            blocked = {one.group for one in self.messages if self.locked(one.group)}
            order: dict[str, list[Known]] = {}
            for one in self.messages:
                order.setdefault(one.group, []).append(one)
            for group, members in order.items():
                if group in blocked:
                    continue
                for one in members:
                    if self.is_hidden(one):
                        break
                    found.append(one)
        else:
            found = [one for one in self.messages if not self.is_hidden(one)]
        found = found[:count]
        for one in found:
            one.hidden_until, one.in_flight, one.receives = self.now + hidden, True, one.receives + 1
        return found

    def counts(self) -> tuple[int, int, int]:
        hidden = [one for one in self.messages if self.is_hidden(one)]
        in_flight = sum(one.in_flight for one in hidden)
        return len(self.messages) - len(hidden), len(hidden) - in_flight, in_flight


STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 2), st.sampled_from([0, 0, 0, 5])),
    st.tuples(st.just("receive"), st.integers(1, 4), st.sampled_from([0, 3, 10])),
    st.tuples(st.just("delete"), st.integers(0, 50), st.just(0)),
    st.tuples(st.just("hide"), st.integers(0, 50), st.sampled_from([0, 4, 20])),
    st.tuples(st.just("pass"), st.integers(1, 6), st.just(0)),
)


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
@given(steps=st.lists(STEPS, max_size=60))
def test_a_queue_does_what_a_list_would(*, fifo: bool, steps: list[tuple[str, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        plain = PlainQueue(fifo=fifo)
        patch.setattr(queue_messages, "time", SimpleNamespace(monotonic=lambda: plain.now))
        messages = Messages(fifo=fifo, alarm=ALARM)
        handles: list[tuple[str, Known, int]] = []
        for name, (step, number, seconds) in enumerate(steps):
            if step == "add":
                # All messages of a FIFO queue have the same delay: here none has.
                delay = 0 if fifo else seconds
                plain.messages.append(Known(name, str(number), plain.now + delay))
                messages.add(name, str(number), delay_seconds=delay)
            elif step == "receive":
                expected = plain.receive(number, seconds)
                received = messages.receive(wish(number, hidden=seconds), lambda _: None)
                assert [one.entry.message for one in received] == [one.name for one in expected]
                assert [one.receive for one in received] == [one.receives for one in expected]
                handles += [
                    (messages.handle(one), known, known.receives) for one, known in zip(received, expected, strict=True)
                ]
            elif step == "pass":
                plain.now += number
            elif handles:
                handle, known, receive = handles[number % len(handles)]
                _change(plain, messages, handle, known, receive, step, seconds)
            assert tuple(messages.count(state) for state in State) == plain.counts()


def _change(
    plain: PlainQueue, messages: Messages, handle: str, known: Known, receive: int, step: str, seconds: int
) -> None:
    is_there = any(one is known for one in plain.messages)
    in_flight = is_there and known.in_flight and plain.is_hidden(known)
    is_old = plain.fifo and known.receives != receive
    if step == "delete":
        if is_there and plain.fifo and (is_old or not in_flight):
            with pytest.raises(HandleExpired):
                messages.delete(handle)
            return
        messages.delete(handle)
        plain.messages = [one for one in plain.messages if one is not known]
    elif in_flight and is_old:
        with pytest.raises(HandleExpired):
            messages.change_visibility(handle, seconds, longest_seconds=1_000)
    else:
        assert messages.change_visibility(handle, seconds, longest_seconds=1_000) is in_flight
        if in_flight:
            known.hidden_until = plain.now + seconds


# --- threads ---


def in_thread(messages: Messages, asked: Wish) -> tuple[threading.Thread, list[Any]]:
    """A receive that waits, and what it will have returned."""
    result: list[Any] = []

    def receive() -> None:
        with contextlib.suppress(QueueDeleted):
            result.extend(taken(messages, asked))

    thread = threading.Thread(target=receive)
    thread.start()
    return thread, result


def test_who_waits_at_a_group_in_flight_does_nothing() -> None:
    messages = Messages(fifo=True, alarm=ALARM)
    for name in range(3):
        messages.add(name, "g")
    assert taken(messages, wish(1)) == [0]
    used = time.thread_time()
    assert taken(messages, wish(wait=0.5)) == []
    assert time.thread_time() - used < 0.1


def test_who_is_gone_hands_on_what_woke_it() -> None:
    messages = Messages(fifo=False, alarm=ALARM)
    gone = [in_thread(messages, wish(wait=60, is_wanted=lambda: False)) for _ in range(5)]
    here, result = in_thread(messages, wish(wait=60))
    messages.add("m", None)
    here.join(30)
    assert result == ["m"]
    messages.close()
    for thread, nothing in gone:
        thread.join(30)
        assert nothing == []


def test_one_message_is_for_one_of_many() -> None:
    messages = Messages(fifo=False, alarm=ALARM)
    waiting = [in_thread(messages, wish(1, wait=60)) for _ in range(50)]
    for name in range(50):
        messages.add(name, None)
    for thread, _ in waiting:
        thread.join(30)
    assert sorted(name for _, found in waiting for name in found) == list(range(50))


def test_messages_come_to_who_waits_when_they_are_visible() -> None:
    """Also those that were hidden after the wait began, and sooner than what it waited for."""
    messages = Messages(fifo=False, alarm=ALARM)
    messages.add("late", None, delay_seconds=50)
    thread, result = in_thread(messages, wish(1, wait=60))
    messages.add("soon", None, delay_seconds=0.05)
    thread.join(30)
    assert result == ["soon"]


def test_who_waits_is_told_that_the_queue_is_gone() -> None:
    messages = Messages(fifo=False, alarm=ALARM)
    told = threading.Event()

    def wait() -> None:
        with pytest.raises(QueueDeleted):
            messages.receive(wish(wait=60), lambda _: None)
        told.set()

    thread = threading.Thread(target=wait)
    thread.start()
    messages.close()
    thread.join(30)
    assert told.is_set()


# --- what isn't given out ---


def test_dead_messages_are_moved_and_others_taken() -> None:
    messages = Messages(fifo=True, alarm=ALARM)
    for name in ("dead", "alive", "expired", "last"):
        messages.add(name, "g")
    buried: list[Any] = []
    received = messages.receive(
        wish(is_dead=lambda one: one.message == "dead", is_expired=lambda one: one.message == "expired"),
        lambda dead: buried.extend(one.message for one in dead),
    )
    assert [one.entry.message for one in received] == ["alive", "last"]
    assert buried == ["dead"]
    assert [messages.count(state) for state in State] == [0, 0, 2]


def test_a_duplicate_is_one_for_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(queue_messages, "time", SimpleNamespace(monotonic=lambda: now[0]))
    messages = Messages(fifo=True, alarm=ALARM)
    first = messages.add("a", "g", duplicate_of="k")
    assert messages.add("b", "g", duplicate_of="k") is first
    now[0] = queue_messages.DEDUPLICATION_SECONDS
    again = messages.add("c", "g", duplicate_of="k")
    assert again is not first
    assert int(again.sequence_number) > int(first.sequence_number)
    assert taken(messages, wish()) == ["a", "c"]


def test_twelve_hours_are_counted_from_the_receive(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(queue_messages, "time", SimpleNamespace(monotonic=lambda: now[0]))
    messages = Messages(fifo=False, alarm=ALARM)
    messages.add("a", None)
    now[0] = 100_000
    [received] = messages.receive(wish(), lambda _: None)
    handle = messages.handle(received)
    assert messages.change_visibility(handle, 43_200, longest_seconds=43_200)
    now[0] += 1
    with pytest.raises(ValueError, match="43200"):
        messages.change_visibility(handle, 43_200, longest_seconds=43_200)


def test_a_handle_is_one_queues_own() -> None:
    messages, other = (Messages(fifo=False, alarm=ALARM) for _ in range(2))
    entry = messages.add("a", None)
    for handle in ("", "AQEB", "AQEBéé", other.handle(Received(entry, 1)), messages.handle(Received(entry, 1))[4:]):
        with pytest.raises(HandleInvalid):
            messages.delete(handle)


def test_what_was_hidden_is_forgotten_in_time() -> None:
    """A heap of what isn't there any more doesn't grow for as long as messages would have been hidden."""
    messages = Messages(fifo=False, alarm=ALARM)
    for name in range(5_000):
        messages.add(name, None)
        [received] = messages.receive(wish(hidden=43_200), lambda _: None)
        messages.delete(messages.handle(received))
    assert len(messages._hidden) < 2_000
