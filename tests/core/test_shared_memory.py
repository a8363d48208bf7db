"""Who takes how much of what several share."""

from lambent.core.shared_memory import SharedMemory


def test_whoever_has_taken_as_much_as_is_left_to_the_others_takes_no_more() -> None:
    memory, owns = SharedMemory(100), []
    for _ in range(3):
        own = 0
        while memory.has_room(own=own):
            memory.take(1)
            own += 1
        owns.append(own)
    assert owns == [50, 25, 13]


def test_what_was_given_back_is_for_all() -> None:
    memory = SharedMemory(100)
    memory.take(100)
    assert not memory.has_room(own=0)
    memory.give_back(60)
    assert memory.has_room(own=59)
    assert not memory.has_room(own=60)


def test_first_pieces_have_an_end_too() -> None:
    memory = SharedMemory(100)
    memory.take(199)
    assert memory.has_room_for_first
    memory.take(1)
    assert not memory.has_room_for_first
