"""Who gets the host's memory, in which order, and when idle environments go for it."""

import pytest

from lambent.environments.host_memory import HostMemory, MemoryRequest


class Host:
    """256 MB, and environments of 128 MB that can be evicted."""

    def __init__(self, *, idle: int = 0) -> None:
        self.idle = idle
        self.evicted = 0
        self.memory = HostMemory(256, evict=self.evict)

    def evict(self) -> bool:
        if self.evicted == self.idle:
            return False
        self.evicted += 1
        self.memory.leaving(128)
        return True

    def request(self, memory_mb: int = 128, *, first: bool = False) -> MemoryRequest:
        return self.memory.request(memory_mb, first=first)


def has(request: MemoryRequest) -> bool:
    return request.granted.done() and request.granted.result()


async def test_memory_is_granted_at_once_while_there_is_some() -> None:
    host = Host()
    assert has(host.request())
    assert has(host.request())
    assert not has(host.request())
    assert host.memory.in_use_mb == 256


async def test_what_is_given_back_goes_to_who_has_waited_longest() -> None:
    host = Host()
    host.request(256)
    waiting = [host.request(), host.request(), host.request()]
    host.memory.release(256)
    assert [has(request) for request in waiting] == [True, True, False]


async def test_functions_without_an_environment_come_first() -> None:
    host = Host()
    host.request(256)
    more, first = host.request(), host.request(first=True)
    assert host.memory.first_are_short
    host.memory.release(128)
    assert (has(more), has(first)) == (False, True)
    assert not host.memory.first_are_short


async def test_each_that_waits_has_one_idle_environment_evicted_and_no_more() -> None:
    host = Host(idle=2)
    host.request(256)
    first = host.request()
    assert host.evicted == 1
    second = host.request()
    assert host.evicted == 2
    host.memory.left(128)
    assert (has(first), has(second)) == (True, False)
    host.memory.left(128)
    assert has(second)
    assert host.evicted == 2


async def test_what_becomes_idle_while_somebody_waits_is_evicted() -> None:
    host = Host()
    host.request(256)
    waiting = host.request()
    host.idle = 1
    host.memory.balance()
    assert host.evicted == 1
    host.memory.left(128)
    assert has(waiting)


async def test_a_large_request_isnt_overtaken_for_ever_by_small_ones() -> None:
    host = Host()
    host.request(128)
    large = host.request(256)
    assert not has(host.request(128))
    host.memory.release(128)
    assert has(large)


async def test_a_request_taken_back_holds_nobody_up() -> None:
    host = Host()
    host.request(128)
    large, small = host.request(256), host.request(128)
    assert host.memory.withdraw(large)
    assert large.granted.result() is False
    assert has(small)
    assert not host.memory.contended


async def test_what_was_granted_cant_be_withdrawn() -> None:
    host = Host()
    granted = host.request()
    assert not host.memory.withdraw(granted)
    assert host.memory.in_use_mb == 128


@pytest.mark.parametrize("first", [True, False])
async def test_nothing_is_evicted_for_what_was_withdrawn(first: bool) -> None:
    host = Host()
    host.request(256)
    host.memory.withdraw(host.request(first=first))
    host.idle = 1
    host.memory.balance()
    assert host.evicted == 0
