"""Memory that several share, as packets of many connections share the buffers of a switch.

Whoever has taken as much as is left to the others takes no more: one alone may have half of it, the next one half of
the rest, and whoever comes later still finds some. Who has nothing may have a first piece however little is left; these
first pieces may be as much again, all together.
"""


class SharedMemory:
    """One such memory; whoever shares it knows what is his own.

    Args:
        max_bytes: how much there is, but for first pieces.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._taken = 0

    def take(self, size: int) -> None:
        """So many bytes more are taken."""
        self._taken += size

    def give_back(self, size: int) -> None:
        """So many bytes less are taken."""
        self._taken -= size

    def has_room(self, *, own: int) -> bool:
        """Whether somebody may take more who has taken so much, or is about to."""
        return own < self._max_bytes - self._taken

    @property
    def has_room_for_first(self) -> bool:
        """Whether somebody may take something who has nothing."""
        return self._taken < 2 * self._max_bytes
